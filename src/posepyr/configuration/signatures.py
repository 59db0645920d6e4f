"""What the targets of a configuration accept, and configurations completed with what they default to."""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, get_type_hints

from posepyr.configuration.injected import supplied
from posepyr.nodes import find


class Argument(NamedTuple):
    """One argument of a target."""

    annotation: Any
    """``Any`` where there is none or it cannot be read."""
    default: Any
    """``inspect.Parameter.empty`` where there is none."""


class Signature(NamedTuple):
    """The arguments of a target by name, and whether it takes any other."""

    arguments: dict[str, Argument]
    open: bool


@cache
def signature(target: str) -> Signature:
    """The signature of what a dotted path names; ValueError where it names nothing that can be called."""
    called = find({"_target_": target})
    if not callable(called):
        raise ValueError(f"_target_ must name something that can be called, got {target}")
    try:
        parameters = inspect.signature(called).parameters.values()
    except ValueError:
        # Built-in code need not say what it takes; then nothing can be completed or checked.
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
        # A name that is imported for type checkers only.
        return {}


def _readable(annotation: Any) -> Any:
    return Any if annotation is inspect.Parameter.empty or isinstance(annotation, str) else annotation


def complete(node: Any, path: str = "") -> Any:
    """A plain configuration in which every node with a ``_target_`` lists all that the target defaults to.

    What the node says itself stays, in its place. Left out are defaults that are not plain data and arguments
    that the program supplies. A target that cannot be found is left alone: checking is another's work.
    """
    if isinstance(node, list):
        return [complete(value, f"{path}[{index}]") for index, value in enumerate(node)]
    if not isinstance(node, dict):
        return node
    full = {key: complete(value, f"{path}.{key}" if path else str(key)) for key, value in node.items()}
    return full | {key: value for key, value in _defaults(node, path).items() if key not in full}


def _defaults(node: Mapping[str, Any], path: str) -> dict[str, Any]:
    target = node.get("_target_")
    if not isinstance(target, str):
        return {}
    try:
        arguments = signature(target).arguments
    except ValueError:
        return {}
    elsewhere = supplied(path)
    return {
        name: _listed(argument.default)
        for name, argument in arguments.items()
        if name not in elsewhere and _is_plain(argument.default)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(inner) for inner in value)
    # Exact types: an enumeration that is also a string would not survive being written and read.
    return value is None or type(value) in (bool, int, float, str)


def _listed(value: Any) -> Any:
    return [_listed(inner) for inner in value] if isinstance(value, list | tuple) else value
