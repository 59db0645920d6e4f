"""Nodes: what is built of them, what their errors say, and names from before a move."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from posepyr.annotations import signature
from posepyr.codec import Codec
from posepyr.data.loading.augment import Augment
from posepyr.nodes import LATER_ARGUMENTS, MOVED, RENAMED_ARGUMENTS, as_before, build, current_name, find, renewed

OLD = json.loads((Path(__file__).parent / "data_files" / "legacy" / "targets.json").read_text())
"""What configurations and recipes of commit 2f477de could name, with the arguments that they could hold."""
CODEC = {"_target_": "posepyr.codec.Codec", "sigma": 3.0}


def test_a_node_becomes_what_it_names() -> None:
    assert build(CODEC) == Codec(sigma=3.0)
    assert build(CODEC, grid="udp") == Codec(sigma=3.0, grid="udp")


def test_nodes_nest_in_arguments_and_lists() -> None:
    node = {"_target_": "builtins.dict", "one": CODEC, "many": [CODEC, {"inner": CODEC}], "plain": [1, "a", None]}
    codec = Codec(sigma=3.0)
    assert build(node) == {"one": codec, "many": [codec, {"inner": codec}], "plain": [1, "a", None]}


def test_a_partial_node_waits_for_its_last_arguments() -> None:
    half = build({"_target_": "posepyr.data.loading.augment.Augment", "_partial_": True, "scale": 0.1})
    augment = half(rotation=5.0)
    assert isinstance(augment, Augment)
    assert (augment.scale, augment.rotation) == (0.1, 5.0)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({}, "_target_ must be a dotted path"),
        ({"_target_": "Codec"}, "_target_ must be a dotted path .* got 'Codec'"),
        ({"_target_": "posepyr.codec.Kodec"}, "can be imported, got posepyr.codec.Kodec"),
        ({"_target_": "posepyr.kodec.Codec"}, "can be imported, got posepyr.kodec.Codec"),
        ({**CODEC, "sigmar": 1}, "posepyr.codec.Codec: .*sigmar"),
        ({**CODEC, "sigma": -1}, "sigma must be positive"),
    ],
)
def test_a_wrong_node_says_what_is_wrong(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(node)


def test_an_error_names_the_place_of_its_node() -> None:
    wrong = {**CODEC, "sigma": -1}
    with pytest.raises(ValueError, match=r"^codec\.sigma must be positive, got -1"):
        build(wrong, "codec")
    with pytest.raises(ValueError, match=r"^model\.many\[1\]\.inner\.sigma must be positive"):
        build({"_target_": "builtins.dict", "many": [CODEC, {"inner": wrong}]}, "model")
    with pytest.raises(ValueError, match=r"^codec\._target_ must be a dotted path"):
        build({}, "codec")


def fussy(sigma: float) -> None:
    raise ValueError(f"sigma {sigma} is not what others must have")


def test_an_error_of_something_else_stays_as_it_is() -> None:
    with pytest.raises(ValueError, match=r"^sigma 1\.0 is not"):
        build({"_target_": f"{__name__}.fussy", "sigma": 1.0}, "codec")


@pytest.mark.parametrize("target", OLD)
def test_what_older_files_name_is_found_and_takes_its_arguments(target: str) -> None:
    now = renewed({"_target_": target} | dict.fromkeys(OLD[target]))
    assert callable(find(now))
    assert now["_target_"] == current_name(target)
    assert now.keys() - {"_target_"} <= signature(now["_target_"]).arguments.keys()


def test_each_old_name_is_gone_and_each_new_one_is_there() -> None:
    for old, new in MOVED.items():
        assert current_name(new) == new, f"{new} has moved on"
        try:
            importlib.import_module(new)
        except ModuleNotFoundError:
            find({"_target_": new})
        with pytest.raises((ModuleNotFoundError, AttributeError)):
            getattr(importlib.import_module(old.rpartition(".")[0]), old.rpartition(".")[2])


def test_arguments_are_renamed_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RENAMED_ARGUMENTS, "posepyr.metrics.pck.PCKh", {"left_out": "hidden"})
    old = {"metrics": [{"_target_": "posepyr.metrics.pckh.PCKh", "left_out": ["neck"]}], "left_out": 1}
    new = {"metrics": [{"_target_": "posepyr.metrics.pck.PCKh", "hidden": ["neck"]}], "left_out": 1}
    assert renewed(old) == new
    assert renewed(new) == new


def test_later_arguments_are_arguments() -> None:
    for target, later in LATER_ARGUMENTS.items():
        assert current_name(target) == target
        assert later.keys() <= signature(target).arguments.keys()


def test_nodes_of_older_files_keep_what_they_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LATER_ARGUMENTS, "posepyr.codec.Codec", {"grid": "udp"})
    node = {"_target_": "posepyr.codec.Codec", "sigma": 2.0}
    assert as_before({"codecs": [node], "seed": 1}) == {"codecs": [{**node, "grid": "udp"}], "seed": 1}
    chosen = {**node, "grid": "plain"}
    assert as_before(chosen) == chosen
