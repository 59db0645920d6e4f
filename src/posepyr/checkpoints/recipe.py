"""Recipes: what a checkpoint says of its network, as plain data."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from posepyr.nodes import build

VERSION = 1
"""Of the recipe's layout. A file with a higher one was written by a newer posepyr."""

KEYS = frozenset({"posepyr", "posepyr_classifier"})
"""Under which a pose network's recipe stands in a checkpoint, or a classifier's: no other project's file has them."""


class Recipe(NamedTuple):
    """All that a checkpoint's weights need to predict, as plain data.

    ``model``, ``codec`` and ``skeleton`` are nodes for :func:`build`; ``input_size`` is ``(height, width)``. Mean and
    deviation of the colours are arguments of the model, which takes pixels; the crop's grid is the codec's.
    """

    model: dict[str, Any]
    codec: dict[str, Any]
    skeleton: dict[str, Any]
    input_size: tuple[int, int]
    padding: float
    """How much larger than the person's box the crop is."""
    weights: str = "raw"
    """``raw``, or ``averaged`` where the weights are a mean over training."""
    version: int = VERSION

    def to_dict(self) -> dict[str, Any]:
        """The recipe as it stands in a checkpoint."""
        return {**self._asdict(), "input_size": list(self.input_size)}


CLASSIFIER_VERSION = 1
"""Of the layout of what a classifier's checkpoint says of itself."""


class ClassifierRecipe(NamedTuple):
    """All that a classifier's weights need to predict, as plain data.

    ``model`` is a node for :func:`build`; ``input_size`` is ``(height, width)``.
    """

    model: dict[str, Any]
    classes: Sequence[str]
    input_size: tuple[int, int]
    version: int = CLASSIFIER_VERSION

    def to_dict(self) -> dict[str, Any]:
        """The recipe as it stands in a checkpoint, under ``posepyr_classifier``."""
        return {**self._asdict(), "classes": list(self.classes), "input_size": list(self.input_size)}


def read_recipe(content: Any, where: str) -> Recipe:
    """The recipe inside a loaded checkpoint; ``where`` names the file in errors."""
    plain = content.get("posepyr") if isinstance(content, Mapping) else None
    if isinstance(content, Mapping) and "posepyr_classifier" in content:
        raise ValueError(f"{where} must hold a pose network; it is a classifier's checkpoint")
    if not isinstance(plain, Mapping):
        raise ValueError(f"{where} must be a checkpoint that posepyr wrote: it carries no recipe")
    fields = _fields(plain, Recipe._fields, VERSION, where)
    height, width = fields.pop("input_size")
    return Recipe(input_size=(int(height), int(width)), **fields)


def is_classifier(content: Any) -> bool:
    """Whether a loaded checkpoint is a classifier's."""
    return isinstance(content, Mapping) and isinstance(content.get("posepyr_classifier"), Mapping)


def read_classifier_recipe(content: Any, where: str) -> ClassifierRecipe:
    """The recipe inside a classifier's loaded checkpoint; ``where`` names the file in errors."""
    if not is_classifier(content):
        raise ValueError(f"{where} must hold a classifier that posepyr wrote: it carries no recipe of one")
    fields = _fields(content["posepyr_classifier"], ClassifierRecipe._fields, CLASSIFIER_VERSION, where)
    height, width = fields.pop("input_size")
    return ClassifierRecipe(input_size=(int(height), int(width)), **fields)


def _fields(plain: Mapping[str, Any], names: Sequence[str], newest: int, where: str) -> dict[str, Any]:
    """What a recipe of a version that is known holds under names."""
    version = plain.get("version")
    if not isinstance(version, int) or version > newest:
        raise ValueError(
            f"{where}: this posepyr reads recipes up to version {newest}, got version {version}; "
            "update posepyr to read it"
        )
    missing = [name for name in names if name not in plain]
    if missing:
        raise ValueError(f"{where}: the recipe must hold {', '.join(missing)}; the file is damaged")
    return {name: plain[name] for name in names}


def build_part(node: Mapping[str, Any], packages: Sequence[str]) -> Any:
    """Build what a recipe's node describes; its targets must lie inside of some packages."""
    _check_targets(node, packages)
    return build(node)


def _check_targets(value: Any, packages: Sequence[str]) -> None:
    if isinstance(value, Mapping):
        path = value.get("_target_")
        if path is not None and str(path).partition(".")[0] not in packages:
            raise ValueError(
                f"_target_ must lie inside {' or '.join(packages)}, got {path}: a checkpoint may not name other code"
            )
        for inner in value.values():
            _check_targets(inner, packages)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_targets(inner, packages)
