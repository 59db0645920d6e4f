"""Pages that the site makes of what stands elsewhere: README, changes, studies, the papers' recipes."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from posepyr.configuration.papers import Paper, PaperRow, papers

ROOT = Path(__file__).resolve().parents[1]

COPIED = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
"""Files of the repository's root that are pages of the site."""

ROLE = re.compile(r":(?:class|func|meth|attr|mod|data):(<code>)~?(?:[\w.]+\.)?(\w+</code>)")
"""A docstring's reference in Sphinx's notation, as Markdown renders it."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and the studies with their figures."""
    for source, page in COPIED.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for path in sorted((ROOT / "experiments").rglob("*")):
        if path.is_file() and path.suffix in {".md", ".png", ".csv", ".json", ".py"}:
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Fill in the recipes, and turn the repository's links into the site's, where ``docs/`` is the root."""
    if "/" in page.file.src_uri:
        return markdown
    filled = markdown.replace("<!-- recipes -->", "\n\n".join(section(paper) for paper in papers().values()))
    return filled.replace("](docs/)", "](first_steps.md)").replace("](docs/", "](").replace("](../", "](")


def on_page_content(content: str, **_: object) -> str:
    """Show references of docstrings as plain code."""
    return ROLE.sub(r"\1\2", content)


def section(paper: Paper) -> str:
    """Return a paper's recipes as a Markdown section."""
    table = ["| row | published | command |", "|---|---|---|", *(line(row) for row in paper.rows if not row.counted)]
    return "\n\n".join([f"## {paper.name}", f"*{paper.title}*", "\n".join(table)])


def line(row: PaperRow) -> str:
    """Return a recipe as a line of a Markdown table."""
    heading = f"<strong>{plain(row.title)}</strong>, {plain(row.place.short)}"
    recipe = heading + "".join(f"<br><small>{plain(remark)}</small>" for remark in remarks(row))
    cells = (recipe, "<br>".join(plain(figure) for figure in published(row)), command(row))
    return "| " + " | ".join(cells) + " |"


def command(row: PaperRow) -> str:
    """Return the command of a recipe, or the reason why there is none."""
    return f"`{row.command}`" if row.command else plain(row.reason)


def plain(text: str) -> str:
    """Return a text with nothing in it that Markdown or HTML would take for their own."""
    return re.sub(r"[*_|`\[\]]", lambda match: f"&#{ord(match[0])};", html.escape(" ".join(text.split())))


def published(row: PaperRow) -> Iterator[str]:
    """Yield the figures that the paper prints."""
    if row.outcome != row.size.text:
        yield row.outcome
    if row.size.parameters[:1].isdigit():
        yield f"{row.size.parameters} M parameters"
    if row.size.gflops[:1].isdigit():
        yield f"{row.size.gflops} GFLOPs"


def remarks(row: PaperRow) -> Iterator[str]:
    """Yield what is to be known before a recipe is trained."""
    if row.begins:
        yield f"begins with {row.begins}"
    if row.note:
        yield row.note
