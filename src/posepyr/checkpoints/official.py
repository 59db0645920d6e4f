"""Weights of other projects: a released file recognised and converted to a checkpoint of posepyr's."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from posepyr.checkpoints.file_words import rename
from posepyr.checkpoints.parts import Due, build_part
from posepyr.checkpoints.recipe import CLASSIFIER_KEY, POSE_KEY, ClassifierRecipe, Recipe
from posepyr.checkpoints.releases import RELEASES, Release
from posepyr.checkpoints.weights import PREFIX, Report, State, compare

PADDING = 1.25
"""Size of the crop over the person's box in all four releases."""

CLASSIFIER_SIZE = (224, 224)
"""Height and width of the pictures that the classifiers were trained on."""

COUNTER = "num_batches_tracked"
"""Ending of the counters of batches in batch norms: older files lack them, and predicting takes none."""


class Conversion(NamedTuple):
    """A released file's network and weights."""

    release: Release
    recipe: Recipe | ClassifierRecipe
    state: dict[str, Tensor]
    report: Report

    def checkpoint(self) -> dict[str, Any]:
        """Return the content of the checkpoint, as training writes it."""
        state = {f"{PREFIX}{key}": value for key, value in self.state.items()}
        key = POSE_KEY if isinstance(self.recipe, Recipe) else CLASSIFIER_KEY
        return {key: self.recipe.to_dict(), "state_dict": state}


def recognise(state: State, where: str) -> str:
    """Return the name of the release that a file belongs to."""
    for name, release in RELEASES.items():
        if any(re.match(release.mark, key) for key in state):
            return name
    titles = ", ".join(release.title for release in RELEASES.values())
    raise ValueError(f"{where} must be of one of these: {titles}; its keys begin with {', '.join(list(state)[:3])}")


def joints_of(state: State, source: str) -> int | None:
    """Return the number of joints that a file's network predicts; None where it has no heatmap head."""
    head = RELEASES[source].head
    return int(state[head].shape[0]) if head in state and state[head].ndim == 4 else None


def classes_of(state: State, source: str) -> int | None:
    """Return the number of a file's classes; None where it lacks the last layer of the project's classifiers."""
    classifiers = RELEASES[source].classifiers
    last = classifiers and next((key for key in state if re.fullmatch(classifiers.last, key)), None)
    return int(state[last].shape[0]) if last and state[last].ndim == 2 else None


def decided_size(source: str, *, backbone: bool) -> tuple[int, int] | None:
    """Return the input size that all files of a kind have; None where it is not in their keys.

    A backbone alone has its classifier's.
    """
    return CLASSIFIER_SIZE if backbone else RELEASES[source].input_size


class Setting(NamedTuple):
    """All that a released file does not hold: the order of its joints, and the size of its input."""

    skeleton: Mapping[str, Any]
    """A node whose joints are in the order of the heatmaps."""
    input_size: tuple[int, int]
    backbone: bool = False
    """Take a classifier's file as a pose network without heads: training can begin with it, but it predicts nothing."""


def convert(state: State, source: str, setting: Setting, where: str = "the file") -> Conversion:
    """Convert a released file of a pose network, with colours, codec and crop as its weights were trained.

    Raise ValueError with the keys that differ unless each weight fits one of the network's.
    """
    release = RELEASES[source]
    _check_head(joints_of(state, source), setting, where)
    node = {**_described(release, release.describe, state, where), "joints": len(setting.skeleton["joints"])}
    model = _on_meta(node, "model")
    height, width = setting.input_size
    if height % model.divisor or width % model.divisor or height < 1 or width < 1:
        raise ValueError(f"the input size must be divisible by {model.divisor}, got {height}x{width}")
    converted, report = _match(state, release, model.state_dict(), backbone=setting.backbone)
    _check_fit(report, f"{where} must fit a network of {release.title}")
    codec = _codec(release, setting.input_size)
    recipe = Recipe(node, codec, dict(setting.skeleton), setting.input_size, PADDING)
    return Conversion(release, recipe, converted, report)


def convert_classifier(state: State, source: str, where: str = "the file") -> Conversion:
    """Convert a released file of a classifier, which a pose network can begin with."""
    release, classes = RELEASES[source], classes_of(state, source)
    if release.classifiers is None or classes is None:
        raise ValueError(f"{where} must have the last layer of a classifier of {release.title}, and has none")
    node = {**_described(release, release.classifiers.describe, state, where), "classes": classes}
    converted, report = _match(state, release, _on_meta(node, "classifier").state_dict(), backbone=False)
    try:
        _check_fit(report, f"{where} must fit a classifier of {release.title}")
    except ValueError as error:
        raise ValueError(f"{error}; --backbone leaves a classifier's head out") from error
    recipe = ClassifierRecipe(node, [str(number) for number in range(classes)], CLASSIFIER_SIZE)
    return Conversion(release, recipe, converted, report)


def _described(
    release: Release, describe: Callable[[State], dict[str, Any]], state: State, where: str
) -> dict[str, Any]:
    try:
        return describe(state)
    except ValueError as error:
        raise ValueError(f"{where}, taken for a file of {release.title}: {error}") from error


def _on_meta(node: Mapping[str, Any], due: Due) -> Any:
    """Build a network without memory, for the names and shapes of its weights."""
    with torch.device("meta"):
        return build_part(node, due, "the description")


def _check_fit(report: Report, rule: str) -> None:
    if not report.complete:
        raise ValueError(f"{rule} key by key: {report}")


def _check_head(joints: int | None, setting: Setting, where: str) -> None:
    expected = len(setting.skeleton["joints"])
    if setting.backbone and joints is not None:
        raise ValueError(
            f"{where} must be a classifier's to be taken as a backbone; it has heatmaps of {joints} joints"
        )
    if not setting.backbone and joints is None:
        raise ValueError(
            f"{where} must have a heatmap head to predict with, and has none; if it holds a classifier's weights, "
            "convert them with --backbone to begin a training with"
        )
    if joints is not None and joints != expected:
        raise ValueError(f"the skeleton must have the {joints} joints of the heatmaps in {where}, got {expected}")


def _match(state: State, release: Release, expected: State, *, backbone: bool) -> tuple[dict[str, Tensor], Report]:
    """Return the weights under the network's own keys, and how they fit in the file's words."""
    rules = release.rules(state)
    left_out = [key for key in state if backbone and re.match(release.classifier, key)]
    file_names = {rename(key, rules): key for key in state if key not in left_out}
    converted = {ours: state[key].detach().clone() for ours, key in file_names.items()}
    report = compare(converted, expected, file_names)
    counters = [key for key in report.missing if key.endswith(COUNTER)]
    heads = release.heads if backbone else ()
    words = release.words(state)
    missing = [rename(key, words) for key in report.missing if key not in counters and not key.startswith(heads)]
    converted |= {key: torch.tensor(0) for key in counters}
    ordered = {key: converted[key] for key in expected if key in converted}
    return ordered, report._replace(missing=missing, left_out=left_out, counters=counters)


def _codec(release: Release, input_size: tuple[int, int]) -> dict[str, Any]:
    """Return the releases' codec: peaks on whole cells, a quarter cell's offset, wider Gaussians on larger heatmaps."""
    sigma = release.sigma or (3.0 if input_size[0] > 256 else 2.0)
    node = {"_target_": "posepyr.codec.Codec", "sigma": sigma, "grid": "plain", "quantise": True, "refine": "quarter"}
    border = {"half_cell": True, "border": "pytorch_pose"} if release.half_cell else {"border": "hrnet"}
    return node | border | {"mirror": "pixels"}
