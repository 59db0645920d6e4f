"""Objects from plain data: a node names a class or function by ``_target_`` and holds its arguments."""

import importlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

RESERVED = frozenset({"_target_", "_partial_"})
"""Keys of a node that are not arguments."""

MOVED = {
    "posepyr.checkpoints.pretrained": "posepyr.checkpoints.weights",
    "posepyr.data.ai_challenger": "posepyr.data.sources.ai_challenger",
    "posepyr.data.augment": "posepyr.data.loading.augment",
    "posepyr.data.cifar10": "posepyr.data.classification.cifar10",
    "posepyr.data.coco": "posepyr.data.sources.coco",
    "posepyr.data.custom": "posepyr.data.sources.custom",
    "posepyr.data.cuts": "posepyr.data.classification.cuts",
    "posepyr.data.figures": "posepyr.data.sources.figures",
    "posepyr.data.figures.source": "posepyr.data.sources.figures",
    "posepyr.data.image_folder": "posepyr.data.classification.image_folder",
    "posepyr.data.lsp": "posepyr.data.sources.lsp",
    "posepyr.data.mixture": "posepyr.data.sources.mixture",
    "posepyr.data.mpii": "posepyr.data.sources.mpii",
    "posepyr.data.mpii.source": "posepyr.data.sources.mpii",
    "posepyr.data.posetrack": "posepyr.data.sources.posetrack",
    "posepyr.data.posetrack.source": "posepyr.data.sources.posetrack",
    "posepyr.metrics.pckh": "posepyr.metrics.pck",
    "posepyr.metrics.posetrack_scorer": "posepyr.metrics.posetrack",
    "posepyr.layers.heads.convolutional": "posepyr.layers.heads.ConvolutionalHead",
    "posepyr.layers.heads.pointwise": "posepyr.layers.heads.PointwiseHead",
    "posepyr.training.callbacks.AugmentationSheet": "posepyr.training.callbacks.sheets.AugmentationSheet",
    "posepyr.training.callbacks.EpochLine": "posepyr.training.callbacks.progress.EpochLine",
    "posepyr.training.callbacks.PredictionSheet": "posepyr.training.callbacks.sheets.PredictionSheet",
    "posepyr.training.frozen": "posepyr.training.callbacks.frozen_norms",
    "posepyr.training.exploding": "posepyr.training.callbacks.divergence",
    "posepyr.training.exploding.StopOnExplosion": "posepyr.training.callbacks.divergence.StopOnDivergence",
    "posepyr.training.variance": "posepyr.training.callbacks.variance",
    "posepyr.training.waiting": "posepyr.training.callbacks.progress",
    "posepyr.training.wandb_log": "posepyr.training.loggers.wandb_log",
}
"""New dotted names by those that older run folders and checkpoints hold; a module's name stands for all in it."""

RENAMED_ARGUMENTS: dict[str, dict[str, str]] = {}
"""New names of constructors' arguments by the old ones, for today's dotted names."""

LATER_ARGUMENTS: dict[str, dict[str, Any]] = {
    "posepyr.codec.Codec": {"border": "own", "mirror": "pixels"},
    "posepyr.data.loading.augment.Augment": {"half_centre": "middle"},
    "posepyr.data.sources.lsp.Lsp": {"train_box": "joints"},
    "posepyr.losses.AdaptiveMSE": {"form": "mean"},
    "posepyr.losses.HardJointMSE": {"form": "mean"},
    "posepyr.visibility.VisibilityPolicy": {"drawn": "inside"},
}
"""Arguments added to constructors, by today's dotted names, each with the value that keeps what was done before it."""


def build(node: Mapping[str, Any], path: str = "", /, **injected: Any) -> Any:
    """Build the object that a node describes: call its ``_target_`` with the node's other keys.

    Nodes nest. ``_partial_: true`` gives the callable instead of its result. ``injected`` arguments are added to the
    outermost call. A constructor's ValueError names its own argument; ``path``, the node's place in a configuration,
    is put in front of it: ``levels must be at least 1`` becomes ``model.block.levels must be at least 1``. Any
    importable target is called: nodes of files from elsewhere go through :mod:`posepyr.checkpoints.parts`.
    """
    arguments = {
        key: _build_inside(value, f"{path}.{key}" if path else str(key))
        for key, value in node.items()
        if key not in RESERVED
    } | injected
    try:
        target = find(node)
        return partial(target, **arguments) if node.get("_partial_") else target(**arguments)
    except ValueError as error:
        put_in_front(path, error, {"_target_", *arguments})
        raise
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise ValueError(f"{node['_target_']}: {error}") from error


def renewed(content: Any) -> Any:
    """Return nested plain data with today's names of what has moved: of ``_target_``s and of their arguments."""
    if isinstance(content, Mapping):
        target = content.get("_target_")
        now = current_name(target) if isinstance(target, str) else ""
        arguments = RENAMED_ARGUMENTS.get(now, {})
        return {arguments.get(key, key): renewed(value) for key, value in content.items()} | (
            {"_target_": now} if now else {}
        )
    return [renewed(value) for value in content] if isinstance(content, list | tuple) else content


def as_before(content: Any) -> Any:
    """Return nested plain data of an older file in which every node has the arguments that were added since.

    Their values are those of LATER_ARGUMENTS: a file goes on meaning what it meant, whatever the defaults are today.
    """
    if isinstance(content, Mapping):
        later = LATER_ARGUMENTS.get(str(content.get("_target_")), {})
        return later | {key: as_before(value) for key, value in content.items()}
    return [as_before(value) for value in content] if isinstance(content, list | tuple) else content


def put_in_front(path: str, error: ValueError, arguments: set[str]) -> None:
    """Write the path of a node in front of an error's text where it begins with an argument of the node."""
    beginning = re.match(r"(\w+)(?:[.\[]\S*)? must ", str(error))
    if path and beginning and beginning[1] in arguments:
        error.args = (f"{path}.{error}",)


def find(node: Mapping[str, Any]) -> Callable[..., Any]:
    """Import and return what a node's ``_target_`` names, under its present name if it has moved."""
    path = node.get("_target_")
    if not isinstance(path, str) or "." not in path:
        raise ValueError(
            f"_target_ must be a dotted path such as posepyr.models.hourglass.StackedHourglass, got {path!r}"
        )
    module, _, name = current_name(path).rpartition(".")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"_target_ must name something that can be imported, got {path} ({error})") from error
    return found  # type: ignore[return-value]  # an attribute of a module: any type


def current_name(path: str) -> str:
    """Return today's dotted name for one that may be from before a move."""
    known = [old for old in MOVED if path == old or path.startswith(f"{old}.")]
    if not known:
        return path
    old = max(known, key=len)
    return MOVED[old] + path[len(old) :]


def _build_inside(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        if "_target_" in value:
            return build(value, path)
        return {key: _build_inside(inner, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_build_inside(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    return value
