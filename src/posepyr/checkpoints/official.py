"""Other people's weights: a released file read, recognised and turned into a checkpoint of posepyr's own."""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from posepyr.checkpoints.recipe import Recipe, build
from posepyr.checkpoints.releases import RELEASES, Release, State
from posepyr.checkpoints.storage import read_checkpoint

PADDING = 1.25
"""All four releases cut their crops a quarter larger than the person's box."""

SHOWN = 8
"""How many keys of a kind an error names."""

COUNTER = "num_batches_tracked"
"""Batch norms of files older than this entry predict without it: it counts batches of training."""


class Report(NamedTuple):
    """What became of the keys: ``missing`` in posepyr's words, all others in the file's."""

    matched: list[str]
    missing: list[str]
    unexpected: list[str]
    reshaped: list[str]
    """With both shapes."""
    left_out: list[str]
    """A classifier's, which a pose network has no use for."""
    counters: list[str]
    """Missing counters of batch norms, set to 0."""

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} matched"]
        for name in ("missing", "unexpected", "reshaped"):
            keys: list[str] = getattr(self, name)
            more = ", ..." if len(keys) > SHOWN else ""
            parts.append(f"{len(keys)} {name}" + (f" ({', '.join(keys[:SHOWN])}{more})" if keys else ""))
        return ", ".join(parts)


class Conversion(NamedTuple):
    """A released file's network and weights."""

    release: Release
    recipe: Recipe
    state: dict[str, Tensor]
    report: Report

    def checkpoint(self) -> dict[str, Any]:
        """What a checkpoint holds, as training writes it."""
        state = {f"model.{key}": value for key, value in self.state.items()}
        return {"posepyr": self.recipe.to_dict(), "state_dict": state}


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a released file by their keys, without the wrapping that training left around them."""
    try:
        content: Mapping[str, Any] = read_checkpoint(path)
    except ValueError as error:
        if isinstance(error.__cause__, pickle.UnpicklingError):
            raise ValueError(
                f"{path} must hold tensors and plain data only: to read more, Python would have to run what the file "
                "says. If you trust it, save its weights alone with the program that wrote it: "
                f"torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW). ({error})"
            ) from error
        raise
    if "posepyr" in content:
        raise ValueError(f"{path} must be a file of another project; it is a checkpoint of posepyr already")
    for wrapping in ("state_dict", "model_state_dict", "model"):
        if isinstance(content.get(wrapping), Mapping):
            content = content[wrapping]
            break
    weights = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    if not weights:
        raise ValueError(
            f"{path} must hold a network's weights by name; found {', '.join(map(str, content)) or 'none'}"
        )
    if all(key.startswith("module.") for key in weights):  # saved under DataParallel
        weights = {key.removeprefix("module."): value for key, value in weights.items()}
    return weights


def recognise(state: State, where: str) -> str:
    """The name of the release that a file is of."""
    for name, release in RELEASES.items():
        if any(re.match(release.mark, key) for key in state):
            return name
    known = ", ".join(release.title for release in RELEASES.values())
    raise ValueError(f"{where} must be of one of these: {known}; its keys begin with {', '.join(list(state)[:3])}")


def joints_of(state: State, source: str) -> int | None:
    """How many joints a file's network predicts; None where it has no heatmap head."""
    head = RELEASES[source].head
    return int(state[head].shape[0]) if head in state and state[head].ndim == 4 else None


class Setting(NamedTuple):
    """What a file's weights are made for and do not tell."""

    skeleton: Mapping[str, Any]
    """A node whose joints are in the order of the heatmaps."""
    input_size: tuple[int, int]
    backbone: bool = False
    """Take a classifier's file, which has no heatmap head: a network can begin with it, but not predict."""


def convert(state: State, source: str, setting: Setting, where: str = "the file") -> Conversion:
    """The network and the weights of a released file, with all that belongs to them set as they were trained.

    Every weight has to find its place, and every place its weight; else ValueError says which did not.
    """
    release = RELEASES[source]
    _check_head(joints_of(state, source), setting, where)
    try:
        node = {**release.describe(state), "joints": len(setting.skeleton["joints"])}
    except ValueError as error:
        raise ValueError(f"{where}, taken for a file of {release.title}: {error}") from error
    with torch.device("meta"):
        model = build(node, only=("posepyr",))
    height, width = setting.input_size
    if height % model.divisor or width % model.divisor or height < 1 or width < 1:
        raise ValueError(f"the input size must be divisible by {model.divisor}, got {height}x{width}")
    converted, report = _match(state, release, model.state_dict(), backbone=setting.backbone)
    if report.missing or report.unexpected or report.reshaped:
        raise ValueError(f"{where} must fit a network of {release.title} key by key: {report}")
    codec = _codec(release, setting.input_size)
    recipe = Recipe(node, codec, dict(setting.skeleton), setting.input_size, PADDING)
    return Conversion(release, recipe, converted, report)


def _check_head(joints: int | None, setting: Setting, where: str) -> None:
    wanted = len(setting.skeleton["joints"])
    if setting.backbone and joints is not None:
        raise ValueError(
            f"{where} must be a classifier's to be taken as a backbone; it has heatmaps of {joints} joints"
        )
    if not setting.backbone and joints is None:
        raise ValueError(
            f"{where} must have a heatmap head to predict with, and has none; if it holds a classifier's weights, "
            "convert them with --backbone to begin a training with"
        )
    if joints is not None and joints != wanted:
        raise ValueError(f"the skeleton must have the {joints} joints of the heatmaps in {where}, got {wanted}")


def _match(state: State, release: Release, expected: State, *, backbone: bool) -> tuple[dict[str, Tensor], Report]:
    """The weights under the network's own keys."""
    rules = release.rules(state)
    report = Report([], [], [], [], [], [])
    converted: dict[str, Tensor] = {}
    for key, value in state.items():
        if backbone and re.match(release.classifier, key):
            report.left_out.append(key)
            continue
        ours = rename(key, rules)
        if ours not in expected:
            report.unexpected.append(key)
        elif expected[ours].shape != value.shape:
            report.reshaped.append(f"{key} is {_spell(value)}, not {_spell(expected[ours])}")
        else:
            report.matched.append(key)
        # Whatever its fate, such a place is not missing.
        converted[ours] = value.detach().clone()
    for key in [key for key in expected if key not in converted]:
        if key.endswith(COUNTER):
            report.counters.append(key)
            converted[key] = torch.tensor(0)
        elif not (backbone and key.startswith(release.heads)):
            report.missing.append(key)
    return {key: converted[key] for key in expected if key in converted}, report


def rename(key: str, rules: Any) -> str:
    """A file's key in the network's words."""
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key


def _spell(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a single number"


def _codec(release: Release, input_size: tuple[int, int]) -> dict[str, Any]:
    """The releases' codec: peaks on whole cells, a quarter cell's offset, wider Gaussians on larger heatmaps."""
    sigma = release.sigma or (3.0 if input_size[0] > 256 else 2.0)
    return {"_target_": "posepyr.codec.Codec", "sigma": sigma, "grid": "plain", "quantise": True, "refine": "quarter"}
