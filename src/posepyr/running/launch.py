"""Starting a run, from Python or from the command line: its folder, its processes, its result."""

import itertools
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from posepyr.checkpoints.storage import read_checkpoint
from posepyr.configuration.compose import Composer, recheck
from posepyr.errors import INTERRUPTED, FailedProcessError, OutOfMemoryError, UsageError
from posepyr.ranks import in_torchrun, is_first, launched, needs_local_processes, world_size
from posepyr.running import local_processes
from posepyr.running.resuming import scores_if_complete
from posepyr.tables import score_table
from posepyr.training import run
from posepyr.training.memory.advice import with_advice
from posepyr.training.preflight import check_run
from posepyr.training.process_state import unchanged_process_state
from posepyr.training.record import best_epoch, record_end

Config = dict[str, Any]
Scores = dict[str, float]

PATIENCE = timedelta(minutes=10)
"""For how long processes wait for the first one."""


class TrainingResult(NamedTuple):
    """The outcome of a training."""

    scores: dict[str, float]
    """By name: of the best weights, ``best/val/pck`` and ``test/pck``, and of the last epoch's, ``last/val/pck``."""
    folder: Path
    """The run folder: configuration, logs, checkpoints, pictures."""


def train(
    config: Mapping[str, Any] | None = None,
    folder: str | Path | None = None,
    resume: str | Path | None = None,
    verbose: bool = False,
) -> TrainingResult:
    """Train what a configuration describes, as ``posepyr train`` does.

    Args:
        config: what :func:`posepyr.compose` returned, changed at will. With ``resume`` it may be left out.
        folder: the run folder, which must be new or empty; a new dated one in ``runs/`` if left out.
        resume: the folder of an earlier run, which goes on from its last checkpoint; a complete one is left alone.
        verbose: print what ``posepyr train`` prints.

    Signal handlers, random generators, threads, log levels and the environment are afterwards as they were. Several
    devices work from anywhere: their processes never run the caller's script. Ctrl-C saves after the present step and
    then raises KeyboardInterrupt.
    """
    with unchanged_process_state(), _standard_output(verbose), _keyboard_interrupt():
        if resume is not None:
            if folder is not None:
                raise UsageError("folder must be left out with resume: the run goes on in its own folder")
            resumed = Path(resume)
            config = Composer().stored(resumed, []).config if config is None else recheck(config)
            if (scores := scores_if_complete(resumed, config)) is not None:
                return TrainingResult(scores, resumed)
            check_run(config, fresh=False)
            return TrainingResult(launch(config, resumed, (), last_checkpoint(resumed), verbose), resumed)
        if config is None:
            raise UsageError("config must be given unless resume is: posepyr.compose(['experiment=demo']) makes one")
        config = recheck(config)
        check_run(config)
        if folder is not None:
            named = claim_empty(Path(folder))
            return TrainingResult(launch(config, named, verbose=verbose), named)
        run_folder = claim(Composer().run_folder(config))
        with removed_if_empty(run_folder):
            return TrainingResult(launch(config, run_folder, verbose=verbose), run_folder)


@contextmanager
def _standard_output(verbose: bool) -> Iterator[None]:
    """Show the lines of posepyr's log, or print nothing at all; warnings are shown as ever."""
    if verbose:
        log = logging.getLogger("posepyr")
        log.setLevel(logging.INFO)
        log.addHandler(logging.StreamHandler(sys.stdout))
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


