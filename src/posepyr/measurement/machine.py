"""The machine that a result came from, and the code: cores, devices, versions of packages, state of the checkout."""

import os
import platform
import re
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from posepyr.errors import UsageError
from posepyr.ranks import cores

PACKAGES = (
    "posepyr", "torch", "pytorch-lightning", "hydra-core", "omegaconf", "albumentations", "opencv-python-headless",
    "numpy", "scipy", "h5py", "pycocotools", "torchmetrics", "wandb", "matplotlib", "rich",
)  # fmt: skip
"""Packages that results depend on."""

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of ``posepyr`` itself."""

GIT_SECONDS = 30
"""Patience with git, which may wait for a slow disk."""


def describe() -> dict[str, Any]:
    """Return the machine as plain data."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": cores(),
        "torch_threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def describe_benchmark(device: str) -> dict[str, Any]:
    """Return what figures of speed depend on, as plain data; to be called before there is any load of one's own."""
    return {
        "device": device,
        "name": device_name(device),
        "cores": cores(),
        "torch": torch.__version__,
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else [],
    }


def device_name(device: str) -> str:
    """Return the maker's name of ``cpu`` or ``cuda``, or the kind of processor where that cannot be found."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    with suppress(OSError):
        match = re.search(r"^model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        if match:
            return match[1]
    return platform.processor() or platform.machine()


def choose_device(device: str | None) -> str:
    """Return ``device`` if Torch can use it; None stands for ``cuda`` where there is one, else ``cpu``."""
    if device is not None and device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"device must be one that Torch can use here, got {device}: posepyr doctor says more")
    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def versions() -> dict[str, str]:
    """Return the versions of the packages that results depend on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def git_state(package: Path = PACKAGE) -> tuple[str | None, str]:
    """Return the commit of posepyr's own checkout and its uncommitted difference.

    They are None and empty where posepyr is installed, also inside somebody else's checkout, as in a virtual
    environment that lies in a project's folder: the code is posepyr's checkout only if it is ``src/posepyr`` of it.
    """
    # Inside a git hook these name the repository of the hook, whatever folder is asked about.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(package), *arguments],
            capture_output=True, check=True, timeout=GIT_SECONDS, env=environment,
        )  # fmt: skip
        return done.stdout.decode("utf-8", "replace")

    try:
        root = Path(git("rev-parse", "--show-toplevel").rstrip("\n")).resolve()
        if root / "src" / "posepyr" != package:
            return None, ""
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "HEAD").strip(), git("diff", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return None, ""
