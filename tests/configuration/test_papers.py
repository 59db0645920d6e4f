"""The papers' tables: rows that say where they stand, what they expect and how they are trained."""

import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from posepyr.configuration.compose import Composer
from posepyr.configuration.papers import Paper, PaperRow, papers, replacement
from posepyr.errors import UsageError
from support.recipes import ROWS


def named(row: PaperRow) -> str:
    return f"{row.place.paper} {row.place.short} {row.title}"


def test_rows_differ_by_their_place_and_what_they_are() -> None:
    assert [name for name, count in Counter(map(named, ROWS)).items() if count > 1] == []
    assert all(row.place.short for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_row_says_what_is_expected_and_how_it_is_trained(row: PaperRow) -> None:
    assert row.outcome
    words = shlex.split(row.command)
    kind = "train" if row.trains else "bench" if row.bench else "complexity"
    assert words[:2] == ["posepyr", kind] * (not row.reason)
    if row.trains:
        assert words[2:] == row.choices
    if row.formerly:
        assert row.trains


def test_an_earlier_name_stands_for_one_row() -> None:
    names = [name for row in ROWS for name in row.formerly]
    assert len(set(names)) == len(names) == 126
    assert replacement("hrnet/coco_w32_256x192_scratch") == "posepyr train experiment=hrnet/coco init=normal"
    assert replacement("hrnet/coco") is None


def test_an_earlier_name_is_answered_with_the_command() -> None:
    # In quotes, since a shell would look for files that match brackets.
    command = "posepyr train experiment=ppnet/coco 'model.depth_ratio=[2,3]'"
    with pytest.raises(UsageError, match=rf"; that training is now: {re.escape(command)}$"):
        Composer().job(["experiment=ppnet/coco_m2_d2_w32_256x192_depth_2_3"])


TEXTS = {"PyraNet": "pyranet", "MSSH": "mssh", "HRNet": "hrnet", "PPNet": "ppnet"}
DERIVED = {("PPNet M1-D8-W32", "val_detbox/ap"), ("PPNet M2-D4-W32", "val_detbox/ap")}
"""Scores that the text gives as differences."""


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_row_prints_is_in_the_papers_text(name: str, shared: Path) -> None:
    file = shared / "papers" / f"{TEXTS[name]}.txt"
    if not file.is_file():
        pytest.skip(f"no text of the paper: {file}; the papers are not part of the repository")
    numbers = set(re.findall(r"\d+(?:\.\d+)?", file.read_text(encoding="utf-8")))
    for row in ROWS:
        if row.place.paper != name:
            continue
        for figure in (row.size.parameters, row.size.gflops):
            assert not figure or figure.startswith(">") or figure in numbers, named(row)
        for quantity, score in row.scores.items():
            printed = {f"{value:.{digits}f}" for value in (100 * score, 100 - 100 * score) for digits in (1, 2)}
            assert printed & numbers or (row.what, quantity) in DERIVED, (named(row), quantity)
        if row.bench or row.reason:
            told = re.findall(r"\d+\.\d+|(?<=^)\d+(?= samples)", row.expected)
            assert told, named(row)
            assert set(told) <= numbers | {"0.5", "0.2"}, named(row)


@pytest.mark.parametrize(
    ("keys", "title", "outcome"),
    [
        ({"overrides": "input=384x288", "scores": {"test/pckh": 0.885, "val/pckh": 0.8991}}, "a network, 384x288",
         "test/pckh 0.885, val/pckh 0.8991"),
        ({"overrides": "input=128x96", "what": "one at 128x96", "expected": "more"}, "one at 128x96", "more"),
        ({"parameters": "28.5", "gflops": "7.10"}, "a network", "28.5M parameters, 7.10 GFLOPs"),
        ({"parameters": ">0", "against": "model.block.variant=B"}, "a network", ">0% more parameters"),
    ],
)  # fmt: skip
def test_a_row_in_words(tmp_path: Path, keys: dict[str, Any], title: str, outcome: str) -> None:
    row = one_row(tmp_path, {"what": "a network", "experiment": "hrnet/coco", **keys})
    assert (row.title, row.outcome) == (title, outcome)
    assert (row.place.short, row.place.full) == ("table 1", "section 4.1, table 1")


def test_a_key_of_no_meaning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="gflop"):
        one_row(tmp_path, {"what": "a network", "gflop": "7.1"})


def one_row(folder: Path, keys: dict[str, Any]) -> PaperRow:
    import yaml

    content = {"paper": "HRNet", "title": "", "tables": [{"table": "1", "section": "4.1", "rows": [keys]}]}
    (folder / "paper.yaml").write_text(yaml.safe_dump(content))
    return Paper(folder / "paper.yaml").rows[0]


def test_every_row_that_can_is_told_to_a_file() -> None:
    rows = [row.to_dict() for paper in papers().values() for row in paper.rows]
    assert all({"where", "what", "command"} <= row.keys() for row in rows)
    scratch = next(row for row in rows if row["what"] == "HRNet-W32, from scratch")
    assert scratch["where"] == "HRNet, section 4.1, table 1"
    assert (scratch["parameters"], scratch["scores"]) == ("28.5", {"val_detbox/ap": 0.734})
    assert scratch["score"].startswith("posepyr evaluate RUN/")
