"""Remedies for running out of memory: settings that need less, and what each does to the results."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from posepyr.configuration.networks import Config, input_size, input_size_path, network_group
from posepyr.measurement.complexity import Memory, network_on_meta, training_memory
from posepyr.ranks import local_process_count
from posepyr.training.memory.recompute import recompute

OFFERED = 4

SIZE_ARGUMENTS = ("stacks", "stages", "width", "widen", "cardinality")
"""Arguments whose half makes a smaller network; the first that a network has is taken."""

SHARES = ((3, 4), (2, 3), (1, 2))
"""Fractions of both sides of the input, tried in turn; the sides must remain multiples of 32."""


class Remedy(NamedTuple):
    """A setting that needs less memory."""

    setting: str
    """As it is written on the command line."""
    config: Config
    effect: str
    """The effect on the results."""


def remedies(config: Config) -> list[Remedy]:
    """Return up to four remedies that apply, those first that change the results least."""
    offers: list[Callable[[Config], Remedy | None]] = [
        _smaller_device_batch, _recomputed, _half_precision, _smaller_input, _smaller_network
    ]  # fmt: skip
    found = (offer(config) for offer in offers)
    return [remedy for remedy in found if remedy is not None][:OFFERED]


def process_count(config: Config) -> int:
    """Return how many processes share a batch, on all machines."""
    return local_process_count(config["trainer"]) * int(config["trainer"].get("num_nodes") or 1)


def device_batch(config: Config) -> int:
    """Return how many samples of a batch a process passes through the network at once."""
    share = int(config["data"]["batch_size"]) // process_count(config)
    return min(share, config["data"].get("device_batch") or share)


def is_half_precision(config: Config) -> bool:
    """Return whether the network computes in 16 bits where it can."""
    return "16" in str(config["trainer"].get("precision"))


def counted_memory(config: Config) -> Memory:
    """Count the memory of a training step without running it: see :func:`training_memory`."""
    network = network_on_meta(config)
    if config["recompute"]:
        recompute(network)
    return training_memory(network, (3, *input_size(config)), device_batch(config))


def _smaller_device_batch(config: Config) -> Remedy | None:
    now, share = device_batch(config), int(config["data"]["batch_size"]) // process_count(config)
    fewer = next((count for count in range(now // 2, 0, -1) if share % count == 0), None)
    if fewer is None:
        return None
    effect = f"the same gradients, summed over {share // fewer} passes; batch norms see {fewer} of a batch, not {now}"
    return _remedy(config, ("data", "device_batch"), fewer, effect)


def _recomputed(config: Config) -> Remedy | None:
    if config["recompute"]:
        return None
    with suppress(ValueError):  # A network without blocks.
        recompute(network_on_meta(config))
        return _remedy(config, ("recompute",), True, "the same results, slower: blocks are computed twice")
    return None


def _half_precision(config: Config) -> Remedy | None:
    if is_half_precision(config):
        return None
    return _remedy(config, ("trainer", "precision"), "bf16-mixed", "nearly the same results, rounded to bfloat16")


def _smaller_input(config: Config) -> Remedy | None:
    height, width = input_size(config)
    for part, whole in SHARES:
        if height * part % (32 * whole) == 0 == width * part % (32 * whole):
            size = [height * part // whole, width * part // whole]
            remedy = _remedy(config, input_size_path(config), size, "other results: the network sees less detail")
            if _can_be_built(remedy.config):
                return remedy
    return None


def _smaller_network(config: Config) -> Remedy | None:
    group = network_group(config)
    for name in SIZE_ARGUMENTS:
        value = config[group].get(name)
        if isinstance(value, int) and value > 1:
            remedy = _remedy(config, (group, name), value // 2, "other results: another network")
            return remedy if _can_be_built(remedy.config) else None
    return None


def _can_be_built(config: Config) -> bool:
    """Return whether such a network exists and takes such input; each says no with an error of its own."""
    with suppress(Exception):
        counted_memory(config)
        return True
    return False


def _remedy(config: Config, path: tuple[str, ...], value: Any, effect: str) -> Remedy:
    written = f"[{','.join(map(str, value))}]" if isinstance(value, list) else str(value).replace("True", "true")
    return Remedy(f"{'.'.join(path)}={written}", _replaced(config, path, value), effect)


def _replaced(node: Mapping[str, Any], path: tuple[str, ...], value: Any) -> Config:
    """Return a copy of a configuration with one value replaced."""
    first, *rest = path
    return {**node, first: _replaced(node[first], tuple(rest), value) if rest else value}
