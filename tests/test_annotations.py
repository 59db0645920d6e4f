from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional

import pytest

from posepyr.annotations import choices, fits, signature, spell
from support.cli_parts import Block

NODE = {"_target_": "support.cli_parts.Block"}
Name = NewType("Name", str)


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (int, [0, -3], [True, 1.0, "1", None, [1]]),
        (float, [0, 1.5, float("inf")], [False, "1.5", None]),
        (bool, [True, False], [0, 1, "true", None]),
        (str, ["", "x"], [1, None, ["x"]]),
        (None, [None], [0, "", False]),
        (int | None, [3, None], ["x", True]),
        (Optional[str], ["x", None], [3]),
        (Literal["a", "b", 1], ["a", 1], ["c", True, 2]),
        (list[int], [[], [1, 2]], [[1, "x"], 3, "12"]),
        (Sequence[float], [[0.5, 1]], ["12", [None]]),
        (Iterable[str], [["a"]], ["a", [1]]),
        (tuple[int, int], [[1, 2]], [[1], [1, 2, 3], ["a", 1]]),
        (tuple[int, ...], [[], [1, 2, 3]], [["a"], 1]),
        (tuple[tuple[str, str], ...], [[["a", "b"]]], [[["a"]], ["ab"]]),
        (dict[str, int], [{"a": 1}], [{"a": "x"}, [1]]),
        (Mapping[str, Any], [{"a": object}], ["a"]),
        (list, [[1, "a"]], [{}]),
        (Path, ["a/b"], [3]),
        (Any, [1, None, "x", []], []),
        (object, [1, None], []),
        (Annotated[int, "positive"], [1], ["x"]),
        (Name, ["x"], [1]),
        (Block, [], [1, "x", None, {}, {"variant": "A"}]),
        (Block | int, [1], ["x", None]),
        (Callable[[int], Any], [], [1, "print"]),
        (Sequence[Block], [[NODE], []], [[1]]),
    ],
)
def test_values_that_fit_and_values_that_do_not(annotation: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not fits(value, annotation)] == []
    assert [value for value in bad if fits(value, annotation)] == []
    assert fits(NODE, annotation), "what a node builds is not known beforehand"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "int"),
        (int | None, "int or null"),
        (float | Block, "float"),
        (Block, "a node with a _target_ (Block)"),
        (Block | None, "a node with a _target_ (Block) or null"),
        (Literal["a", "b"] | Literal["b", 1] | None, "one of a, b, 1 or null"),
        (tuple[int, float], "a list [int, float]"),
        (list[str], "a list of str"),
        (Sequence[Any], "a list"),
        (dict[str, int], "a mapping"),
        (Path, "a path"),
    ],
)
def test_types_in_words(annotation: Any, words: str) -> None:
    assert spell(annotation) == words


def test_the_words_that_a_type_lists() -> None:
    assert choices(Literal["a", 1] | Literal["b"] | int | None) == ["a", "b"]
    assert choices(int) == []


def test_signatures_leave_out_what_cannot_be_named() -> None:
    found = signature("support.cli_parts.Anything")
    assert (list(found.arguments), found.open) == (["first"], True)
    assert signature("support.cli_parts.Source").arguments["file"].annotation is str
