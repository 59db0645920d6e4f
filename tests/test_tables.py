"""Tables in plain text: columns below each other, scores in the order that readers expect."""

import doctest

import pytest

from posepyr import tables
from posepyr.tables import align, score_table


def test_the_example_of_the_docstring() -> None:
    assert doctest.testmod(tables) == (0, 1)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        (">", ["  a  bb  c", "ddd   e"]),
        ("<", ["a    bb  c", "ddd  e"]),
        ("<>", ["a    bb  c", "ddd   e"]),
        (">><", ["  a  bb  c", "ddd   e"]),
    ],
)
def test_columns_stand_below_each_other(sides: str, expected: list[str]) -> None:
    assert align([["a", "bb", "c"], ["ddd", "e", ""]], sides) == expected
    assert align([], sides) == []


def test_joints_are_rows_and_splits_are_columns() -> None:
    assert score_table({"test/pck/ankle": 0.25, "test/pck": 0.5, "val/pck": 0.75}).splitlines() == [
        "score     test    val",
        "pck      0.500  0.750",
        "  ankle  0.250",
    ]


def test_columns_say_whose_scores_they_are() -> None:
    scores = {"best/val/pck": 0.75, "best/val/pck/hip": 0.5, "test/pck": 0.25, "last/val/pck": 0.625}
    assert score_table(scores).splitlines() == [
        "score  best val  best test  last val",
        "pck       0.750      0.250     0.625",
        "  hip     0.500",
    ]
    del scores["best/val/pck"], scores["best/val/pck/hip"]
    assert score_table(scores).splitlines() == ["score  last test  last val", "pck        0.250     0.625"]


def test_stages_are_told_apart_for_best_and_last() -> None:
    scores = {"best/val/pck": 0.5, "best/val_stage_1/pck": 0.25, "test/pck": 0.75, "last/val/pck": 0.125}
    assert score_table(scores).splitlines() == [
        "best val  stage 1   last", "pck         0.250  0.500", "",
        "best test   last", "pck        0.750", "",
        "last val   last", "pck       0.125",
    ]  # fmt: skip


def test_parts_stand_under_the_name_of_what_they_are_parts_of() -> None:
    scores = {
        "val/pckh/knee": 0.1, "val/pckh_by_visibility/visible": 0.2, "val/pckh_by_size/large": 0.3,
        "val/pckh_by_size/small": 0.4, "val/pckh_by_size/medium": 0.5, "val/pckh_by_people/3+": 0.6,
        "val/pckh": 0.7, "val/pckh@0.1": 0.8, "val/pckh_people_not_scored": 12.0,
    }  # fmt: skip
    assert score_table(scores).splitlines() == [
        "score                     val",
        "pckh                    0.700",
        "  knee                  0.100",
        "pckh@0.1                0.800",
        "pckh by people",
        "  3+                    0.600",
        "pckh by size",
        "  small                 0.400",
        "  medium                0.500",
        "  large                 0.300",
        "pckh by visibility",
        "  visible               0.200",
        "pckh_people_not_scored     12",
    ]


def test_stages_are_columns_of_a_table_for_each_split() -> None:
    scores = {
        "val_detbox_stage_1/ap": 0.1, "val_detbox/ap": 0.3, "val_detbox_stage_2/ap": 0.2,
        "test_stage_1/pck": 0.4, "test/pck": 0.5, "test/pck/hip": 0.6,
    }  # fmt: skip
    assert score_table(scores).splitlines() == [
        "val_detbox  stage 1  stage 2   last",
        "ap            0.100    0.200  0.300",
        "",
        "test   stage 1   last",
        "pck      0.400  0.500",
        "  hip           0.600",
    ]


def test_numbers_stand_in_line() -> None:
    *_, shares, count = score_table({"val/pck": 0.5, "val/pck_people_not_scored": 3.0}).splitlines()
    assert len(shares) == len(count)
