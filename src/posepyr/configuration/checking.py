"""A composed configuration against what its targets accept, before anything is built."""

from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from inspect import Parameter
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Literal

from posepyr.annotations import Argument, Signature, choices, fits, signature, spell
from posepyr.configuration.defaults import injected
from posepyr.configuration.leaves import unknown_key
from posepyr.errors import UsageError, suggestion
from posepyr.nodes import RESERVED

Node = Mapping[str, Any]
MISSING = "???"

SETTINGS: dict[str, Any] = {
    "progress": Literal["rich", "tqdm", False] | None,
    "checkpoint.mode": Literal["max", "min"],
    "threads": int | None,
}
"""Types of keys outside of nodes, where the value in the file does not show all that is allowed."""

OPTIONAL = {"augment", "callbacks", "classifier", "experiment", "input", "logger", "sweep"}
"""Groups that a run can do without, as in ``logger=null``."""

ACROSS = {"experiment", "input", "sweep"}
"""Groups whose choices set keys of other groups, and which have no key of their own."""


def check(config: Node, declared: Node, top: Collection[str]) -> None:
    """Raise UsageError with every fault: unknown keys, values of a wrong type, missing values.

    ``declared`` is the configuration before the command line changed it; ``top`` are the keys it may have. They
    decide what may stand outside of nodes with a ``_target_``; in a node its target's signature does.
    """
    faults = [*_top_level_faults(config, declared, top), *missing(config)]
    for key, value in config.items():
        if key in top:
            faults += _setting_faults(value, declared.get(key), str(key))
    if faults:
        raise UsageError("\n".join(dict.fromkeys(faults)))


def missing(config: Any, path: str = "") -> Iterator[str]:
    """Yield a message for each value that is still ``???``."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield from missing(value, f"{path}.{key}" if path else str(key))
    elif isinstance(config, list):
        for index, value in enumerate(config):
            yield from missing(value, f"{path}[{index}]")
    elif config == MISSING:
        yield f"{path} must be given: add {path}=VALUE"


def _top_level_faults(config: Node, declared: Node, top: Collection[str]) -> Iterator[str]:
    for key in config:
        if key not in top:
            yield unknown_key(str(key), config[key], config, top)
    for key in top:
        if key not in config and key not in OPTIONAL:
            how = "choose one" if isinstance(declared.get(key), Mapping) else "give it a value"
            yield f"{key} must not be left out: {how} with {key}=VALUE"


def _setting_faults(value: Any, declared: Any, path: str) -> Iterator[str]:
    """Yield the faults of a value outside of any node, whose type only the declaring file knows."""
    if path in SETTINGS:
        yield from type_faults(value, Argument(SETTINGS[path], Parameter.empty), path)
    elif isinstance(value, Mapping) and "_target_" in value:
        yield from _node_faults(value, declared, path)
    elif isinstance(value, Mapping) and isinstance(declared, Mapping):
        for key, inner in value.items():
            if key in declared or (_is_collection(declared) and _is_node_or_null(inner)):
                yield from _setting_faults(inner, declared.get(key), f"{path}.{key}")
            else:
                yield _unknown_key(str(key), declared, path)
    elif isinstance(declared, Mapping) and value is not None:
        yield f"{path} must be a mapping, got {value!r}"
    elif isinstance(declared, bool | int | float | str) and declared != MISSING and not fits(value, type(declared)):
        yield f"{path} must be {spell(type(declared))}, got {value!r}"


def _is_collection(declared: Node) -> bool:
    """Return whether a mapping holds nodes by names that are free, as the callbacks do."""
    return all(_is_node_or_null(value) for value in declared.values())


def _is_node_or_null(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and "_target_" in value)


def _unknown_key(key: str, declared: Node, path: str) -> str:
    more = " (a new entry needs a _target_)" if _is_collection(declared) else ""
    return f"{path}.{key} is no key of {path}; {suggestion(key, map(str, declared), f'{path}.')}{more}"


def _node_faults(node: Node, declared: Any, path: str) -> Iterator[str]:
    target = node["_target_"]
    try:
        accepted = signature(target) if isinstance(target, str) else None
    except ValueError as error:
        yield f"{path}: {error}{_nearest_target(str(target))}"
        return
    if accepted is None:
        yield f"{path}._target_ must be a dotted path, got {target!r}"
        return
    files = declared if isinstance(declared, Mapping) else {}
    for key, value in node.items():
        if key in RESERVED:
            continue
        if key in accepted.arguments or accepted.open or key in injected(path):
            yield from _argument_faults(str(key), value, accepted, files, path)
        else:
            yield _unknown_argument(str(key), value, accepted, target, path) + _drop_hint(key, files, path)
    if not isinstance(node.get("_partial_", False), bool):
        yield f"{path}._partial_ must be bool, got {node['_partial_']!r}"
    if not node.get("_partial_"):
        yield from _missing_arguments(node, accepted, target, path)


def _nearest_target(target: str) -> str:
    """Return what the last existing module on a target's path offers in place of what does not exist."""
    module: ModuleType | None = None
    for part in target.split("."):
        try:
            module = import_module(f"{module.__name__}.{part}" if module else part)
        except (ImportError, ValueError):
            offered = _offered(module) if module else []
            return f"; {suggestion(part, offered, f'{module.__name__}.')}" if module and offered else ""
    return ""


def _offered(module: ModuleType) -> list[str]:
    """Return the names of a module's modules, and of what can be called that is its package's own."""
    package = module.__name__.split(".")[0]
    called = [
        name
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and str(value.__module__).split(".")[0] == package
    ]
    return called + [inner.name for inner in iter_modules(getattr(module, "__path__", []))]


def _argument_faults(key: str, value: Any, accepted: Signature, files: Node, path: str) -> Iterator[str]:
    elsewhere = injected(path)
    if key in elsewhere:
        yield f"{path}.{key} must not be given, got {value!r}: it comes from {elsewhere[key]}"
        return
    if key in accepted.arguments:
        yield from type_faults(value, accepted.arguments[key], f"{path}.{key}")
    yield from _inner_faults(value, files.get(key), f"{path}.{key}")


def _unknown_argument(key: str, value: Any, accepted: Signature, target: str, path: str) -> str:
    offered = [name for name in accepted.arguments if name not in injected(path)]
    hint = suggestion(key, offered, f"{path}.")
    return f"{path}.{key} is no argument of {target}, got {value!r}; {hint}"


def _drop_hint(key: str, files: Node, path: str) -> str:
    """Return how to drop a key that a file brought along, as when only the target was changed."""
    return f"; add ~{path}.{key} to drop what the file says" if key in files else ""


def type_faults(value: Any, argument: Argument, path: str) -> Iterator[str]:
    """Yield a message if an argument does not admit a value."""
    # A default may be what the annotation forgets to admit; then it is allowed.
    if value == MISSING or fits(value, argument.annotation) or (value is None and argument.default is None):
        return
    words = choices(argument.annotation)
    hint = f"; {suggestion(value, words)}" if isinstance(value, str) and words else ""
    yield f"{path} must be {spell(argument.annotation)}, got {value!r}{hint}"


def _inner_faults(value: Any, declared: Any, path: str) -> Iterator[str]:
    """Yield the faults of the nodes inside an argument."""
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield from _node_faults(value, declared, path)
            return
        files = declared if isinstance(declared, Mapping) else {}
        for key, inner in value.items():
            yield from _inner_faults(inner, files.get(key), f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _inner_faults(inner, None, f"{path}[{index}]")


def _missing_arguments(node: Node, accepted: Signature, target: str, path: str) -> Iterator[str]:
    for name, argument in accepted.arguments.items():
        required = argument.default is Parameter.empty
        if required and name not in node and name not in injected(path):
            yield f"{path}.{name} must be given, {target} needs it: add {path}.{name}=VALUE"
