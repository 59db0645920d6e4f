"""``posepyr bench model``: networks' passes timed in turn, and their memory."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from posepyr import errors
from posepyr.cli.against import joined, read_against
from posepyr.cli.bench_text import heading, table
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.measurement.timing import Limits, Precision, Settings

BATCH = {"cpu": 4, "cuda": 16}
"""Pictures at once where --batch does not say."""

REPEAT, WARMUP, SECONDS = 20, 1, 45.0

EXAMPLES = """examples:
  posepyr bench model model=hourglass_prm model.stacks=2
  posepyr bench model model=hourglass_prm --against model=hourglass --against model=hrnet_w32
  posepyr bench model model=hrnet_w32 --against --compile --against "--compile --precision bf16"
  posepyr bench model classifier=resnext_29_8x64d --input 32x32 --batch 64 --json times.json
"""


class Asked(NamedTuple):
    """A network as the command line chooses it; None stands for what was not given."""

    overrides: list[str]
    input: str | None
    batch: int | None
    precision: "Precision | None"
    compile: bool | None
    channels_last: bool | None

    def inherit(self, first: "Asked") -> "Asked":
        """What was not given, from the first network: its overrides where there are none at all."""
        given = {name: value for name, value in self._asdict().items() if value is not None and value != []}
        return first._replace(**given)


class Network(NamedTuple):
    """A network that is measured."""

    overrides: list[str]
    settings: "Settings"
    config: dict[str, Any]
    cost: dict[str, Any]
    """What ``posepyr complexity`` says of it."""

    def to_dict(self) -> dict[str, Any]:
        """What is measured, as plain data, with room for the figures."""
        return {
            "overrides": self.overrides,
            **{key: self.cost[key] for key in ("network", "parameters", "multiply_adds")},
            **self.settings._asdict(),
            "evaluation": {},
            "training": {},
        }


def run(arguments: list[str]) -> int:
    """Measures, prints, and writes the report where it is asked for."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    options = _parser().parse_intermixed_args(list(joined(arguments)))
    networks = asked(options)
    _check(options, networks)
    report = measure(networks, options, load)
    if options.json:
        from posepyr.files import write_text

        write_text(options.json, json.dumps(report, indent=2) + "\n")
    sys.stdout.write(table(report))
    return errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "posepyr bench model",
        description="Time the forward pass of a network in evaluation, and forward and backward passes in training, "
        "and measure their memory; beside those of other networks, which take turns with it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_network(parser)
    parser.add_argument(
        "--against", action="append", default=[], metavar="NETWORK",
        help="another network, as often as you like: overrides and any of the options above, in quotes. What it does "
        "not say is as the first has it; without overrides it is the first network itself",
    )  # fmt: skip
    parser.add_argument("--repeat", type=int, default=REPEAT, metavar="N", help=f"rounds ({REPEAT})")
    parser.add_argument("--warmup", type=int, default=WARMUP, metavar="N", help=f"rounds before them ({WARMUP})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"begin no round after so long ({SECONDS:g})"
    )
    parser.add_argument("--device", choices=sorted(BATCH), help="where to run (cuda if there, else cpu)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads on the CPU (Torch's own choice)")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave memory out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report, with every single time")
    parser.add_argument("--config-dir", help="a folder of your own configuration files, looked into first")
    return parser


def _add_network(parser: argparse.ArgumentParser) -> None:
    """What can be said of each network."""
    parser.add_argument("overrides", nargs="*", help="choose a network: model=NAME or classifier=NAME, and its keys")
    parser.add_argument("--input", metavar="HxW", help="height x width (data.input_size; 32x32 of a classifier)")
    batches = ", ".join(f"{batch} on {device}" for device, batch in BATCH.items())
    parser.add_argument("--batch", type=int, metavar="N", help=f"pictures at once ({batches})")
    parser.add_argument("--precision", choices=["32", "bf16"], help="bf16: automatic mixed precision (32)")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="by torch.compile (no)")
    parser.add_argument(
        "--channels-last", action=argparse.BooleanOptionalAction, help="weights in the layout of training (yes)"
    )


def asked(options: argparse.Namespace) -> list[Asked]:
    """The networks that a command line names, the first of them first."""
    first = _asked(options)
    return [first, *(_asked(read_against(text, _add_network)).inherit(first) for text in options.against)]


def _asked(options: argparse.Namespace) -> Asked:
    return Asked(*(getattr(options, name) for name in Asked._fields))


