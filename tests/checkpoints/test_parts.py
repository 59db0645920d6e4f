"""The classes that a recipe may name: all that networks need, and nothing else that can be called."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import cv2
import numpy as np
import pytest
import torch
import yaml
from torch import nn

import posepyr
from posepyr.annotations import is_node, signature_of
from posepyr.checkpoints import parts
from posepyr.checkpoints.parts import KINDS, Due, admitted, build_part, kinds_due
from posepyr.checkpoints.storage import write_checkpoint
from posepyr.checkpoints.weights import load_model
from posepyr.configuration.compose import Composer
from posepyr.inference.estimator import Estimator
from posepyr.layers.heads import ConvolutionalHead, PointwiseHead, SpatialHead
from posepyr.layers.inception import InceptionBlocks
from posepyr.layers.postactivation import PostactivationBlocks
from posepyr.layers.pyramid import PyramidBlocks
from posepyr.layers.pyramid_path import PyramidPaths
from posepyr.layers.residual import BlockRule, ResidualBlocks
from posepyr.skeleton import Skeleton
from posepyr.training.build import skeleton_node
from support import own_parts
from support.places import CONF
from support.reduced import DISTINCT, JOINTS, network, pixels, reduced

CODEC = {"_target_": "posepyr.codec.Codec"}
SKELETON = {"_target_": "posepyr.skeleton.Skeleton", "name": "one", "joints": ["a"]}
HOURGLASS = {"_target_": "posepyr.models.hourglass.StackedHourglass", "joints": 1, "width": 8, "stacks": 1, "depth": 1}
OWN = "support.own_parts"


def files(group: str) -> list[Path]:
    return sorted((CONF / group).glob("*.yaml"))


def targets(group: str) -> set[str]:
    """The classes that the files of a group name."""
    return {name for path in files(group) for name in re.findall(r"^_target_: (\S+)", path.read_text(), re.MULTILINE)}


def node_of(path: Path) -> dict[str, Any]:
    """A file of a group, composed where it goes on from another one."""
    plain: dict[str, Any] = yaml.safe_load(path.read_text())
    if "defaults" not in plain:
        return plain
    composed = Composer().job([f"{path.parent.name}={path.stem}"])
    node: dict[str, Any] = composed.config[path.parent.name]
    return node


def content_of(model: dict[str, Any], weights: dict[str, torch.Tensor] | None = None) -> dict[str, Any]:
    recipe = {
        "model": model, "codec": CODEC, "skeleton": SKELETON, "input_size": [64, 64], "padding": 1.25,
        "weights": "raw", "version": 1,
    }  # fmt: skip
    return {"posepyr": recipe, "state_dict": {f"model.{key}": value for key, value in (weights or {}).items()}}


def modules() -> list[ModuleType]:
    names = [info.name for info in pkgutil.walk_packages(posepyr.__path__, "posepyr.")]
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


def reachable() -> dict[str, Any]:
    """Everything callable by a dotted name below posepyr: its own, what it imports, and methods.

    In the rooms that recipes may name classes of, also what the modules that they import hold, as ``torch.load``.
    """
    found: dict[str, Any] = {}
    rooms = tuple(room for kind in KINDS.values() for room in kind.rooms)
    for module in modules():
        for name, value in vars(module).items():
            deeper = inspect.ismodule(value) and module.__name__.startswith(rooms)
            own = inspect.isclass(value) and value.__module__.startswith("posepyr.")
            inner = vars(value) if deeper or own else {}
            found |= {f"{module.__name__}.{name}.{key}": one for key, one in inner.items()}
            found[f"{module.__name__}.{name}"] = value
    return {name: value for name, value in found.items() if callable(value)}


ALLOWED: dict[Due, set[str]] = {
    "model": targets("model"),
    "classifier": targets("classifier"),
    "codec": {"posepyr.codec.Codec"},
    "skeleton": {"posepyr.skeleton.Skeleton"},
    "block rule": {
        f"{one.__module__}.{one.__name__}"
        for one in (BlockRule, ResidualBlocks, PyramidBlocks, InceptionBlocks, PostactivationBlocks)
    },
    "pyramid": {f"{PyramidPaths.__module__}.PyramidPaths"},
    "head": {f"{one.__module__}.{one.__name__}" for one in (PointwiseHead, SpatialHead, ConvolutionalHead)},
}


def test_of_all_that_can_be_called_nothing_else_is_reached() -> None:
    callables = reachable()
    assert len(callables) > 3000
    for due in get_args(Due):
        found = {}
        for name in callables:
            try:
                found[name] = admitted(name, due, "recipe")
            except ValueError:
                continue
        names = {f"{one.__module__}.{one.__name__}" for one in found.values()}
        if due == "module":
            assert all(issubclass(one, nn.Module) for one in found.values())
            assert all(name.startswith(("posepyr.models.", "posepyr.layers.")) for name in names)
        else:
            assert names == ALLOWED[due], due


def test_names_outside_of_a_kinds_rooms_are_not_even_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "find", lambda node: pytest.fail(f"{node} was imported"))
    for target in (
        "posepyr.cli.main.main",
        "os.system",
        "posepyr.modelsx.A",
        "posepyr",
        "models",
        "",
        ".",
        None,
        3,
        ["a"],
    ):
        with pytest.raises(
            ValueError, match=r"recipe\.model\._target_ must name a pose network of posepyr\.models, got"
        ):
            admitted(target, "model", "recipe.model")


def test_every_argument_of_an_admitted_class_says_what_it_takes() -> None:
    for names in ALLOWED.values():
        for name in names:
            found = parts.find({"_target_": name})
            if found is BlockRule:
                continue
            signature = signature_of(found)
            assert not signature.open, name
            for argument, (annotation, _) in signature.arguments.items():
                assert annotation not in (Any, object), f"{name}: {argument}"
                assert "module" not in kinds_due(annotation), f"{name}: {argument}"


ATTACKS = {
    "the command line": {
        "_target_": "posepyr.cli.main.main",
        "arguments": [
            "train", "experiment=demo", "progress=false",
            "callbacks.evil={_target_:os.system,command:'touch harmed'}",
        ],
    },
    "a builder in a builder": {
        "_target_": "posepyr.nodes.build",
        "only": None,
        "node": {
            "_target_": "posepyr.checkpoints.releases._as_classifier",
            "node": {"command": "touch harmed"},
            "target": "os.system",
        },
    },
    "a builder inside of a network": {**HOURGLASS, "block": {"_target_": "posepyr.nodes.build", "node": CODEC}},
    "a function that is partial": {**HOURGLASS, "head": {"_target_": "os.system", "_partial_": True}},
    "a function of ours": {**HOURGLASS, "head": {"_target_": "posepyr.layers.residual.shortcut", "_partial_": True}},
    "a function in a list": {**HOURGLASS, "mean": [0.5, {"_target_": "os.system", "command": "touch harmed"}, 0.5]},
    "another package": {"_target_": "subprocess.Popen", "args": "touch harmed", "shell": True},
    "through a module of ours": {"_target_": "posepyr.models.hourglass.nn.modules.module.torch.load", "f": "a"},
    "a method": {"_target_": "posepyr.models.hourglass.StackedHourglass.load_state_dict"},
    "a class of another kind": {"_target_": "posepyr.models.hourglass.Construction"},
    "a part where a network is due": {"_target_": "posepyr.models.ppnet.ParallelPyramids", "joints": 3},
    "a classifier": {"_target_": "posepyr.models.wide_resnet.WideResNet", "classes": 10},
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("place", ["model", "codec", "skeleton"])
def test_an_attack_is_one_line_and_runs_nothing(
    name: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = content_of(HOURGLASS, build_part(HOURGLASS, "model").state_dict())
    content["posepyr"][place] = ATTACKS[name]
    write_checkpoint(tmp_path / "a.ckpt", content)
    before = set(sys.modules)
    with pytest.raises(ValueError, match=rf"a\.ckpt: recipe\.{place}") as caught:
        Estimator.from_checkpoint(tmp_path / "a.ckpt")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]
    assert not {new for new in set(sys.modules) - before if new.startswith("posepyr.cli")}


def test_the_two_attacks_run_nothing_from_the_command_line(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    for name in ("the command line", "a builder in a builder"):
        write_checkpoint(tmp_path / "a.ckpt", content_of(ATTACKS[name]))
        command = [sys.executable, "-m", "posepyr", "predict", "a.ckpt", "a.png"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "may not choose other code" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": "8"}, r"model\.width must be int, got '8'"),
        ({"width": True}, r"model\.width must be int, got True"),
        ({"width": 3}, r"model cannot be built: width must be a positive multiple of 4, got 3"),
        ({"wide": 8}, r"model\.wide must be left out: StackedHourglass has no such argument"),
        ({"colour": "red"}, r"model\.colour must be one of rgb, bgr, got 'red'"),
        ({"mean": [1, 2]}, r"model cannot be built: "),
        ({"block": "A"}, r"model\.block must be "),
        ({"block": CODEC}, r"model\.block\._target_ must name a block rule of posepyr\.layers, got 'posepyr\.codec"),
        ({"block": {"_target_": "posepyr.layers.residual.PreactivationResidual"}}, "derived from .*BlockRule"),
        ({"block": {"_target_": "posepyr.layers.residual.BlockRule"}}, r"model\.block cannot be built: "),
        ({"block": {"_target_": "posepyr.layers.residual.Nothing"}}, r"model\.block\._target_ must name something"),
        ({"width": {"_target_": "posepyr.codec.Codec"}}, r"model\.width must be int, got a node with a _target_"),
        ({"_partial_": True}, r"model\._partial_ must be false for a pose network"),
        (
            {"head": {"_target_": "posepyr.layers.heads.PointwiseHead"}},
            r"model\.head\._partial_ must be true for a head",
        ),
        ({"joints": None}, r"model\.joints must be int, got None"),
    ],
)
def test_arguments_are_held_against_their_annotations(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^a\.ckpt: recipe\.{message}|^a\.ckpt: recipe\..*{message}") as caught:
        build_part({**HOURGLASS, **changes}, "model", "a.ckpt")
    assert "\n" not in str(caught.value)


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(ValueError, match=r"a\.ckpt: recipe\.model cannot be built: .*joints"):
        build_part({"_target_": HOURGLASS["_target_"]}, "model", "a.ckpt")
    with pytest.raises(ValueError, match=r"a\.ckpt: recipe\.model must be a node with a _target_, got \{\}"):
        build_part({}, "model", "a.ckpt")


def test_heads_by_todays_names_and_by_the_older_ones() -> None:
    for target in ("posepyr.layers.heads.convolutional", "posepyr.layers.heads.ConvolutionalHead"):
        model = build_part({**HOURGLASS, "head": {"_target_": target, "_partial_": True}}, "model")
        assert isinstance(model.heads[0], ConvolutionalHead)


@pytest.mark.parametrize(("due", "group"), [("model", "model"), ("classifier", "classifier"), ("codec", "codec")])
def test_every_file_of_a_group_builds(due: Due, group: str) -> None:
    assert files(group)
    size = {"model": {"joints": 16}, "classifier": {"classes": 10}}.get(group, {})
    for path in files(group):
        with torch.device("meta"):
            build_part({**node_of(path), **size}, due, path.stem)


def test_every_skeleton_builds() -> None:
    for path in files("skeleton"):
        if path.stem != "custom":
            skeleton: Skeleton = build_part(node_of(path), "skeleton", path.stem)
            assert build_part(skeleton_node(skeleton), "skeleton") == skeleton


@pytest.mark.parametrize("name", DISTINCT)
def test_every_network_comes_back_with_its_weights(name: str) -> None:
    node = reduced(name) | {"joints": JOINTS}
    model = network(reduced(name)).eval()
    loaded = load_model(content_of(node, model.state_dict()))
    assert not loaded.training
    with torch.inference_mode():
        for ours, theirs in zip(loaded(pixels()), model(pixels()), strict=True):
            assert torch.equal(ours, theirs)


def own(name: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": f"{OWN}.{name}", **arguments}


def test_a_trusted_packages_parts_are_built() -> None:
    node = own(
        "OwnNetwork", joints=2, body=own("OwnBody", width=1), bodies=[own("OwnBody", width=2)],
        block=own("OwnBlocks"), head={"_target_": "posepyr.layers.heads.PointwiseHead", "_partial_": True},
    )  # fmt: skip
    model = build_part(node, "model", trust=["support"])
    assert isinstance(model.bodies[0], own_parts.OwnBody)
    assert isinstance(model.block, own_parts.OwnBlocks)
    assert isinstance(model.body, own_parts.OwnBody)
    assert isinstance(load_model(content_of(node, model.state_dict()), ["support"]), own_parts.OwnNetwork)
    assert isinstance(build_part(own("OwnCodec"), "codec", trust=[OWN]), own_parts.OwnCodec)
    with pytest.raises(ValueError, match=r"may not choose other code; if it is yours, --trust support"):
        build_part(node, "model")


@pytest.mark.parametrize(
    ("due", "node"),
    [
        ("model", own("harm", command="x")),
        ("model", own("Harm", command="x")),
        ("model", own("OwnBody", width=1)),
        ("model", own("OwnNetwork", joints=1, body=own("Harm", command="x"))),
        ("model", own("OwnNetwork", joints=1, body=own("harm", command="x"))),
        ("model", own("OwnNetwork", joints=1, body={"_target_": "os.system", "command": "touch harmed"})),
        ("model", own("OwnNetwork", joints=1, head=own("harm", _partial_=True))),
        ("model", own("nn.Module")),
        ("model", {"_target_": "posepyr.training.task.PoseTask"}),
        ("codec", own("Harm")),
        ("codec", own("OwnNetwork", joints=1)),
        ("skeleton", own("OwnCodec")),
    ],
)
def test_of_a_trusted_package_only_parts_of_a_kind_are_built(due: Due, node: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^a: recipe\."):
        build_part(node, due, "a", trust=["support", "posepyr"])
    assert own_parts.CALLED == []


def test_each_kinds_base_exists() -> None:
    for kind in KINDS.values():
        assert inspect.isclass(parts.find({"_target_": kind.base}))
        assert not is_node(kind)
