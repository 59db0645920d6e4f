import doctest

import pytest

from posepyr.configuration import varying as module
from posepyr.configuration.varying import key_of, shortened, varying


def test_the_examples_of_the_docstrings() -> None:
    assert doctest.testmod(module) == (0, 2)


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ([], []),
        ([["seed=0", "model=a"]], [["seed=0", "model=a"]]),
        ([["seed=0"], ["seed=0"]], [["seed=0"], ["seed=0"]]),
        ([["a=1", "b=1", "c=1"], ["a=1", "b=2", "c=1"], ["a=1", "b=1", "c=2"]],
         [["b=1", "c=1"], ["b=2", "c=1"], ["b=1", "c=2"]]),
        # Given to some jobs alone, or added to one and deleted from another.
        ([["a=1", "b=1"], ["a=1"]], [["b=1"], []]),
        ([["a=1", "+b.c=1"], ["a=1", "~b.c"]], [["+b.c=1"], ["~b.c"]]),
        # The last of two counts.
        ([["a=1", "a=2"], ["a=2"]], [["a=2"], ["a=2"]]),
        ([["b=[1,x=2]"], ["b=[1,x=3]"]], [["b=[1,x=2]"], ["b=[1,x=3]"]]),
    ],
)  # fmt: skip
def test_what_differs_is_told(jobs: list[list[str]], expected: list[list[str]]) -> None:
    assert varying(jobs) == expected


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model.block.variant=B", "+optimizer.lr=1e-3"], ["variant=B", "+lr=1e-3"]),
        (["data.source.size=64", "augment.size=3", "seed=1"], ["data.source.size=64", "augment.size=3", "seed=1"]),
        (["experiment=pyranet/mpii_hg2", "~callbacks.ema"], ["experiment=pyranet/mpii_hg2", "~ema"]),
        (["seed=model.seed"], ["seed=model.seed"]),
    ],
)
def test_keys_are_shortened_where_they_stay_apart(overrides: list[str], expected: list[str]) -> None:
    assert shortened(overrides) == expected


def test_a_key_is_what_stands_before_the_value() -> None:
    assert [key_of(line) for line in ("a.b=1", "++a.b=x=y", "~a.b", "~a=b")] == ["a.b", "a.b", "a.b", "a"]
