"""The network of a configuration: a pose network under ``model``, or a classifier under ``classifier``."""

from collections.abc import Mapping
from typing import Any, Literal

Config = dict[str, Any]


def is_classification(config: Mapping[str, Any]) -> bool:
    """Return whether a configuration trains a classifier of pictures instead of a pose network."""
    return bool(config.get("classifier"))


def network_group(config: Mapping[str, Any]) -> Literal["model", "classifier"]:
    """Return the group that the network is chosen in."""
    return "classifier" if is_classification(config) else "model"


def input_size_path(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys, outermost first, under which the input size stands."""
    return ("data", "cut", "size") if is_classification(config) else ("data", "input_size")


def input_size(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return the ``(height, width)`` of the pictures that the network sees."""
    node: Any = config
    for key in input_size_path(config):
        node = node[key]
    return int(node[0]), int(node[1])
