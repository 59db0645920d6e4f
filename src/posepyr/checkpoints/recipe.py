"""Recipes: a checkpoint's description of its network, as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from reprlib import repr as short_repr
from typing import Any, Literal, NamedTuple, TypeVar, get_type_hints

from posepyr.annotations import fits, spell
from posepyr.nodes import as_before, renewed

VERSION = 2
"""Version of the recipe. A file with a higher one was written by a newer posepyr.

Up to version 1, arguments that a node leaves out have the defaults that they had then.
"""

POSE_KEY, CLASSIFIER_KEY = "posepyr", "posepyr_classifier"
KEYS = frozenset({POSE_KEY, CLASSIFIER_KEY})
"""Keys of a pose network's recipe and of a classifier's in a checkpoint: no other project's file has them."""

PARTS = ("model", "codec", "skeleton")
"""Fields that are nodes."""

LARGEST_NUMBER = 2**16
LONGEST = 2**15
"""Most characters of a text and entries of a list: ImageNet-21k has so many classes, nothing has more."""
LONGEST_NAME = 100
DEEPEST = 12
"""Most levels of lists and mappings inside each other."""
MOST_VALUES = 100_000
LARGEST_SIDE = 2**14
"""Of an input, in pixels."""


class Recipe(NamedTuple):
    """All that a pose network's weights need to predict, as plain data.

    ``model``, ``codec`` and ``skeleton`` are nodes for :func:`posepyr.checkpoints.parts.build_part`; ``input_size`` is
    ``(height, width)``. Mean and deviation of the colours are arguments of the model, which takes pixels; the crop's
    grid is the codec's.
    """

    model: dict[str, Any]
    codec: dict[str, Any]
    skeleton: dict[str, Any]
    input_size: tuple[int, int]
    padding: float
    """How much larger than the person's box the crop is."""
    weights: Literal["raw", "averaged"] = "raw"
    """``averaged`` where the weights are a mean over training."""
    version: int = VERSION

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as it stands in a checkpoint, under ``posepyr``."""
        return {**self._asdict(), "input_size": list(self.input_size)}


class ClassifierRecipe(NamedTuple):
    """All that a classifier's weights need to predict, as plain data.

    ``model`` is a node for :func:`posepyr.checkpoints.parts.build_part`; ``input_size`` is ``(height, width)``.
    """

    model: dict[str, Any]
    classes: Sequence[str]
    input_size: tuple[int, int]
    version: int = VERSION

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as it stands in a checkpoint, under ``posepyr_classifier``."""
        return {**self._asdict(), "classes": list(self.classes), "input_size": list(self.input_size)}


AnyRecipe = TypeVar("AnyRecipe", Recipe, ClassifierRecipe)


def is_classifier(content: Any) -> bool:
    """Return whether a loaded checkpoint is a classifier's."""
    return isinstance(content, Mapping) and CLASSIFIER_KEY in content


def read_recipe(content: Any, where: str) -> Recipe:
    """Return the recipe of a loaded pose network's checkpoint; ``where`` names the file in errors."""
    if is_classifier(content):
        raise ValueError(f"{where} must hold a pose network; it is a classifier's checkpoint")
    if not isinstance(content, Mapping) or POSE_KEY not in content:
        raise ValueError(f"{where} must be a checkpoint that posepyr wrote: it carries no recipe")
    recipe = _read(content[POSE_KEY], Recipe, where)
    if recipe.padding <= 0:
        raise ValueError(f"{where}: recipe.padding must be positive, got {recipe.padding}")
    return recipe


def read_classifier_recipe(content: Any, where: str) -> ClassifierRecipe:
    """Return the recipe of a loaded classifier's checkpoint; ``where`` names the file in errors."""
    if not is_classifier(content):
        raise ValueError(f"{where} must hold a classifier that posepyr wrote: it carries no recipe of one")
    return _read(content[CLASSIFIER_KEY], ClassifierRecipe, where)


def _read(plain: Any, kind: type[AnyRecipe], where: str) -> AnyRecipe:
    """Hold each field of a recipe against its annotation and against the limits."""
    if not isinstance(plain, Mapping):
        raise ValueError(f"{where}: recipe must be a mapping, got {shown(plain)}; the file is damaged")
    version = plain.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise ValueError(
            f"{where}: this posepyr reads recipes up to version {VERSION}, got version {shown(version)}; "
            "update posepyr to read it"
        )
    missing = [name for name in kind._fields if name not in plain]
    if missing:
        raise ValueError(f"{where}: the recipe must hold {', '.join(missing)}; the file is damaged")
    fields = {name: plain[name] for name in kind._fields}
    check_limits(fields, f"{where}: recipe")
    for name, annotation in get_type_hints(kind).items():
        if not fits(fields[name], annotation) or (name not in PARTS and _holds_mapping(fields[name])):
            raise ValueError(f"{where}: recipe.{name} must be {spell(annotation)}, got {shown(fields[name])}")
    height, width = fields["input_size"]
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        raise ValueError(f"{where}: recipe.input_size must be from 1 to {LARGEST_SIDE} pixels, got {height}x{width}")
    fields = renewed(fields) if version > 1 else as_before(renewed(fields))
    return kind(**{**fields, "input_size": (height, width)})


def _holds_mapping(content: Any) -> bool:
    """Return whether there is a mapping in a field, which would fit any annotation if it had a ``_target_``."""
    return any(isinstance(value, Mapping) for _, value in _values(content, ""))


def check_limits(content: Any, path: str) -> None:
    """Raise ValueError unless nested data is plain and of a size that a network's description can have.

    Building what a recipe describes would otherwise take as much memory and time as its author pleases.
    """
    for count, (place, value) in enumerate(_values(content, path)):
        if count >= MOST_VALUES:
            raise ValueError(f"{path} must hold at most {MOST_VALUES} values, got more")
        if isinstance(value, str | list | tuple | Mapping):
            if len(value) > LONGEST:
                raise ValueError(f"{place} must have a length of at most {LONGEST}, got {len(value)}")
        elif isinstance(value, int | float):
            if not abs(value) <= LARGEST_NUMBER:
                raise ValueError(f"{place} must be a number of at most {LARGEST_NUMBER}, got {shown(value)}")
        elif value is not None:
            raise ValueError(f"{place} must be plain data, got {type(value).__name__}")


def _values(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield nested data from the outside inwards, each value with its place."""
    if depth > DEEPEST:
        raise ValueError(f"{place} must stand at most {DEEPEST} levels deep")
    yield place, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isprintable() or len(key) > LONGEST_NAME:
                raise ValueError(f"{place} must have names for keys, got {shown(key)}")
            yield from _values(inner, f"{place}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _values(inner, f"{place}[{index}]", depth + 1)


def shown(value: Any) -> str:
    """Return a value for an error's text, cut short and on one line."""
    try:
        return short_repr(value).replace("\n", " ")
    except ValueError:  # Python refuses to write an integer of thousands of digits.
        return f"a huge {type(value).__name__}"
