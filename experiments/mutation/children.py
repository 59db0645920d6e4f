"""Work in forked children: each begins with the libraries that are imported already, and is ended at its limit."""

import gc
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from sources import ROOT

LIBRARIES = (
    *("torch", "pytest", "hypothesis", "numpy", "scipy.io", "cv2", "albumentations", "h5py", "pycocotools.coco"),
    *("pytorch_lightning", "torchmetrics", "hydra", "omegaconf", "wandb", "matplotlib.pyplot", "rich.table"),
    *("_pytest.assertion.rewrite", "torch.utils.checkpoint", "torch.func", "yaml"),
)
"""Imported once, before the first child; posepyr itself must not be among them."""


LONGEST_STEP = 1.0
"""Seconds from one look at the children to the next; what takes longer was a pause of the machine."""


@dataclass
class Task:
    """Something to do in a child: its result is what ``work`` returns, or None where the child died or was ended."""

    subject: Any
    work: Callable[[], Any]
    limit: float
    """Seconds."""


@dataclass
class _Child:
    task: Task
    started: float
    answer: Path
    age: float = 0.0
    """Seconds without those in which this process was halted itself."""


def warm_up(libraries: Sequence[str] = LIBRARIES) -> None:
    """Import the libraries, and make the working tree's package the one that children import."""
    sys.path.insert(0, str(ROOT / "src"))
    os.chdir(ROOT)
    # Subprocesses of tests import the same tree.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_timeout"}
    for name in libraries:
        import_module(name)
    from hypothesis import settings

    # The same examples for every mutant; the first that fails is enough.
    settings.register_profile("mutation", database=None, derandomize=True, phases=_phases(), deadline=None)
    settings.load_profile("mutation")
    if any(name == "posepyr" or name.startswith("posepyr.") for name in sys.modules):
        raise RuntimeError("posepyr must not be imported before the first child is")
    # Children share these objects' memory as long as no collection of garbage looks at them.
    gc.collect()
    gc.freeze()


def _phases() -> Any:
    from hypothesis import Phase

    return (Phase.explicit, Phase.generate)


def in_children(tasks: Iterator[Task], processes: int) -> Iterator[tuple[Task, Any, float]]:
    """Iterate over tasks, results and seconds, as they end; ``processes`` children work at once."""
    running: dict[int, _Child] = {}
    with tempfile.TemporaryDirectory() as folder:
        waiting, last = True, time.monotonic()
        while waiting or running:
            now = time.monotonic()
            passed, last = min(now - last, LONGEST_STEP), now
            while waiting and len(running) < processes:
                task = next(tasks, None)
                if task is None:
                    waiting = False
                    break
                child = _Child(task, time.monotonic(), Path(folder, f"{time.monotonic_ns()}.json"))
                running[_fork(child)] = child
            for number in list(running):
                running[number].age += passed
                if _has_ended(number, running[number]):
                    child = running.pop(number)
                    yield child.task, _answer(child), time.monotonic() - child.started
            time.sleep(0.01)


def _fork(child: _Child) -> int:
    number = os.fork()
    if number:
        return number
    try:
        os.setsid()
        # Its output is kept beside its answer, and thrown away with it.
        silent = os.open(child.answer.with_suffix(".log"), os.O_RDWR | os.O_CREAT)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        # In one step, so that a child that is ended leaves a whole answer or none.
        written = child.answer.with_suffix(".part")
        written.write_text(json.dumps(child.task.work()), encoding="utf-8")
        written.rename(child.answer)
    finally:
        os._exit(0)


def _has_ended(number: int, child: _Child) -> bool:
    ended, _ = os.waitpid(number, os.WNOHANG)
    if ended:
        return True
    if child.age < child.task.limit:
        return False
    os.killpg(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return True


def _answer(child: _Child) -> Any:
    return json.loads(child.answer.read_text(encoding="utf-8")) if child.answer.exists() else None
