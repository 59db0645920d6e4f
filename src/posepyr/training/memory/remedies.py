"""Settings that make a training ask for less memory, and what they do to its results."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from torch import nn

from posepyr.measurement.complexity import Memory, build_on_meta, training_memory
from posepyr.training.devices import local_process_count
from posepyr.training.memory.recompute import recompute

Config = dict[str, Any]

OFFERED = 4

SMALLER = ("stacks", "stages", "width", "widen", "cardinality")
"""What halves a network, the first that it has."""

SHARES = ((3, 4), (2, 3), (1, 2))
"""Of both sides of the pictures, where they leave multiples of 32."""


class Remedy(NamedTuple):
    """A setting that asks for less."""

    setting: str
    """As it is written on the command line."""
    config: Config
    effect: str
    """What becomes of the results."""


def remedies(config: Config) -> list[Remedy]:
    """Four that apply, those first that change the results least."""
    offers: list[Callable[[Config], Remedy | None]] = [
        _fewer_at_a_time, _recomputed, _half_precision, _smaller_pictures, _smaller_network
    ]  # fmt: skip
    found = (offer(config) for offer in offers)
    return [remedy for remedy in found if remedy is not None][:OFFERED]


def processes(config: Config) -> int:
    """How many processes share a batch."""
    return local_process_count(config["trainer"]) * int(config["trainer"].get("num_nodes") or 1)


def at_a_time(config: Config) -> int:
    """The samples that a process shows the network at once."""
    share = int(config["data"]["batch_size"]) // processes(config)
    return min(share, config["data"].get("device_batch") or share)


def is_half_precision(config: Config) -> bool:
    """Whether the network computes in 16 bits where it can."""
    return "16" in str(config["trainer"].get("precision"))


def network_key(config: Config) -> str:
    """The group that the network is chosen in."""
    return "classifier" if config.get("classifier") else "model"


def input_key(config: Config) -> tuple[str, ...]:
    """Where the size of the pictures that the network sees stands."""
    return ("data", "cut", "size") if config.get("classifier") else ("data", "input_size")


def input_size(config: Config) -> tuple[int, int]:
    """``(height, width)`` of the pictures that the network sees."""
    node: Any = config
    for key in input_key(config):
        node = node[key]
    return int(node[0]), int(node[1])


def counted(config: Config) -> Memory:
    """What a training step takes by count: see :func:`training_memory`."""
    network = _on_meta(config)
    if config["recompute"]:
        recompute(network)
    return training_memory(network, (3, *input_size(config)), at_a_time(config))


def _on_meta(config: Config) -> nn.Module:
    extra = {} if config.get("classifier") else {"joints": len(config["skeleton"]["joints"])}
    return build_on_meta(config[network_key(config)], **extra)


def _fewer_at_a_time(config: Config) -> Remedy | None:
    now, share = at_a_time(config), int(config["data"]["batch_size"]) // processes(config)
    fewer = next((count for count in range(now // 2, 0, -1) if share % count == 0), None)
    if fewer is None:
        return None
    effect = f"the same gradients in {share // fewer} goes; batch norms see {fewer} samples at a time instead of {now}"
    return _remedy(config, ("data", "device_batch"), fewer, effect)


def _recomputed(config: Config) -> Remedy | None:
    if config["recompute"]:
        return None
    with suppress(ValueError):  # A network without blocks.
        recompute(_on_meta(config))
        return _remedy(config, ("recompute",), True, "the same results, slower: blocks are computed twice")
    return None


def _half_precision(config: Config) -> Remedy | None:
    if is_half_precision(config):
        return None
    return _remedy(config, ("trainer", "precision"), "bf16-mixed", "nearly the same results, rounded to bfloat16")


def _smaller_pictures(config: Config) -> Remedy | None:
    height, width = input_size(config)
    for part, whole in SHARES:
        if height * part % (32 * whole) == 0 == width * part % (32 * whole):
            size = [height * part // whole, width * part // whole]
            remedy = _remedy(config, input_key(config), size, "other results: the network sees less detail")
            if _works(remedy.config):
                return remedy
    return None


def _smaller_network(config: Config) -> Remedy | None:
    key = network_key(config)
    for name in SMALLER:
        value = config[key].get(name)
        if isinstance(value, int) and value > 1:
            remedy = _remedy(config, (key, name), value // 2, "other results: another network")
            return remedy if _works(remedy.config) else None
    return None


def _works(config: Config) -> bool:
    """Whether a network can be built so, and takes such pictures; each says so in its own way where not."""
    with suppress(Exception):
        counted(config)
        return True
    return False


def _remedy(config: Config, path: tuple[str, ...], value: Any, effect: str) -> Remedy:
    written = f"[{','.join(map(str, value))}]" if isinstance(value, list) else str(value).replace("True", "true")
    return Remedy(f"{'.'.join(path)}={written}", _changed(config, path, value), effect)


def _changed(node: Mapping[str, Any], path: tuple[str, ...], value: Any) -> Config:
    first, *rest = path
    return {**node, first: _changed(node[first], tuple(rest), value) if rest else value}
