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
from posepyr.cli.options import Parser
from posepyr.configuration import catalogue
from posepyr.errors import UsageError

State = Literal["ok", "warning", "problem"]
RUNS = Path("runs")
SPACE_NEEDED, SPACE_COMFORTABLE = 1e9, 10e9
"""Bytes of free disk below which a short run may fail, and below which a long one may."""


class Check(NamedTuple):
    """One line of the report, with a remedy below it where there is one."""

    state: State
    subject: str
    text: str
    remedy: str = ""


def run(arguments: list[str]) -> int:
    """Print the report; the exit code is 1 where there is a problem."""
    Parser("posepyr doctor", "Check versions, devices, data folders, W&B and disk space.", "").read(arguments)
    states: set[State] = set()
    for check in checks():
        print(f"{check.state:<8} {check.subject}: {check.text}", flush=True)
        if check.remedy:
            print(f"{'':<8} -> {check.remedy}")
        states.add(check.state)
    return errors.FAILED if "problem" in states else errors.COMPLETED


def checks() -> Iterator[Check]:
    """Yield the lines of the report, those that are found quickly first."""
    yield check_configuration()
    yield from check_packages(requirements())
    yield from check_devices()
    yield check_data()
    yield check_wandb()
    yield check_disk(RUNS)


def check_configuration() -> Check:
    """Look for the folder of configuration files."""
    try:
        return Check("ok", "configuration", str(catalogue.configuration_folder()))
    except UsageError as error:
        return Check("problem", "configuration", str(error), "pip install --force-reinstall posepyr")


def requirements() -> tuple[str, list[str]]:
    """Return the versions of Python and of packages that posepyr requires, without its extras."""
    project = Path(__file__).resolve().parents[3] / "pyproject.toml"
    if project.is_file():
        content = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        return content["requires-python"], content["dependencies"]
    about = metadata.metadata("posepyr")
    needed = [line for line in metadata.requires("posepyr") or [] if "extra ==" not in line]
    return about["Requires-Python"], needed


def check_packages(required: tuple[str, list[str]]) -> Iterator[Check]:
    """Compare Python and each package with the required versions."""
    # Hydra and Lightning bring it.
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    python, lines = required
    version = platform.python_version()
    if version in SpecifierSet(python):
        yield Check("ok", "python", version)
    else:
        yield Check("problem", "python", f"{version}, but {python} is needed", "make a new environment with it")
    for line in lines:
        needed = Requirement(line)
        try:
            installed = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            yield Check("problem", needed.name, "not installed", f"pip install '{line}'")
            continue
        if needed.specifier.contains(installed, prereleases=True):
            yield Check("ok", needed.name, installed)
        else:
            text = f"{installed}, but {needed.specifier} is needed"
            yield Check("problem", needed.name, text, f"pip install '{line}'")


def check_devices() -> Iterator[Check]:
    """Look for devices to train on."""
    import torch

    from posepyr.files import format_bytes
    from posepyr.measurement.machine import device_name
    from posepyr.ranks import cores

    threads = f"{cores()} cores, {torch.get_num_threads()} threads for Torch {torch.__version__}"
    yield Check("ok", "cpu", f"{device_name('cpu')}, {threads}")
    for index in range(torch.cuda.device_count()):
        memory = format_bytes(torch.cuda.get_device_properties(index).total_memory)
        yield Check("ok", f"gpu {index}", f"{torch.cuda.get_device_name(index)}, {memory}")
    if torch.backends.mps.is_available():
        yield Check("ok", "gpu", "Apple's Metal")
    elif not torch.cuda.device_count():
        yield _explain_missing_gpu(torch.version.cuda or getattr(torch.version, "hip", None))


def _explain_missing_gpu(built_for: str | None) -> Check:
    if not shutil.which("nvidia-smi"):
        return Check("ok", "gpu", "none: training runs on the CPU")
    if built_for is None:
        remedy = "install a build of Torch for CUDA: https://pytorch.org/get-started/locally"
        return Check("warning", "gpu", "none used: this build of Torch is for CPUs, the machine has a GPU", remedy)
    remedy = f"this Torch needs a driver for CUDA {built_for}: see nvidia-smi"
    return Check("warning", "gpu", "none that Torch can use, though the machine has one", remedy)


def check_data() -> Check:
    """List the data sets in the data folder."""
    variable = os.environ.get("POSEPYR_DATA")
    folder = Path(variable or "data")
    name = f"{folder.absolute()} ({'POSEPYR_DATA' if variable else 'set POSEPYR_DATA to look elsewhere'})"
    if not folder.is_dir():
        remedy = f"make {folder} and put data sets there; data=figures needs none"
        return Check("problem" if variable else "warning", "data", f"no folder {name}", remedy)
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return Check("ok", "data", f"{name}: {', '.join(names) or 'empty; data=figures needs no files'}")


def check_wandb() -> Check:
    """Tell where ``logger=wandb`` would log to."""
    from posepyr.training.loggers.wandb_log import wandb_mode

    mode, reason = wandb_mode()
    return Check("ok", "logger=wandb", f"{mode}: {reason}")


def check_disk(folder: Path) -> Check:
    """Check that run folders can be written, and how much space there is for them."""
    parent = folder.absolute()
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        return Check("problem", "runs", f"{parent} cannot be written", "choose another folder by hydra.run.dir=...")
    free = shutil.disk_usage(parent).free
    text = f"{free / 1e9:.1f} GB free in {folder.absolute()}"
    if free < SPACE_NEEDED:
        return Check("problem", "runs", text, "make room: a run's checkpoints take up to a gigabyte")
    if free < SPACE_COMFORTABLE:
        return Check("warning", "runs", text, "enough for a short run; make room for long ones")
    return Check("ok", "runs", text)
