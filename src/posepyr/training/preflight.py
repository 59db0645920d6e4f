"""Checks of a run before anything of it is made, so that what cannot train leaves no folder and no log behind."""

import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.accelerators import AcceleratorRegistry, CPUAccelerator, CUDAAccelerator, MPSAccelerator
from pytorch_lightning.strategies import StrategyRegistry

from posepyr.checkpoints.weights import Pretrained
from posepyr.configuration.networks import Config, is_classification, network_group
from posepyr.data.module import ClassificationDataModule, OrderedData, PoseDataModule
from posepyr.errors import UsageError, is_written_for_users, suggestion
from posepyr.metrics.scorer import Scorer
from posepyr.nodes import build, put_in_front
from posepyr.ranks import needs_local_processes
from posepyr.training.build import make_data, make_scorers
from posepyr.training.learner import Learner
from posepyr.training.process_state import quiet
from posepyr.training.task import PoseTask, require_annotations

OWN = ("posepyr.", "pytorch_lightning.")
"""Packages whose callbacks log no scores."""

LOGGED_BESIDE = re.compile(r"epoch|step|lr-.*|time/.*|train/loss/stage_\d+|train/weight_stage_\d+/.*")
"""What is logged beside the scores, and can be monitored as well."""


def check_run(config: Config, fresh: bool = True) -> None:
    """Raise where this machine, its data or Lightning cannot do what a checked configuration asks for.

    Nothing is written and no thread, process or GPU is started: a sweep can check all of its jobs before the first
    begins, in processes of their own or in one. Annotations are looked for, not read. Without ``fresh`` the run goes
    on from a checkpoint, for which its first weights and annotations mattered.
    """
    check_trainer(config["trainer"])
    data = make_data(config)
    scorers: list[Scorer] = []
    if not is_classification(config):
        skeleton, visibility = build(config["skeleton"], "skeleton"), build(config["visibility"], "visibility")
        scorers = make_scorers(config, skeleton)
        build(config["loss"], "loss")
        check_network(config, joints=len(skeleton))
    check_monitor(config, scorers, data)
    build(config["scheduler"], "scheduler")
    if isinstance(data, PoseDataModule | ClassificationDataModule):
        for name in splits(config, data):
            data.source.require_files(name)
    if fresh:
        check_init(config)
        if isinstance(data, PoseDataModule):
            require_annotations(data.source, visibility, scorers)


def check_init(config: Config) -> None:
    """Raise unless the scheme of the first weights can be built, and finds the file that it takes them from."""
    scheme = build(config["init"], "init")
    if isinstance(scheme, Pretrained):
        try:
            scheme.require_file()
        except ValueError as error:
            put_in_front("init", error, set(config["init"]))
            raise


def splits(config: Config, data: OrderedData) -> list[str]:
    """Return the splits that a run takes."""
    tested = [data.test_split] if config["test"] else []
    return list(dict.fromkeys(["train", "val", *tested]))


def read_annotations(config: Config, task: Learner, data: OrderedData) -> None:
    """Read all people that a run takes, which their source remembers, to find what is wrong with the files."""
    if not isinstance(data, PoseDataModule) or not isinstance(task, PoseTask):
        return
    for name in splits(config, data):
        data.samples(name)
        for scorer in task.scorers if name != "train" or data.train_scored else ():
            scorer.check_truth(data.truth(name))


def check_trainer(trainer: Mapping[str, Any]) -> None:
    """Raise unless the machine has the devices, Lightning the strategy, and both fit the trainer's other settings."""
    _check_accelerator(trainer.get("accelerator", "auto"))
    _check_devices(trainer.get("accelerator", "auto"), trainer.get("devices", "auto"))
    strategy, strategies = trainer.get("strategy", "auto"), ["auto", *StrategyRegistry.available_strategies()]
    if isinstance(strategy, str) and strategy not in strategies:
        raise UsageError(
            f"trainer.strategy must be one of Lightning's, got {strategy!r}; {suggestion(strategy, strategies)}"
        )
    off: dict[str, Any] = {
        "enable_checkpointing": False,
        "logger": False,
        "callbacks": [],
        "enable_progress_bar": False,
    }
    if (hasattr(sys, "ps1") or sys.flags.interactive) and needs_local_processes(trainer):
        # Lightning starts no processes from a notebook; those that posepyr starts are no notebook's.
        off |= {"strategy": "auto", "devices": 1}
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The run's own trainer will repeat them.
        try:
            build({**trainer, **off})
        except (MisconfigurationException, ValueError, TypeError, ImportError) as error:
            raise UsageError(f"trainer must be settings that Lightning accepts: {error}") from error


