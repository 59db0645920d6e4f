"""Configurations completed with the defaults of what they name, and the arguments that the program injects."""

from collections.abc import Mapping
from typing import Any

from posepyr.annotations import signature

INJECTED = {
    "model": {"joints": "the group skeleton"},
    "classifier": {"classes": "the data set"},
    "data": {
        "crops": "the groups skeleton, augment and protocol, and codec.grid",
        "seed": "the key seed",
        "test_split": "--split",
    },
    "optimizer": {"params": "the group model"},
    "metrics.*": {"skeleton": "the group skeleton"},
    "logger": {"folder": "the run folder", "name": "the key name", "config": "the whole configuration"},
    "trainer": {
        "callbacks": "the group callbacks",
        "logger": "the group logger",
        "plugins": "posepyr's own way of saving",
        "default_root_dir": "hydra.run.dir",
        "enable_progress_bar": "the key progress",
    },
}
"""Arguments that are never configured, by node, and where they come from instead; ``*`` is any one name."""


def injected(path: str) -> dict[str, str]:
    """Return the arguments of the node at ``path`` that the program injects, and where they come from."""
    return INJECTED.get(path) or INJECTED.get(f"{path.rpartition('.')[0]}.*", {})


def complete(node: Any, path: str = "") -> Any:
    """Return a plain configuration in which every node with a ``_target_`` lists the defaults of its target.

    What the node lists itself stays, in its place. Left out are defaults that are not plain data and arguments that
    the program injects. A target that cannot be found is left alone: :mod:`.checking` reports it.
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
    return {
        name: _with_lists(argument.default)
        for name, argument in arguments.items()
        if name not in injected(path) and _is_plain(argument.default)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(inner) for inner in value)
    # Exact types: an enumeration that is also a string would not survive being written and read.
    return value is None or type(value) in (bool, int, float, str)


def _with_lists(value: Any) -> Any:
    return [_with_lists(inner) for inner in value] if isinstance(value, list | tuple) else value
