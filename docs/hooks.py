"""Pages that the site makes of what stands elsewhere: README, changes, studies, the papers' recipes, the reference."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]

COPIED = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
"""Files of the repository's root that are pages of the site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and the studies with their figures."""
    for source, page in COPIED.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for path in sorted((ROOT / "experiments").rglob("*")):
        if path.is_file() and path.suffix in {".md", ".png", ".csv", ".json", ".py"}:
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository, where ``docs/`` is a folder, into links of the site, where it is the root."""
    if "/" in page.file.src_uri:
        return markdown
    return markdown.replace("](docs/", "](").replace("](../", "](")
