"""Slots: the devices and cores of this machine, shared out among jobs that run side by side."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from posepyr.errors import UsageError
from posepyr.ranks import CORES, cores

Group = tuple[str, ...]
"""GPUs by number or UUID, or cores, that one job takes together."""

ALL = ("auto", -1, "-1")
"""Values of ``trainer.devices`` that mean: whatever there is. In a sweep that is one slot."""

EXAMPLES = "as 2, [0,1] or [[0,1],[2,3]]"


class Slot(NamedTuple):
    """The devices and cores that one job has to itself."""

    groups: tuple[Group, ...]
    environment: dict[str, str]
    """Variables that the job's processes see."""
    label: str
    """For messages, as ``GPU 0,1`` or ``2 cores``."""


class Slots:
    """Groups of devices or cores, each of which is free or taken by one job."""

    def __init__(self, groups: Sequence[Group], *, gpus: bool, core_count: int) -> None:
        self.gpus, self.core_count = gpus, core_count
        self._free = list(groups)
        self.total = sum(map(len, groups))

    def take(self, config: Mapping[str, Any]) -> Slot | None:
        """Return a slot for a job of this configuration; None where too little is free."""
        wanted, processes = self.need(config), process_count(config["trainer"])
        groups = _fitting(self._free, wanted)
        if groups is None:
            return None
        for group in groups:
            self._free.remove(group)
        taken = [device for group in groups for device in group]
        share = max(1, self.core_count * len(taken) // self.total // processes)
        environment = {CORES: str(share)}
        if not self.gpus:
            return Slot(groups, environment, f"{len(taken)} of {self.total} cores")
        visible = ",".join(taken)
        return Slot(groups, environment | {"CUDA_VISIBLE_DEVICES": visible}, f"GPU {visible}")

    def give_back(self, slot: Slot) -> None:
        """Free what a job had."""
        self._free += slot.groups

    def need(self, config: Mapping[str, Any]) -> int:
        """Return how many devices, or on the CPU cores, a job of this configuration takes."""
        processes = process_count(config["trainer"])
        return processes if self.gpus else min(self.total, processes * (config.get("threads") or 1))

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise UsageError for a job that would wait for ever."""
        if self.need(config) > self.total:
            raise UsageError(
                f"trainer.devices must be at most {self.total}, the devices of hydra.launcher.slots, "
                f"got {config['trainer']['devices']}"
            )


def _fitting(free: Sequence[Group], wanted: int) -> tuple[Group, ...] | None:
    """Return the smallest free group that suffices, or else the first ones that do together."""
    single = min((group for group in free if len(group) >= wanted), key=len, default=None)
    if single is not None:
        return (single,)
    chosen: list[Group] = []
    for group in free:
        chosen.append(group)
        if sum(map(len, chosen)) >= wanted:
            return tuple(chosen)
    return None


def make_slots(setting: Any, configs: Sequence[Mapping[str, Any]]) -> Slots:
    """Return the slots that ``hydra.launcher.slots`` asks for, for jobs of these configurations.

    By default every GPU is one, or, where no job uses a GPU, the cores are divided among as many jobs as there are.
    """
    gpus = visible_gpus() if any(map(_may_use_gpu, configs)) else []
    if isinstance(setting, list) and setting:
        return Slots([_group(entry) for entry in setting], gpus=True, core_count=cores())
    devices = gpus or [str(number) for number in range(cores())]
    if setting is None:
        count = len(devices) if gpus else min(len(devices), len(configs))
    elif isinstance(setting, int) and not isinstance(setting, bool) and setting >= 1:
        count = setting
    else:
        raise UsageError(
            f"hydra.launcher.slots must be a number, devices or groups of devices, {EXAMPLES}, got {setting}"
        )
    if gpus and count > len(gpus):
        raise UsageError(f"hydra.launcher.slots must be at most {len(gpus)}, the GPUs of this machine, got {count}")
    return Slots(_divided(devices, count), gpus=bool(gpus), core_count=cores())


def _divided(devices: Sequence[str], count: int) -> list[Group]:
    """Return devices in so many groups of nearly the same size; where there are fewer, some are named again."""
    if count > len(devices):
        return [(devices[number % len(devices)],) for number in range(count)]
    return [tuple(devices[number::count]) for number in range(count)]


def _group(entry: Any) -> Group:
    members = entry if isinstance(entry, list) else [entry]
    if not members or not all(isinstance(member, int | str) and not isinstance(member, bool) for member in members):
        raise UsageError(f"hydra.launcher.slots must list devices or groups of devices, {EXAMPLES}, got {entry}")
    return tuple(map(str, members))


def process_count(trainer: Mapping[str, Any]) -> int:
    """Return how many processes a job of a sweep has: one for each of its devices."""
    devices = trainer.get("devices", "auto")
    if devices in ALL:
        return 1
    if str(devices).isdigit() and int(devices) >= 1:
        return int(devices)
    raise UsageError(
        f"trainer.devices must be a number in a sweep, got {devices}: hydra.launcher.slots says which devices there are"
    )


def _may_use_gpu(config: Mapping[str, Any]) -> bool:
    return config["trainer"].get("accelerator", "auto") in ("auto", "gpu", "cuda")


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use, by number or UUID, without touching them."""
    import torch

    count = torch.cuda.device_count()
    named = [one.strip() for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one.strip()]
    return (named or [str(number) for number in range(count)])[:count]
