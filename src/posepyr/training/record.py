"""What a run folder says about its run: enough to know it and to repeat it."""

import json
import os
import platform
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
import yaml

from posepyr.files import write_text

PACKAGES = (
    "posepyr", "torch", "pytorch-lightning", "hydra-core", "omegaconf", "albumentations", "opencv-python-headless",
    "numpy", "scipy", "h5py", "pycocotools", "torchmetrics", "wandb", "matplotlib", "rich",
)  # fmt: skip


def write_record(folder: Path, config: dict[str, Any], overrides: list[str]) -> None:
    """``config.yaml``, resolved; ``run.json``; and ``git.diff`` where the code differs from its commit."""
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=120))
    commit, difference = git_state()
    if difference:
        write_text(folder / "git.diff", difference)
    record = {
        "id": uuid.uuid4().hex[:12],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "overrides": overrides,
        "seed": config.get("seed"),
        "git": {"commit": commit, "dirty": bool(difference)},
        "packages": versions(),
        "machine": machine(),
    }
    write_text(folder / "run.json", json.dumps(record, indent=2) + "\n")


def add_to_record(folder: Path, key: str, value: str) -> None:
    """What is known only once the parts of the run are built."""
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    write_text(folder / "run.json", json.dumps(content | {key: value}, indent=2) + "\n")


def run_id(folder: Path) -> str:
    """The run's own name, the same after a resume."""
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return str(content["id"])


def git_state() -> tuple[str | None, str]:
    """Commit of the checkout that this code runs from, and its uncommitted difference; nothing when installed."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=True, timeout=30)
        return done.stdout.decode("utf-8", "replace")

    try:
        # Only where the file is part of a checkout: an installed package may lie inside somebody else's.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "HEAD").strip(), git("diff", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return None, ""


def versions() -> dict[str, str]:
    """Versions of the packages that results depend on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def machine() -> dict[str, Any]:
    """What the run ran on."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }
