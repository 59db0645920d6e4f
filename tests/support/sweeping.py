"""Sweeps of very small trainings in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.places import ROOT

TINY = [
    "experiment=demo", "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.workers=0",
    "data.input_size=[32,32]", "data.batch_size=4", "data.source.train=8", "data.source.val=4", "data.source.test=4",
    "data.source.size=64", "trainer=cpu", "trainer.max_epochs=1", "test=false", "callbacks=none", "hydra.sweep.dir=all",
]  # fmt: skip

LONG = "trainer.max_epochs=1000"
PATIENCE = 240.0


def witness(folder: Path, **arguments: Any) -> str:
    """The override that adds a witness."""
    rest = "".join(f", {key}: {value}" for key, value in arguments.items())
    return f"+callbacks.witness={{_target_: support.witness.Witness, folder: '{folder}', seed: '${{seed}}'{rest}}}"


def notes(folder: Path) -> list[dict[str, Any]]:
    """What the witnesses have written, in the order of the jobs' folders and ranks."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(found, key=lambda note: (note["folder"], note["rank"]))


def command(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Starts ``posepyr`` in a folder and a process group of its own."""
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, "-m", "posepyr", *arguments], cwd=folder, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip


def sweep(*overrides: str) -> list[str]:
    """The arguments of a sweep into the folder ``all``."""
    return ["train", "-m", *TINY, *overrides]


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code, and all that was printed."""
    said, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def wait_until(true: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert process is None or process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def have_trained(folder: Path, *numbers: int) -> bool:
    """Whether jobs have saved a checkpoint."""
    return all((folder / "all" / str(number) / "checkpoints" / "last.ckpt").is_file() for number in numbers)


def processes_below(folder: Path) -> list[int]:
    """The processes, of whatever program, that work in a folder or that have its name in their command."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            inside = (entry / "cwd").readlink().is_relative_to(folder)
        except OSError:
            continue
        if inside:
            found.append(int(entry.name))
    return found


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    """Sends a signal to a process alone, not to its children."""
    os.kill(process.pid, number)