def _check_accelerator(accelerator: Any) -> None:
    known = ["auto", "gpu", *AcceleratorRegistry.available_accelerators()]
    if not isinstance(accelerator, str):
        return
    if accelerator not in known:
        raise UsageError(
            f"trainer.accelerator must be one of Lightning's, got {accelerator!r}; {suggestion(accelerator, known)}"
        )
    there = torch.cuda.device_count() > 0 or (accelerator == "gpu" and MPSAccelerator.is_available())
    if accelerator in ("gpu", "cuda") and not there:
        raise UsageError(
            f"trainer.accelerator must be one that this machine has, got {accelerator!r}, but Torch finds no GPU here; "
            "trainer=cpu trains on the CPU, and posepyr doctor tells more"
        )


def _check_devices(accelerator: Any, devices: Any) -> None:
    gpus = torch.cuda.device_count()
    with_gpus = accelerator in ("gpu", "cuda") or (accelerator == "auto" and gpus > 0)
    if devices == "auto" or (not gpus * with_gpus and accelerator not in ("cpu", "auto")):
        return
    kind = CUDAAccelerator if with_gpus else CPUAccelerator
    present = (
        f"this machine has {gpus} GPU{'s' * (gpus > 1)}, numbered from 0" if with_gpus else "on the CPU, 1 or more"
    )
    try:
        found = kind.parse_devices(devices)
    except (MisconfigurationException, TypeError, ValueError) as error:
        raise UsageError(f"trainer.devices must be devices that are there, got {devices!r}: {present}") from error
    if not found:
        raise UsageError(f"trainer.devices must be one or more, got {devices!r}: {present}")


def check_network(config: Config, **injected: Any) -> None:
    """Raise what the network's constructor has against its arguments, without its weights being made."""
    group = network_group(config)
    try:
        with torch.device("meta"):
            build(config[group], group, **injected)
    except Exception as error:
        # Somebody's own network may ask for weights that hold numbers: it is judged when it is built in earnest.
        if is_written_for_users(error):
            raise


def check_monitor(config: Config, scorers: Sequence[Scorer], data: OrderedData) -> None:
    """Raise unless ``checkpoint.monitor`` is among the scores of the validation, where all of them are known."""
    monitor = config["checkpoint"]["monitor"]
    callbacks = [node["_target_"] for node in (config.get("callbacks") or {}).values() if node]
    open_ended = any(scorer.score_names is None for scorer in scorers)
    if open_ended or LOGGED_BESIDE.fullmatch(monitor) or not all(name.startswith(OWN) for name in callbacks):
        return
    known = list(_score_names(config, scorers, data))
    if _of_last_stage(config, monitor) not in known:
        hint = suggestion(monitor, known)
        raise UsageError(f"checkpoint.monitor must be a score that the run takes, got {monitor!r}; {hint}")


def _score_names(config: Config, scorers: Sequence[Scorer], data: OrderedData) -> Iterator[str]:
    yield "train/loss"
    if is_classification(config):
        yield from ("val/loss", "val/top1", "val/top5")
    for scorer in scorers:
        for quantity in scorer.score_names or ():
            yield f"val/{quantity}"
            if getattr(data, "train_scored", 0):
                yield f"train/{quantity}"


def _of_last_stage(config: Config, monitor: str) -> str:
    """Return the name of the same score of a network's last output, where the others are scored too."""
    return re.sub(r"^(val|train)_stage_\d+/", r"\1/", monitor) if config["protocol"].get("stages") else monitor
