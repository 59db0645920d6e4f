"""Hydra's runtime: what it sets up around a job, and sweeps through its sweeper and launcher."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, env_override
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from posepyr.configuration.compose import Composer, Job
from posepyr.configuration.hydra_loader import hydra_config


@contextmanager
def job_environment(job: Job, folder: Path) -> Iterator[Path]:
    """Set up what the job's Hydra settings name, and undo it at the end; yield the folder as the job is to see it.

    As Hydra does it for a job of its own: ``${hydra:...}`` resolves, ``hydra.job.chdir`` and ``hydra.job.env_set``
    hold, ``hydra.job_logging`` is configured, ``hydra.output_subdir`` written, and ``hydra.callbacks`` are called.
    """
    composed, working_folder = job.composed, Path.cwd()
    with read_write(composed.hydra), open_dict(composed.hydra):
        composed.hydra.run.dir = composed.hydra.runtime.output_dir = str(folder.absolute())
    with hydra_config(composed):
        try:
            if composed.hydra.job.chdir:
                os.chdir(folder)
                folder = Path.cwd()
            configure_log(composed.hydra.job_logging, composed.hydra.verbose)
            _write_settings(composed)
            environment: Any = OmegaConf.to_container(composed.hydra.job.env_set)
            with env_override(environment), _callbacks(composed):
                yield folder
        finally:
            os.chdir(working_folder)


def _write_settings(composed: DictConfig) -> None:
    """Write Hydra's own record of a job, if ``hydra.output_subdir`` names a place for it."""
    if composed.hydra.output_subdir is None:
        return
    folder = Path(composed.hydra.runtime.output_dir) / composed.hydra.output_subdir
    folder.mkdir(parents=True, exist_ok=True)
    settings = OmegaConf.masked_copy(composed, ["hydra"])
    config = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    for name, content in (("hydra", settings), ("config", config), ("overrides", composed.hydra.overrides.task)):
        (folder / f"{name}.yaml").write_text(OmegaConf.to_yaml(content), encoding="utf-8")


@contextmanager
def _callbacks(composed: DictConfig) -> Iterator[None]:
    """Call ``hydra.callbacks`` before and after the job, which may fail."""
    callbacks, outcome = Callbacks(composed), JobReturn()
    callbacks.on_job_start(config=composed, task_function=lambda _: None)
    try:
        yield
    except Exception as error:
        outcome.status, outcome.return_value = JobStatus.FAILED, error
        raise
    else:
        outcome.status = JobStatus.COMPLETED
    finally:
        callbacks.on_job_end(config=composed, job_return=outcome)


class Launched(Protocol):
    """A sweep, as Hydra's sweeper and launcher run it."""

    def run_one(self, number: int, checked: Callable[[], Job], folder: Path) -> float | None:
        """Run a job in this process."""

    def run_all(
        self, asked: Sequence[tuple[int, Callable[[], Job], Path]], settings: Mapping[str, Any]
    ) -> Sequence[float | Exception | None]:
        """Run jobs side by side; return their objectives, or errors."""


class SweepTask:
    """The function that Hydra's launchers call for each job; posepyr's own launcher hands over all jobs instead."""

    def __init__(self, composer: Composer, sweep: Launched) -> None:
        self._composer, self._sweep = composer, sweep

    def __call__(self, composed: DictConfig) -> float | None:
        """Run a job in this process, for whose Hydra settings its launcher has seen to."""
        with open_dict(composed):
            composed.hydra = HydraConfig.get()
        folder = Path(composed.hydra.runtime.output_dir)
        return self._sweep.run_one(composed.hydra.job.num, partial(self._composer.sweep_job, composed), folder)

    def run_side_by_side(
        self, composed: Sequence[DictConfig], settings: Mapping[str, Any]
    ) -> Sequence[float | Exception | None]:
        """Run jobs that each set up for themselves what their Hydra settings name."""
        asked = [(one.hydra.job.num, partial(self._composer.sweep_job, one), _job_folder(one)) for one in composed]
        return self._sweep.run_all(asked, settings)


def _job_folder(composed: DictConfig) -> Path:
    with hydra_config(composed):
        return Path(str(composed.hydra.sweep.dir), str(composed.hydra.sweep.subdir)).absolute()


def launcher_settings(job: Job) -> dict[str, Any]:
    """Return the keys of a job's ``hydra.launcher``."""
    settings: Any = OmegaConf.to_container(job.composed.hydra.launcher)
    return {key: value for key, value in settings.items() if not key.startswith("_")}


def run_through_launcher(composer: Composer, overrides: Sequence[str], folder: Path, sweep: Launched) -> None:
    """Run every combination of swept values through Hydra's sweeper and launcher, in folders below ``folder``."""
    where = str(folder.absolute()).replace("'", "\\'")
    settings = ["hydra.mode=MULTIRUN", f"hydra.sweep.dir='{where}'"]
    task: Any = SweepTask(composer, sweep)
    Hydra("train", composer.loader).multirun(composer.name, task, [*overrides, *settings])
