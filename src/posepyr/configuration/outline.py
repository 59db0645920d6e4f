"""The network, joints and input size that an experiment and overrides choose, read from the files alone.

Composing a configuration takes a quarter of a second; ``posepyr complexity`` needs a hundred networks. What is read
here is what :mod:`.compose` composes for any row of the papers' tables: a test holds the two against each other.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from posepyr.configuration import catalogue
from posepyr.configuration.networks import network_group

INPUT = (256, 256)
"""The data module's crops where no file says otherwise."""
CLASSIFIER_INPUT = (32, 32)

Config = dict[str, Any]


class Outline(NamedTuple):
    """A configuration's network and its input, known without composing it."""

    network: Config
    """The node, with ``joints`` for a pose network."""
    input: tuple[int, int, int]
    """Channels, height, width."""


def outline(folders: Sequence[Path], experiment: str | None, overrides: Sequence[str] = ()) -> Outline:
    """Return the outline of an experiment under overrides, which may choose groups and change values."""
    chosen = _primary_choices(folders)
    layers = _experiment_layers(folders, experiment, chosen) if experiment else []
    for line in overrides:
        key, _, value = line.partition("=")
        if key in chosen:
            chosen[key] = value
        else:
            layers.append(_nested(key.split("."), yaml.safe_load(value)))
    data = _read(folders, "data", chosen["data"])
    config: Config = {name: _read(folders, name, chosen[name]) for name in ("model", "classifier")} | {"data": data}
    for layer in (_read(folders, "input", chosen["input"]), *layers):
        _merge(config, layer)
    if network_group(config) == "classifier":
        return Outline(config["classifier"], (3, *CLASSIFIER_INPUT))
    skeleton = _read(folders, "skeleton", _skeleton(data) or chosen["skeleton"])
    height, width = data.get("input_size", INPUT)
    return Outline({**config["model"], "joints": len(skeleton["joints"])}, (3, height, width))


def _primary_choices(folders: Sequence[Path]) -> dict[str, Any]:
    """Return the choice of every group without an experiment."""
    defaults = _content(folders[-1] / f"{catalogue.PRIMARY}.yaml")["defaults"]
    return {key: choice for entry in defaults if isinstance(entry, dict) for key, choice in entry.items()}


def _experiment_layers(folders: Sequence[Path], name: str, chosen: dict[str, Any]) -> list[Config]:
    """Return what an experiment's files set, the inherited first, and put the groups that they choose in ``chosen``."""
    content = _read(folders, "experiment", name)
    defaults = content.pop("defaults", [])
    parents = [entry.removeprefix("/experiment/") for entry in defaults if isinstance(entry, str) and entry != "_self_"]
    layers = [layer for parent in parents for layer in _experiment_layers(folders, parent, chosen)]
    for entry in defaults:
        if isinstance(entry, dict):
            chosen.update({key.removeprefix("override /"): choice for key, choice in entry.items()})
    return [*layers, content]


def _read(folders: Sequence[Path], group: str, choice: str | None) -> Config:
    """Return what a choice's file holds, nothing for none."""
    if choice is None:
        return {}
    path = next(path for folder in folders if (path := folder / group / f"{choice}.yaml").is_file())
    return deepcopy(_content(path))


@cache
def _content(path: Path) -> Config:
    """Return what a file holds, read once for all outlines."""
    return catalogue.read_yaml(path)


def _skeleton(data: Mapping[str, Any]) -> str | None:
    """Return the skeleton that a data set brings."""
    choices = [choice for entry in data.get("defaults", []) for key, choice in entry.items() if "/skeleton@" in key]
    return choices[0] if choices else None


def _nested(keys: Sequence[str], value: Any) -> Config:
    """Return a value below its dotted key: ``a.b=1`` as ``{"a": {"b": 1}}``."""
    return {keys[0]: value if len(keys) == 1 else _nested(keys[1:], value)}


def _merge(config: Config, layer: Mapping[str, Any]) -> None:
    """Put a layer's values over those of a configuration."""
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _merge(config[key], value)
        else:
            config[key] = value
