"""Descriptions and tables of one's own, spoilt in every field."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from posepyr.data.sources.custom import Custom
from support.malformed import LONG, MISSING, Case, Format, Row, of_file, put
from support.malformed_json import coco_content

NAN = float("nan")
COUNTED = True

DEFINITION = {
    "name": "hands",
    "joints": ["nose", "left_hand", "right_hand"],
    "flip_pairs": [["left_hand", "right_hand"]],
    "limbs": [["nose", "left_hand"]],
    "sigmas": [0.03, 0.06, 0.06],
    "unit": ["left_hand", "right_hand"],
    "images": ".",
    "annotations": {"train": "train.json", "val": "val.csv"},
}

COLUMNS = [
    "image",
    "x",
    "y",
    "width",
    "height",
    *(f"{joint}_{axis}" for joint in DEFINITION["joints"] for axis in "xy"),
]
PERSON = ["one.png", "1", "2", "30", "40", "5", "6", "7", "8", "9", "10"]


def table(*rows: Sequence[str]) -> str:
    return "".join(f"{','.join(row)}\n" for row in rows)


def write_custom(folder: Path) -> None:
    (folder / "hands.yaml").write_text(yaml.safe_dump(DEFINITION))
    (folder / "train.json").write_text(json.dumps(coco_content()))
    (folder / "val.csv").write_text(table(COLUMNS, PERSON, PERSON))


YAML: list[Row] = [
    ("wrong type", "", [1], "the file must map"),
    ("empty", "", None, "the file must map"),
    ("missing", "name", MISSING, "name must be given"),
    ("wrong type", "name", 5, "name must be a text"),
    ("missing", "joints", MISSING, "joints must be given"),
    ("empty", "joints", [], "joints must be distinct names"),
    ("wrong type", "joints", "nose", "joints must be a list"),
    ("wrong type", "joints.1", True, "joints must be names"),
    ("count", "joints.1", "nose", "joints must be distinct names"),
    ("wrong type", "flip_pairs", 7, "flip_pairs must be a list"),
    ("count", "flip_pairs.0", ["left_hand"], "flip_pairs must hold pairs"),
    ("wrong type", "limbs.0.0", "tail", "limbs must name joints"),
    ("wrong type", "sigmas", 0.1, "sigmas must be a list"),
    ("count", "sigmas", [0.1], "sigmas must hold one number for each"),
    ("negative", "sigmas.0", -0.1, "sigmas must be"),
    ("not a number", "sigmas.0", NAN, "sigmas must be"),
    ("huge", "sigmas.0", LONG, "sigmas must be"),
    ("wrong type", "unit", 3, "unit must"),
    ("missing", "images", MISSING, "images must be given"),
    ("wrong type", "images", 3, "images must map"),
    ("wrong type", "images", "nowhere", "images must name a folder"),
    ("missing", "annotations", MISSING, "annotations must be given"),
    ("empty", "annotations", {}, "annotations must name a file for train"),
    ("wrong type", "annotations.val", "val.xls", r"annotations\.val must end in"),
    ("wrong type", "annotations.val", "gone.csv", r"annotations\.val must name a file"),
    ("wrong type", "joinst", ["nose"], "key must be one of .*did you mean joints"),
]


def of_yaml(one: Format) -> Iterator[Case]:
    for fault, place, value, says, *_ in YAML:
        content = put(DEFINITION, place, value)
        yield Case(
            one.name, fault, f"{place} {str(value)[:20]}",
            lambda folder, content=content: (folder / one.file).write_text(yaml.safe_dump(content)), says,
        )  # fmt: skip
    for where, text in (("brackets", "joints: [nose"), ("a tab", "a:\n\t- b"), ("nesting", "[" * 2000)):
        yield Case(
            one.name, "wrong type", where, lambda folder, text=text: (folder / one.file).write_text(text), "valid YAML"
        )


def cell(column: str, value: str) -> str:
    row = list(PERSON)
    row[COLUMNS.index(column)] = value
    return table(COLUMNS, row, PERSON)


CSV: list[tuple[str, str, str, str] | tuple[str, str, str, str, bool]] = [
    ("empty", "header only", table(COLUMNS), "must hold a person"),
    ("missing", "a column", table(COLUMNS[:-1], PERSON[:-1]), "line 1: header must name the column right_hand_y"),
    ("wrong type", "a column", table([*COLUMNS, "nose_z"], [*PERSON, "1"]), "line 1: header must name only known"),
    ("count", "a column twice", table([*COLUMNS, "image"], [*PERSON, "1"]), "line 1: header must name every column"),
    ("missing", "half a box", table([*COLUMNS[:2], *COLUMNS[5:]], PERSON[:-3]), "line 1: header must name all of"),
    ("count", "a cell too few", table(COLUMNS, PERSON[:-1]), "line 2: the row must have 11 cells"),
    ("count", "a cell too many", table(COLUMNS, [*PERSON, "1"]), "line 2: the row must have 11 cells"),
    ("empty", "no picture", cell("image", ""), "line 2: image must name"),
    ("wrong type", "text", cell("nose_x", "left"), "line 2: nose_x must be a finite number"),
    ("not a number", "nan", cell("nose_x", "nan"), "line 2: nose_x must be a finite number"),
    ("huge", "inf", cell("nose_y", "inf"), "line 2: nose_y must be a finite number"),
    ("huge", "1e300", cell("nose_y", "1e300"), "line 2: nose_y must be a finite number"),
    ("huge", "a long number", cell("width", "9" * 5000), "line 2: width must be a finite number"),
    ("missing", "half a joint", cell("nose_y", ""), "line 2: nose_y must be a finite number"),
    ("negative", "a reversed box", cell("width", "-3"), "line 2: width, height must span"),
    ("empty", "an empty box", cell("height", "0"), "line 2: width, height must span"),
    ("empty", "no joints", table(COLUMNS, [*PERSON[:5], *[""] * 6], PERSON), "without labelled joints", COUNTED),
    ("wrong type", "a quote", table(COLUMNS) + '"one.png,1,2', "must be a comma-separated table"),
    ("huge", "a cell", cell("image", "a" * 200_000), "must be a comma-separated table"),
    ("wrong type", "zero bytes", cell("nose_x", "\0"), "line 2: nose_x must|comma-separated"),
]  # fmt: skip


def of_csv(one: Format) -> Iterator[Case]:
    for fault, where, text, says, *counted in CSV:
        yield Case(
            one.name, fault, where, lambda folder, text=text: (folder / one.file).write_text(text), says, bool(counted)
        )


def read(folder: Path) -> object:
    return Custom(str(folder / "hands.yaml")).split("val")


FORMATS = [
    (Format("custom YAML", "hands.yaml", write_custom, read), of_yaml),
    (Format("CSV", "val.csv", write_custom, read), of_csv),
]


def cases() -> Iterator[Case]:
    for one, own in FORMATS:
        # Half of a description or of a table may be a whole one.
        yield from of_file(one, cuts=())
        yield from own(one)
    yield Case(
        "custom YAML", "truncated", "in the middle of a list",
        lambda folder: (folder / "hands.yaml").write_text("name: hands\njoints: [nose, left"), "valid YAML",
    )  # fmt: skip
    yield Case(
        "CSV", "truncated", "in the middle of a row",
        lambda folder: (folder / "val.csv").write_text(table(COLUMNS, PERSON, PERSON)[:-10]), "line 3: the row must",
    )  # fmt: skip


def formats() -> list[Format]:
    return [one for one, _ in FORMATS]
