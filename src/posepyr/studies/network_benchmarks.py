"""Networks' passes timed in turn, and their peak memory."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch

from posepyr.configuration.compose import compose
from posepyr.configuration.networks import Config, input_size, is_classification, network_group
from posepyr.configuration.outline import CLASSIFIER_INPUT
from posepyr.measurement import peak_memory
from posepyr.measurement.complexity import Cost, count, network_on_meta
from posepyr.measurement.machine import describe_benchmark
from posepyr.measurement.timing import (
    Budget,
    Precision,
    Settings,
    cpu_clock,
    cuda_clock,
    summarise,
    time_in_turn,
    torch_settings,
)
from posepyr.training.build import network_work
from posepyr.training.memory.out_of_memory import is_out_of_memory

PASSES = ("evaluation", "training")


class Network(NamedTuple):
    """A network that is measured, with its settings and its cost for one picture."""

    overrides: list[str]
    config: Config
    settings: Settings
    cost: Cost

    def to_dict(self) -> dict[str, Any]:
        """Return the network as plain data, with places for the figures of both passes."""
        return {
            "overrides": self.overrides,
            "network": self.config[network_group(self.config)]["_target_"],
            "parameters": self.cost.parameters,
            "multiply_adds": self.cost.multiply_adds,
            **self.settings._asdict(),
            **{name: {} for name in PASSES},
        }


def choose_network(
    overrides: Sequence[str],
    *,
    batch: int,
    config_dir: str | None = None,
    size: tuple[int, int] | None = None,
    precision: Precision | None = None,
    compiled: bool | None = None,
    channels_last: bool | None = None,
) -> Network:
    """Return the network of overrides; None stands for the usual setting, and overrides are those of training.

    ``size`` is the input's height and width. The network is also tried on the meta device, so that a size that it does
    not take is refused at once.
    """
    config = compose(overrides, config_dir)
    size = size or (CLASSIFIER_INPUT if is_classification(config) else input_size(config))
    settings = Settings(size, batch, precision or "32", bool(compiled), channels_last is not False)
    return Network(list(overrides), config, settings, count(network_on_meta(config), (3, *size)))


def measure_networks(
    networks: Sequence[Network],
    budget: Budget,
    *,
    device: str,
    threads: int | None = None,
    memory: bool = True,
    begin: Callable[[dict[str, Any]], object] = lambda _: None,
) -> dict[str, Any]:
    """Measure the networks and return the report as plain data; ``begin`` gets it without figures beforehand."""
    report: dict[str, Any] = {
        "machine": describe_benchmark(device) | {"threads": threads or torch.get_num_threads()},
        "limits": budget._asdict(),
        "memory": peak_memory.METHODS[device] if memory else None,
        "networks": [network.to_dict() for network in networks],
    }
    begin(report)
    if memory:
        for number, (entry, network) in enumerate(zip(report["networks"], networks, strict=True), 1):
            with _memory_advice(f"network {number} does"):
                _add_memory(entry, network, device, threads)
    with _memory_advice("all networks together do" if len(networks) > 1 else "the network does"):
        _add_times(report, networks, budget, device=device, threads=threads)
    return report


@contextmanager
def _memory_advice(subject: str) -> Iterator[None]:
    """Raise an error with advice in place of one that says that memory ran out."""
    smaller = "make --batch or --input smaller"
    try:
        yield
    except BrokenProcessPool as error:
        reason = f"{subject} not fit into memory, it seems, as the process that measured it was killed"
        raise ValueError(f"{reason}: {smaller}, or leave memory out by --no-memory") from error
    except Exception as error:
        if is_out_of_memory(error):
            raise ValueError(f"{subject} not fit into memory: {smaller}") from error
        raise


def _add_memory(entry: dict[str, Any], network: Network, device: str, threads: int | None) -> None:
    """Add the peak memory of both passes to a network's entry."""
    make = partial(network_work, network.config, network.settings, device)
    peak = peak_memory.peak_in_new_process(make, device, threads)
    for name in PASSES:
        entry[name]["peak_bytes"] = getattr(peak, name)


def _add_times(
    report: dict[str, Any], networks: Sequence[Network], budget: Budget, *, device: str, threads: int | None
) -> None:
    """Add the times of both passes to every network's entry, and the number of rounds to the report."""
    with torch_settings(device, threads):
        works = [network_work(network.config, network.settings, device) for network in networks]
        workloads = [getattr(work, name) for name in PASSES for work in works]
        durations = time_in_turn(workloads, cuda_clock if device == "cuda" else cpu_clock, budget)
    report["rounds"] = len(durations[0])
    batches = [network.settings.batch for network in networks]
    for number, name in enumerate(PASSES):
        own = durations[number * len(works) : (number + 1) * len(works)]
        for entry, times, batch in zip(report["networks"], own, batches, strict=True):
            entry[name] |= summarise(times, batch, own[0], batches[0])
