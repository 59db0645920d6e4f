"""The network of a configuration: a pose network under ``model``, or a classifier under ``classifier``."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import yaml

from posepyr.annotations import signature
from posepyr.configuration import catalogue
from posepyr.configuration.checking import type_faults
from posepyr.errors import UsageError, suggestion
from posepyr.nodes import build

Config = dict[str, Any]

PLAIN = (bool, int, float, str, list, tuple, type(None))


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


def model(name: str, joints: int, **arguments: Any) -> Any:
    """Build a pose network by its name, with first weights as Torch draws them: a plain ``nn.Module``.

    The names are those of ``posepyr list models``, as in ``posepyr.model("hourglass_prm", joints=16, stacks=2)``.
    ``arguments`` are others of the network's constructor; a mapping changes some of a part's own, as in
    ``block={"levels": 3}``. The network maps uint8 or float pictures, ``(N, 3, H, W)``, to a tuple of heatmaps, each
    ``(N, joints, h, w)``, of which the last is the prediction.
    """
    files = catalogue.choices(catalogue.search_folders(), "model")
    if name not in files:
        raise UsageError(f"name must be a model of posepyr, got {name!r}; {suggestion(name, files)}")
    node = yaml.safe_load(files[name].read_text(encoding="utf-8"))
    arguments["joints"] = joints
    if faults := list(_argument_faults(node["_target_"], arguments)):
        raise UsageError("\n".join(faults))
    return build({**node, **{key: _merged(node.get(key), value) for key, value in arguments.items()}})


def _argument_faults(target: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    known = signature(target).arguments
    for key, value in arguments.items():
        if key not in known:
            yield f"{key} is no argument of {target}, got {value!r}; {suggestion(key, known)}"
        elif isinstance(value, PLAIN):
            yield from type_faults(value, known[key], key)


def _merged(node: Any, value: Any) -> Any:
    """Return a part's node with the arguments that ``value`` changes, unless it is a whole part itself."""
    if isinstance(node, Mapping) and isinstance(value, Mapping) and "_target_" not in value:
        return {**node, **value}
    return value