def _check(options: argparse.Namespace, networks: Sequence[Asked]) -> None:
    at_least: dict[str, tuple[int | None, int]] = {
        "--repeat": (options.repeat, 1), "--warmup": (options.warmup, 0), "--threads": (options.threads, 1)
    }  # fmt: skip
    for flag, (value, least) in [*at_least.items(), *(("--batch", (one.batch, 1)) for one in networks)]:
        if value is not None and value < least:
            raise UsageError(f"{flag} must be at least {least}, got {value}")
    if not options.seconds > 0:
        raise UsageError(f"--seconds must be positive, got {options.seconds}")


def measure(wanted: Sequence[Asked], options: argparse.Namespace, load: Sequence[float]) -> dict[str, Any]:
    """The report on the networks as plain data; its heading is printed at once, as the rest takes a while."""
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.measurement.peak_memory import METHODS
    from posepyr.measurement.timing import Limits

    device = device_of(options.device)
    networks = [_network(one, options.config_dir, device) for one in wanted]
    limits = Limits(options.warmup, options.repeat, options.seconds)
    report: dict[str, Any] = {
        "machine": _machine(device, options.threads, load),
        "limits": limits._asdict(),
        "memory": METHODS[device] if options.memory else None,
        "networks": [network.to_dict() for network in networks],
    }
    print(heading(report), flush=True)
    if options.memory:
        _measure_memory(report, networks, options.threads)
    with _enough_memory("all networks together do" if len(networks) > 1 else "the network does"):
        _time(report, networks, limits, options.threads)
    return report


def _machine(device: str, threads: int | None, load: Sequence[float]) -> dict[str, Any]:
    import torch

    from posepyr.measurement.timing import device_name

    return {
        "device": device,
        "name": device_name(device),
        "cores": os.cpu_count(),
        "threads": threads or torch.get_num_threads(),
        "torch": torch.__version__,
        "load_average": list(load),
    }


def device_of(given: str | None) -> str:
    """What Torch calls the device that was asked for, or the best there is."""
    import torch

    if given == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device must be one that Torch can use here, got cuda: posepyr doctor says more")
    return given or ("cuda" if torch.cuda.is_available() else "cpu")


def _network(one: Asked, config_dir: str | None, device: str) -> Network:
    """Also finds out, on the meta device, whether the network takes pictures of this size."""
    from posepyr.cli.complexity import one_network
    from posepyr.configuration.compose import Composer
    from posepyr.measurement.timing import Settings

    batch = one.batch or BATCH[device]
    cost = one_network(one.overrides, config_dir, one.input, batch, depth=1)
    height, width = cost["input"]
    settings = Settings(
        (height, width), batch, one.precision or "32", bool(one.compile), one.channels_last is not False
    )
    return Network(one.overrides, settings, Composer(config_dir).job(one.overrides).config, cost)


@contextmanager
def _enough_memory(who: str) -> Iterator[None]:
    """Says what to do where the memory does not suffice."""
    from posepyr.training.memory.out_of_memory import is_out_of_memory

    smaller = "make --batch or --input smaller"
    try:
        yield
    except BrokenProcessPool as error:
        reason = f"{who} not fit into memory, it seems, as the process that measured it was killed"
        raise ValueError(f"{reason}: {smaller}, or leave memory out by --no-memory") from error
    except Exception as error:
        if is_out_of_memory(error):
            raise ValueError(f"{who} not fit into memory: {smaller}") from error
        raise


def _measure_memory(report: dict[str, Any], networks: Sequence[Network], threads: int | None) -> None:
    """Adds to each network's entry what its passes hold at most."""
    from posepyr.measurement.peak_memory import in_new_process
    from posepyr.training.synthetic import network_work

    device = report["machine"]["device"]
    for number, (entry, network) in enumerate(zip(report["networks"], networks, strict=True), 1):
        with _enough_memory(f"network {number} does"):
            peak = in_new_process(partial(network_work, network.config, network.settings, device), device, threads)
        for name, value in peak._asdict().items():
            entry[name]["peak_bytes"] = value


def _time(report: dict[str, Any], networks: Sequence[Network], limits: "Limits", threads: int | None) -> None:
    """Adds to each network's entry what its passes took."""
    from posepyr.measurement.timing import cpu_clock, cuda_clock, figures, in_turn, set_up
    from posepyr.training.synthetic import network_work

    device = report["machine"]["device"]
    with set_up(device, threads):
        works = [network_work(network.config, network.settings, device) for network in networks]
        calls = [work.evaluation for work in works] + [work.training for work in works]
        taken = in_turn(calls, cuda_clock if device == "cuda" else cpu_clock, limits)
    report["rounds"] = len(taken[0])
    batches = [network.settings.batch for network in networks]
    for name, own in (("evaluation", taken[: len(works)]), ("training", taken[len(works) :])):
        for entry, turns, batch in zip(report["networks"], own, batches, strict=True):
            entry[name] |= figures(turns, batch, own[0], batches[0])
