import copy
from typing import Any

import pytest

from posepyr.configuration.checking import check, missing
from posepyr.configuration.defaults import complete
from posepyr.errors import UsageError

DECLARED = complete(
    {
        "seed": 0,
        "progress": "rich",
        "checkpoint": {"monitor": "val/pck", "mode": "max"},
        "model": {
            "_target_": "support.cli_parts.Network",
            "block": {"_target_": "support.cli_parts.Block", "variant": "B"},
        },
        "callbacks": {"sheet": {"_target_": "support.cli_parts.Sheet"}},
        "logger": {"_target_": "support.cli_parts.Anything"},
    }
)
TOP = [*DECLARED, "experiment"]


def faults(key: str, value: object) -> str:
    """What is said where one value of a faultless configuration is another."""
    config = copy.deepcopy(DECLARED)
    *parents, last = key.split(".")
    node: Any = config
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value
    try:
        check(config, DECLARED, TOP)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.stacks", 8),
        ("model.width", None),
        ("model.rates", []),
        ("model.block", {"_target_": "support.cli_parts.Plain"}),
        ("model.head", {"_target_": "support.cli_parts.Plain", "_partial_": True}),
        ("logger", {"_target_": "support.cli_parts.Anything", "first": 3, "whatever": "x"}),
        ("callbacks.mine", {"_target_": "support.cli_parts.Sheet", "count": 3}),
        ("callbacks.sheet", None),
        ("progress", "tqdm"),
        ("progress", False),
        ("seed", 4),
    ],
)
def test_what_is_right_passes(key: str, value: object) -> None:
    assert faults(key, value) == ""


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model.block.levles", 2, "model.block.levles is no argument of support.cli_parts.Block, got 2; "
         "did you mean model.block.levels?"),
        ("model.blok.levels", 2, "did you mean model.block?"),
        ("model.stacks", "two", "model.stacks must be int, got 'two'"),
        ("model.stacks", None, "model.stacks must be int, got None"),
        ("model.bias", 1, "model.bias must be bool, got 1"),
        ("model.size", [1, 2, 3], "model.size must be a list [int, int], got [1, 2, 3]"),
        ("model.rates", [0.1, "x"], "model.rates must be a list of float, got [0.1, 'x']"),
        ("model.block.variant", "AA", "model.block.variant must be one of A, B, got 'AA'; did you mean A?"),
        ("model.block", "A", "model.block must be a node with a _target_ (Block), got 'A'"),
        ("model.block", {"_target_": "support.cli_parts.Block", "levels": "x"},
         "model.block.levels must be int, got 'x'"),
        ("model.joints", 14, "model.joints must not be given, got 14: it comes from the group skeleton"),
        ("model._target_", 3, "model._target_ must be a dotted path, got 3"),
        ("model._target_", "support.cli_parts.__doc__", "must name something that can be called"),
        ("model._partial_", 3, "model._partial_ must be bool, got 3"),
        ("logger.others", {"_target_": "support.cli_parts.Sheet", "cuont": 1}, "did you mean logger.others.count?"),
        ("logger.others", [{"_target_": "support.cli_parts.Sheet", "count": "x"}],
         "logger.others[0].count must be int"),
        ("callbacks.mine", {"_target_": "support.cli_parts.Sheet", "cuont": 1}, "did you mean callbacks.mine.count?"),
        ("callbacks.mine", 3, "a new entry needs a _target_"),
        ("checkpoint", 3, "checkpoint must be a mapping, got 3"),
        ("checkpoint.mode", "most", "checkpoint.mode must be one of max, min, got 'most'"),
        ("checkpoint.mod", "max", "checkpoint.mod is no key of checkpoint; did you mean checkpoint.mode?"),
        ("progress", "bar", "progress must be one of rich, tqdm, False or null, got 'bar'"),
        ("seed", "x", "seed must be int, got 'x'"),
        ("seed", True, "seed must be int, got True"),
        ("extra", 1, "extra is no key of the configuration; there is callbacks, checkpoint"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(key: str, value: object, message: str) -> None:
    assert message in faults(key, value)


def test_what_is_left_out_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        check({"seed": 0, "model": {"_target_": "support.cli_parts.Network"}}, DECLARED, TOP)
    said = str(caught.value)
    assert "model.block must be given, support.cli_parts.Network needs it: add model.block=VALUE" in said
    assert "model.joints" not in said, "that is injected"
    assert "progress must not be left out: give it a value with progress=VALUE" in said
    assert "checkpoint must not be left out: choose one" in said
    assert "logger" not in said, "that is optional"


def test_a_partial_node_gets_the_rest_later() -> None:
    assert faults("model", {"_target_": "support.cli_parts.Network", "_partial_": True}) == ""


def test_missing_values_are_found_at_any_depth() -> None:
    said = list(missing({"a": {"b": "???"}, "c": [1, {"d": "???"}], "e": "?"}))
    assert said == ["a.b must be given: add a.b=VALUE", "c[1].d must be given: add c[1].d=VALUE"]
