"""Signatures and annotations: which arguments a constructor takes, and whether a plain value fits one."""

import collections.abc
import inspect
import os
import types
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from posepyr.nodes import find

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


class Argument(NamedTuple):
    """One argument of a constructor or function."""

    annotation: Any
    """``Any`` where there is none or it cannot be read."""
    default: Any
    """``inspect.Parameter.empty`` where there is none."""


class Signature(NamedTuple):
    """The named arguments of a constructor or function."""

    arguments: dict[str, Argument]
    open: bool
    """Whether it takes any other name too, as by ``**options``."""


@cache
def signature(target: str) -> Signature:
    """Return the signature of what a dotted name names; raise ValueError if it cannot be called."""
    called = find({"_target_": target})
    if not callable(called):
        raise ValueError(f"_target_ must name something that can be called, got {target}")
    return signature_of(called)


def signature_of(called: Callable[..., Any]) -> Signature:
    """Return the signature of a class or function; an open one for built-in code that does not tell."""
    try:
        parameters = inspect.signature(called).parameters.values()
    except ValueError:
        return Signature({}, open=True)
    hints = _hints(called)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    arguments = {
        parameter.name: Argument(hints.get(parameter.name, _readable(parameter.annotation)), parameter.default)
        for parameter in parameters
        if parameter.kind in named
    }
    return Signature(arguments, any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters))


def _hints(called: Any) -> dict[str, Any]:
    function = called.__init__ if inspect.isclass(called) else called
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        # The annotation uses a name that is imported for type checkers only.
        return {}


def _readable(annotation: Any) -> Any:
    return Any if annotation is inspect.Parameter.empty or isinstance(annotation, str) else annotation


def fits(value: Any, annotation: Any) -> bool:
    """Return whether an annotation admits a plain value.

    An int is a float, a bool is neither, a list is a tuple or any other sequence, text is a path. A node with a
    ``_target_`` fits any annotation, since the class that it names is not looked at; where an object is wanted,
    nothing else fits.
    """
    annotation = _unwrapped(annotation)
    if is_node(value) or annotation in (Any, object) or isinstance(annotation, TypeVar) or type(annotation) is str:
        return True
    if annotation in (None, type(None)):
        return value is None
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


def _unwrapped(annotation: Any) -> Any:
    """Return the type inside of aliases, new types and ``Annotated``."""
    while True:
        if hasattr(annotation, "__value__"):  # an alias by the statement ``type``, new in Python 3.12
            annotation = annotation.__value__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
        else:
            return annotation


def is_node(value: Any) -> bool:
    """Return whether a value is a mapping with a ``_target_``."""
    return isinstance(value, Mapping) and "_target_" in value


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
    # A class of objects: no plain value is one. What is not a class, as a special form, cannot be checked.
    return not inspect.isclass(kind)


def spell(annotation: Any) -> str:
    """Return an annotation in words, for a sentence that goes on after "must be"."""
    annotation = _unwrapped(annotation)
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
    """Return the listed values once, then the types; nodes only where nothing plainer is admitted."""
    alternatives = list(members(annotation))
    words = [str(member) for member in alternatives if not _is_type(member)]
    listed = [f"one of {', '.join(dict.fromkeys(words))}"] if words else []
    kinds = list(dict.fromkeys(spell(member) for member in alternatives if _is_type(member)))
    plainer = [kind for kind in kinds if not kind.startswith("a node")]
    only_null = plainer == ["null"] and not words
    return " or ".join(listed + (kinds if only_null or not plainer else plainer))


def members(annotation: Any) -> Iterator[Any]:
    """Yield the types of a union and the values of its literals; a plain annotation is its only member."""
    annotation = _unwrapped(annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        yield from get_args(annotation)
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from members(member)
    else:
        yield annotation


def _is_type(member: Any) -> bool:
    return not isinstance(member, bool | int | str)


def choices(annotation: Any) -> list[str]:
    """Return the words that an annotation lists."""
    return [member for member in members(annotation) if isinstance(member, str)]