@contextmanager
def _keyboard_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt, as a notebook expects it, where Ctrl-C has ended a run with its exit code."""
    try:
        yield
    except SystemExit as end:
        if end.code == INTERRUPTED:
            raise KeyboardInterrupt from None
        raise


def launch(
    config: Config, folder: Path, overrides: Sequence[str] = (), resume: Path | None = None, verbose: bool = True
) -> Scores:
    """Train in a run folder, in as many processes as the trainer's devices need; return the final scores.

    ``resume`` is the checkpoint to go on from. Where a launcher such as torchrun has started the processes already,
    all of them follow the first one's configuration: theirs may hold other times and random numbers.
    """
    if not verbose:
        config = config | {"progress": False}
    if needs_local_processes(config["trainer"]):
        try:
            return local_processes.start(config, folder, overrides, resume, verbose)
        except (FailedProcessError, OutOfMemoryError) as error:
            # The first process, which records the end, may have been killed, or know only that another is gone.
            record_end(folder, "failed", str(error))
            raise
    config = from_first("configuration", lambda: config)
    try:
        return run.train(config, folder, overrides, resume)
    except OutOfMemoryError as error:
        # With several processes, the others still hold their devices' memory: nothing can be measured there.
        raise (with_advice(error, config, folder, measure=not launched()) if is_first() else error) from None


def claim(folder: Path) -> Path:
    """Create a folder that did not exist, with a number behind its name if that is taken; return it.

    Of the processes of one run the first creates it, and all of them return it.
    """
    return Path(from_first("folder", lambda: str(_claimed(folder))))


def _claimed(folder: Path) -> Path:
    for number in itertools.count():
        candidate = folder if number == 0 else folder.with_name(f"{folder.name}-{number}")
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            continue
        return candidate
    raise RuntimeError("itertools.count ends nowhere")


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """Remove a new run folder again after an error that came before anything was written there."""
    folder = folder.absolute()
    try:
        yield
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise


def claim_empty(folder: Path) -> Path:
    """Create a folder that the caller names, unless it is there and empty; return it."""

    def create() -> str:
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise UsageError(f"folder must be new or empty, got {str(folder)!r}")
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    return Path(from_first("folder", create))


def last_checkpoint(folder: Path) -> Path:
    """Return the checkpoint that a run goes on from: the last, or the best if the last cannot be read."""
    last, best = (folder / "checkpoints" / f"{name}.ckpt" for name in ("last", "best"))
    if not last.is_file():
        raise UsageError(f"--resume must name the folder of a run that has saved a checkpoint, but there is no {last}")
    try:
        read_checkpoint(last)
    except ValueError as error:
        if not best.is_file():
            raise
        step = read_checkpoint(best)["global_step"]
        print(f"posepyr: {error}\nposepyr: going on from {best} instead, after step {step}", file=sys.stderr)
        return best
    return last


def print_result(folder: Path, scores: Mapping[str, float]) -> None:
    """Print the scores and the folder of a run, once for all of its processes."""
    if not is_first():
        return
    if scores:
        print(score_table(scores), end="")
        if best := best_epoch(folder):
            print(best)
    print(f"run folder: {folder}", flush=True)


def from_first(topic: str, decide: Callable[[], Any]) -> Any:
    """Return in every process what ``decide`` returns in the first one: plain data, sent under the name ``topic``."""
    if not launched():
        return decide()
    store, key = _store(), f"posepyr/{topic}"
    if is_first():
        decision = decide()
        store.set(key, json.dumps(decision))
    else:
        decision = json.loads(store.get(key))
    # The first process may hold the store: it stays until all processes have read.
    if store.add(f"{key}/read", 1) == world_size():
        store.set(f"{key}/all", "")
    store.wait([f"{key}/all"], PATIENCE)
    return decision


@cache
def _store() -> Any:
    # One for as long as the process lives: no process must connect to a store that is about to close.
    from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]  # not listed
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # not listed by Torch

    if in_torchrun():
        # Its agent may hold one already.
        held = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        return TCPStore(address, port, is_master=is_first() and not held, timeout=PATIENCE, wait_for_workers=False)
    cluster = SLURMEnvironment()
    # Beside the port that the training itself will use.
    port = cluster.main_port + 1
    return TCPStore(cluster.main_address, port, is_master=is_first(), timeout=PATIENCE, wait_for_workers=False)
