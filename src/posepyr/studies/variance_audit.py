"""Variance of responses and gradients through the depth of networks, from configurations to figures.

Networks begin at the weights that training gives them, and see the batches that their training begins with.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.configuration.compose import Composer, Job
from posepyr.configuration.networks import Config, input_size_path, is_classification
from posepyr.configuration.outline import CLASSIFIER_INPUT, INPUT
from posepyr.data.classification.labelled import LabelledBatch
from posepyr.data.loading.loader import TrainingOrder, join
from posepyr.data.module import ClassificationDataModule
from posepyr.files import write_json
from posepyr.measurement.machine import git_state, versions
from posepyr.nodes import build
from posepyr.records import PoseBatch
from posepyr.training.build import initialise, make_data, synthetic_people, task_without_data
from posepyr.variance.curves import Measured, Trainable, audit, curves, draw_variances, write_csv
from posepyr.variance.probe import At, remove_norms


class Network(NamedTuple):
    """A network under audit."""

    label: str
    """Its differences from the others."""
    overrides: list[str]
    config: Config
    size: tuple[int, int]
    """Height and width of the pictures."""


class AuditSettings(NamedTuple):
    """Settings that all networks are measured at."""

    at: At
    steps: int
    """Training steps before the second measurement; 0 for none."""
    seeds: int
    batch: int
    norms: bool
    """False removes batch norm, which hides from a layer the scale of the first weights before it."""


class TrainingBatches(NamedTuple):
    """The batches of a training."""

    batch: Callable[[int], Any]
    """Of each step, from 0."""
    origin: str
    """Their pictures, in words."""
    classes: int | None = None
    """Number of classes of a classifier's data."""


def choose_networks(
    overrides: Sequence[str], config_dir: str | None = None, size: tuple[int, int] | None = None
) -> list[Network]:
    """Return the network of each combination of swept values, as a sweep of trainings would have them."""
    jobs = Composer(config_dir).jobs(overrides)
    return [
        Network(label, job.overrides, job.config, _set_input_size(job.config, size))
        for label, job in zip(labels(jobs), jobs, strict=True)
    ]


def labels(jobs: Sequence[Job]) -> list[str]:
    """Return the overrides that differ among jobs, choices by their names alone; of a single job, its network."""
    overrides = [dict(line.split("=", 1) for line in job.overrides if "=" in line) for job in jobs]
    keys = dict.fromkeys(key for of_job in overrides for key in of_job)
    varied = [key for key in keys if len({of_job.get(key) for of_job in overrides}) > 1]
    if not varied:
        choices = jobs[0].composed.hydra.runtime.choices
        return [choices.classifier or choices.model] * len(jobs)
    return [", ".join(_short(key, of_job[key]) for key in varied if key in of_job) for of_job in overrides]


def _short(key: str, value: str) -> str:
    *path, last = key.split(".")
    return f"{last}={value}" if path or value.isdigit() else value


def _set_input_size(config: Config, size: tuple[int, int] | None) -> tuple[int, int]:
    """Write an input size into the configuration's data; without one, return that of the data or the usual one."""
    *path, key = input_size_path(config)
    node: Any = config
    for name in path:
        node = node.get(name) or {}
    if size is None:
        height, width = node.get(key, CLASSIFIER_INPUT if is_classification(config) else INPUT)
        return height, width
    node[key] = list(size)
    return size


def measure(networks: Iterable[Network], settings: AuditSettings, device: str) -> tuple[list[Measured], list[str]]:
    """Return the variances of all networks, and a line in words about each."""
    measured: list[Measured] = []
    notes = []
    for network in networks:
        batches = make_batches(network.config, network.size, settings.batch)
        first = network.config["seed"]
        for seed in range(first, first + settings.seeds):
            trainable = make_trainable(
                network.config, seed=seed, size=network.size, batches=batches, norms=settings.norms, device=device
            )
            measured += audit(network.label, trainable, settings.at, settings.steps, seed)
        notes.append(_note(network, batches.origin, len(measured[-1].rows), settings))
    return measured, notes


