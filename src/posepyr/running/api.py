"""Training from Python: ``posepyr.train``."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from posepyr.configuration.compose import Composer, recheck
from posepyr.errors import UsageError
from posepyr.running.launch import claim, claim_empty, last_checkpoint, launch
from posepyr.training.process_state import unchanged_process_state


class TrainingResult(NamedTuple):
    """The outcome of a training."""

    scores: dict[str, float]
    """By name, as ``test/pck``: of the last validation, and of the best weights on the test split."""
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
        resume: the folder of an earlier run, which goes on from its last checkpoint.
        verbose: print what ``posepyr train`` prints.

    Signal handlers, random generators, threads, log levels and the environment are afterwards as they were. Several
    devices work from anywhere: their processes never run the caller's script.
    """
    with unchanged_process_state(), _standard_output(verbose):
        if resume is not None:
            if folder is not None:
                raise UsageError("folder must be left out with resume: the run goes on in its own folder")
            resumed = Path(resume)
            config = Composer().stored(resumed, []).config if config is None else recheck(config)
            return TrainingResult(launch(config, resumed, (), last_checkpoint(resumed), verbose), resumed)
        if config is None:
            raise UsageError("config must be given unless resume is: posepyr.compose(['experiment=demo']) makes one")
        config = recheck(config)
        run_folder = claim(Composer().run_folder(config)) if folder is None else claim_empty(Path(folder))
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
