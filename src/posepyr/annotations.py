"""Whether a plain value is of the type that a constructor's annotation asks for."""

import collections.abc
import inspect
import os
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin

SEQUENCES = (
    list,
    tuple,
    collections.abc.Sequence,
    collections.abc.Iterable,
    collections.abc.Collection,
    set,
    frozenset,
)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def fits(value: Any, annotation: Any) -> bool:
    """Whether an annotation admits a plain value.

    An int is a float, a bool is neither, a list is a tuple or any other sequence, text is a path. A node with a
    ``_target_`` fits everywhere, since what it builds is not known; where an object is wanted, nothing else does.
    """
    annotation = _plain(annotation)
    if annotation in (Any, object) or isinstance(annotation, TypeVar) or _is_node(value):
        return True
    if annotation in (None, type(None)):
        return value is None
    if type(annotation) is str:
        return True
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(fits(value, choice) for choice in inner)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in inner)
    kind = origin or annotation
    if kind in SEQUENCES:
        return isinstance(value, list | tuple) and _members_fit(value, kind, inner)
    if kind in MAPPINGS:
        return isinstance(value, dict) and all(not inner or fits(item, inner[1]) for item in value.values())
    return _scalar_fits(value, kind)


def _plain(annotation: Any) -> Any:
    """The annotation without what says nothing of its values."""
    while True:
        if hasattr(annotation, "__value__"):  # a type statement, which Python 3.11 has not
            annotation = annotation.__value__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
        else:
            return annotation


def _is_node(value: Any) -> bool:
    return isinstance(value, dict) and "_target_" in value


def _members_fit(value: list[Any] | tuple[Any, ...], kind: Any, inner: tuple[Any, ...]) -> bool:
    if not inner:
        return True
    if kind is tuple and Ellipsis not in inner:
        return len(value) == len(inner) and all(map(fits, value, inner))
    return all(fits(member, inner[0]) for member in value)


def _scalar_fits(value: Any, kind: Any) -> bool:
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind in (str, Path, os.PathLike):
        return isinstance(value, str)
    # An object: only a node makes one. What is no class, as a special form, cannot be judged.
    return not inspect.isclass(kind)


def spell(annotation: Any) -> str:
    """An annotation in words, for a sentence that goes on after "must be"."""
    annotation = _plain(annotation)
    if annotation in (None, type(None)):
        return "null"
    if annotation in (Any, object):
        return "anything"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType, Literal):
        return _spell_union(annotation)
    kind = origin or annotation
    if kind is tuple and inner and Ellipsis not in inner:
        return f"a list [{', '.join(map(spell, inner))}]"
    if kind in SEQUENCES:
        return f"a list of {spell(inner[0])}" if inner and inner[0] is not Any else "a list"
    if kind in MAPPINGS:
        return "a mapping"
    if kind in (bool, int, float, str):
        return str(kind.__name__)
    if kind in (Path, os.PathLike):
        return "a path"
    return f"a node with a _target_ ({getattr(kind, '__name__', kind)})"


def _spell_union(annotation: Any) -> str:
    """Listed values once, then types in words; objects only where nothing plainer is admitted."""
    members = list(_members(annotation))
    words = [str(member) for member in members if not _is_type(member)]
    listed = [f"one of {', '.join(dict.fromkeys(words))}"] if words else []
    kinds = list(dict.fromkeys(spell(member) for member in members if _is_type(member)))
    plainer = [kind for kind in kinds if not kind.startswith("a node")]
    only_null = plainer == ["null"] and not words
    return " or ".join(listed + (kinds if only_null or not plainer else plainer))


def _members(annotation: Any) -> Iterator[Any]:
    """The types of a union and the values of its literals."""
    annotation = _plain(annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        yield from get_args(annotation)
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _is_type(member: Any) -> bool:
    return not isinstance(member, bool | int | str)


def choices(annotation: Any) -> list[str]:
    """The words that an annotation admits, where it lists them."""
    return [member for member in _members(annotation) if isinstance(member, str)]