def _note(network: Network, origin: str, rows: int, settings: AuditSettings) -> str:
    height, width = network.size
    norms = "" if settings.norms else ", without norms"
    times = f", {settings.seeds} times" if settings.seeds > 1 else ""
    return f"{network.label}: {rows} outputs{norms}, at {settings.batch} {origin}, {height}x{width}{times}"


def make_trainable(
    config: Config, *, seed: int, size: tuple[int, int], batches: TrainingBatches, norms: bool, device: str
) -> Trainable:
    """Build the network that training with this seed begins with, its loss and its optimizer."""
    torch.manual_seed(seed)
    model, loss = _classifier(config, batches.classes) if is_classification(config) else _pose_network(config, size)
    if not norms:
        remove_norms(model)
    # Weights are drawn in the order of the memory: training draws them before they lie channels last.
    initialise(model.to(memory_format=torch.contiguous_format), config)  # type: ignore[call-overload]  # stubs lack it
    model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    optimizer = build(config["optimizer"])(model.parameters())
    return Trainable(model, optimizer, loss, lambda step: _moved(batches.batch(step), device))


def _classifier(config: Config, classes: int | None) -> tuple[nn.Module, Callable[[LabelledBatch], Tensor]]:
    injected: dict[str, Any] = {} if classes is None else {"classes": classes}
    model: nn.Module = build(config["classifier"], **injected)
    return model, lambda batch: F.cross_entropy(model(batch.image), batch.label)


def _pose_network(config: Config, size: tuple[int, int]) -> tuple[nn.Module, Callable[[PoseBatch], Tensor]]:
    task = task_without_data(config, size)
    return task.model, lambda batch: task.losses(batch).sum()


def _moved(batch: Any, device: str) -> Any:
    return type(batch)(*(tensor.to(device) for tensor in batch))


def make_batches(config: Config, size: tuple[int, int], count: int) -> TrainingBatches:
    """Return the batches of a configuration's training, or synthetic ones where its data is not on this machine."""
    if is_classification(config) and "cut" not in config["data"]:
        return synthetic_batches(config, size, count)
    try:
        return training_batches(config, count)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        return synthetic_batches(config, size, count)._replace(origin=f"synthetic pictures, since {reason}")


def training_batches(config: Config, count: int) -> TrainingBatches:
    """Return augmented batches in the order of the first epoch, which begins again when it is over."""
    data = make_data(config)
    samples = data.samples("train", augment=True)
    order = list(TrainingOrder(len(samples), count, seed=config["seed"]))

    def batch(step: int) -> Any:
        start = step * count % len(order)
        return join([samples[draw] for draw in order[start : start + count]])

    batch(0)  # A missing picture is found here, where synthetic ones can still take its place.
    classes = len(data.source.classes) if isinstance(data, ClassificationDataModule) else None
    return TrainingBatches(batch, "pictures of its training data", classes)


def synthetic_batches(config: Config, size: tuple[int, int], count: int) -> TrainingBatches:
    """Return batches of noise, with joints at random places or of the first class."""

    def batch(step: int) -> Any:
        generator = torch.Generator().manual_seed(step)
        image = torch.randint(256, (count, 3, *size), generator=generator, dtype=torch.uint8)
        if is_classification(config):
            return LabelledBatch(image, torch.zeros(count, dtype=torch.long), torch.arange(count))
        return synthetic_people(image, len(build(config["skeleton"])), generator)

    return TrainingBatches(batch, "synthetic pictures")


def write_audit(folder: Path, measured: Sequence[Measured], report: dict[str, Any]) -> None:
    """Write ``variances.png``, every row as ``variances.csv``, and the report as ``audit.json``."""
    draw_variances(curves(measured), folder / "variances.png")
    write_csv(folder / "variances.csv", measured)
    write_json(folder / "audit.json", report)


def describe_audit(
    command: str, networks: Sequence[Network], settings: AuditSettings, notes: Sequence[str]
) -> dict[str, Any]:
    """Return the circumstances of an audit as plain data."""
    return {
        "command": command,
        "commit": git_state()[0],
        "packages": versions(),
        **settings._asdict(),
        "networks": [network._asdict() | {"note": note} for network, note in zip(networks, notes, strict=True)],
    }
