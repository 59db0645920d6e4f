"""The documentation site: it builds without a warning, and its pages ask no other host for anything."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from support.places import ROOT

pytest.importorskip("material", reason="the extra docs is not installed")
pytest.importorskip("mkdocstrings_handlers.python", reason="the extra docs is not installed")

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}
"""Elements that make a browser load something, and the attribute that says what."""


class Assets(HTMLParser):
    """The addresses that a page loads by itself."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADED.get(tag, ""))
        if address:
            self.found.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        found = Assets(page).found
        assert found
        assert not [address for address in found if "//" in address], page.name
        # The page for addresses that are not there is meant for a server's root.
        missing = [address for address in found if page.stem != "404" and not (page.parent / address).is_file()]
        assert not [address for address in missing if not address.startswith("data:")], page.name


def test_no_style_loads_anything_from_another_host(site: Path) -> None:
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert "url(http" not in text
        assert "url(//" not in text
        assert "@import" not in text


def test_search_works_from_the_disk(site: Path) -> None:
    """The index is a script, since a page of the disk may not read a file beside it."""
    assert (site / "search" / "search_index.js").read_text(encoding="utf-8").startswith("var __index = ")
    assert 'src="iframe-worker.js"' in (site / "index.html").read_text(encoding="utf-8")


def test_recipes_and_reference_are_filled_in(site: Path) -> None:
    assert (site / "recipes.html").read_text(encoding="utf-8").count("<tr>") > 100
    reference = (site / "reference.html").read_text(encoding="utf-8")
    for name in ("compose", "train", "evaluate", "model", "load_model", "Estimator", "Codec", "Skeleton"):
        assert f'id="posepyr.{name}"' in reference
