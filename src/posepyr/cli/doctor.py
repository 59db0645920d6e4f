"""``posepyr doctor``: each thing that a training needs from this machine, ok or how to mend it."""

import os
import platform
import shutil
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

from posepyr import errors
from posepyr.configuration import catalogue
from posepyr.errors import UsageError

State = Literal["ok", "warning", "problem"]
RUNS = Path("runs")
SPACE_NEEDED, SPACE_COMFORTABLE = 1e9, 10e9
"""Bytes of free disk below which a run may not end, and below which a long one may not."""


class Finding(NamedTuple):
    """One line of the report."""

    state: State
    what: str
    says: str
    mend: str = ""


def run(arguments: list[str]) -> int:
    """Prints the report; exit code 1 where there is a problem."""
    if arguments:
        if arguments == ["--help"] or arguments == ["-h"]:
            print("usage: posepyr doctor\n\nChecks versions, devices, data folders, W&B and disk space.")
            return errors.COMPLETED
        raise UsageError(f"posepyr doctor takes no arguments, got {' '.join(arguments)!r}")
    worst: State = "ok"
    for finding in findings():
        print(f"{finding.state:<8} {finding.what}: {finding.says}", flush=True)
        if finding.mend:
            print(f"{'':<8} -> {finding.mend}")
        if finding.state == "problem" or worst == "ok":
            worst = finding.state
    return errors.FAILED if worst == "problem" else errors.COMPLETED


def findings() -> Iterator[Finding]:
    """Every line, cheap ones first."""
    yield configuration()
    yield from packages(requirements())
    yield from devices()
    yield data()
    yield logging_mode()
    yield disk(RUNS)


def configuration() -> Finding:
    """Where configurations are read from."""
    try:
        return Finding("ok", "configuration", str(catalogue.configuration_folder()))
    except UsageError as error:
        return Finding("problem", "configuration", str(error), "pip install --force-reinstall posepyr")


def requirements() -> tuple[str, list[str]]:
    """The versions of Python and of packages that posepyr asks for; extras are not asked for."""
    project = Path(__file__).resolve().parents[3] / "pyproject.toml"
    if project.is_file():
        content = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        return content["requires-python"], content["dependencies"]
    about = metadata.metadata("posepyr")
    needed = [line for line in metadata.requires("posepyr") or [] if "extra ==" not in line]
    return about["Requires-Python"], needed


def packages(required: tuple[str, list[str]]) -> Iterator[Finding]:
    """Python and each package against the versions that are asked for."""
    # Hydra and Lightning bring it.
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    python, lines = required
    version = platform.python_version()
    if version in SpecifierSet(python):
        yield Finding("ok", "python", version)
    else:
        yield Finding("problem", "python", f"{version}, but {python} is needed", "make a new environment with it")
    for line in lines:
        needed = Requirement(line)
        try:
            found = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            yield Finding("problem", needed.name, "not installed", f"pip install '{line}'")
            continue
        if needed.specifier.contains(found, prereleases=True):
            yield Finding("ok", needed.name, found)
        else:
            asked = f"{found}, but {needed.specifier} is needed"
            yield Finding("problem", needed.name, asked, f"pip install '{line}'")


def devices() -> Iterator[Finding]:
    """What can be trained on."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("ok", "cpu", f"{cores} cores, {torch.get_num_threads()} threads for Torch {torch.__version__}")
    built = torch.version.cuda or getattr(torch.version, "hip", None)
    for index in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_name(index)
        memory = torch.cuda.get_device_properties(index).total_memory / 2**30
        yield Finding("ok", f"gpu {index}", f"{name}, {memory:.0f} GiB")
    if torch.backends.mps.is_available():
        yield Finding("ok", "gpu", "Apple's Metal")
    elif not torch.cuda.device_count():
        yield _no_gpu(built)


def _no_gpu(built: str | None) -> Finding:
    if built is None and shutil.which("nvidia-smi"):
        mend = "install a build of Torch for CUDA: https://pytorch.org/get-started/locally"
        return Finding("warning", "gpu", "none used: this build of Torch is for CPUs, the machine has a GPU", mend)
    if built is not None and shutil.which("nvidia-smi"):
        mend = f"this Torch needs a driver for CUDA {built}: see nvidia-smi"
        return Finding("warning", "gpu", "none that Torch can use, though the machine has one", mend)
    return Finding("ok", "gpu", "none: training runs on the CPU")


def data() -> Finding:
    """What lies in the folder that data sets are looked up in."""
    named = os.environ.get("POSEPYR_DATA")
    folder = Path(named or "data")
    where = f"{folder.absolute()} ({'POSEPYR_DATA' if named else 'set POSEPYR_DATA to look elsewhere'})"
    if not folder.is_dir():
        mend = f"make {folder} and put data sets there; data=figures needs none"
        return Finding("problem" if named else "warning", "data", f"no folder {where}", mend)
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return Finding("ok", "data", f"{where}: {', '.join(names) or 'empty; data=figures needs nothing'}")


def logging_mode() -> Finding:
    """What ``logger=wandb`` would do."""
    from posepyr.training.loggers.wandb_log import wandb_mode

    mode, reason = wandb_mode()
    return Finding("ok", "logger=wandb", f"{mode}: {reason}")


def disk(folder: Path) -> Finding:
    """Whether run folders can be written, and how much fits."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Finding("problem", "runs", f"{place} cannot be written", "choose another folder by hydra.run.dir=...")
    free = shutil.disk_usage(place).free
    says = f"{free / 1e9:.1f} GB free in {folder.absolute()}"
    if free < SPACE_NEEDED:
        return Finding("problem", "runs", says, "make room: a run's checkpoints take up to a gigabyte")
    if free < SPACE_COMFORTABLE:
        return Finding("warning", "runs", says, "enough for a short run; make room for long ones")
    return Finding("ok", "runs", says)
