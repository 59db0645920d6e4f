"""posepyr's launcher, as Hydra finds and registers it: a sweep's jobs side by side, each in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict


@dataclass
class PosepyrLauncherConf:
    """The keys of ``hydra.launcher``."""

    _target_: str = "hydra_plugins.posepyr_launcher.PosepyrLauncher"
    _convert_: str = "all"
    slots: Any = None
    """Devices, or groups of devices, as ``[0,1]`` or ``[[0,1],[2,3]]``, of which each holds one job at a time; a
    number of slots that share all devices evenly; null for every GPU, or without GPUs as many as the cores allow."""
    fail_fast: bool = False
    """Whether a job that fails ends the others, which save."""
    retries: int = 0
    """How often a job that fails is started again, from its last checkpoint."""


ConfigStore.instance().store(group="hydra/launcher", name="posepyr", node=PosepyrLauncherConf, provider="posepyr")


class PosepyrLauncher(Launcher):
    """Hands the jobs that Hydra's sweeper asks for to the sweep that ``posepyr train -m`` has begun."""

    def __init__(self, slots: Any = None, fail_fast: bool = False, retries: int = 0) -> None:
        self.settings = {"slots": slots, "fail_fast": fail_fast, "retries": retries}
        self.config: DictConfig
        self.hydra_context: HydraContext
        self.sweep: Any

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over, as its launchers do."""
        self.config, self.hydra_context, self.sweep = config, hydra_context, task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a batch of jobs; return their objectives in the order of the overrides."""
        if not hasattr(self.sweep, "run_side_by_side"):
            raise ValueError(
                "hydra/launcher=posepyr must be used by posepyr train -m: other programs have no such jobs"
            )
        composed = [
            self._composed(overrides, number) for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        results = self.sweep.run_side_by_side(composed, self.settings)
        return [self._returned(*pair) for pair in zip(composed, results, strict=True)]

    def _composed(self, overrides: Sequence[str], number: int) -> DictConfig:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        return config

    def _returned(self, composed: DictConfig, result: float | Exception | None) -> JobReturn:
        # Hydra's own sweeper would leave its later batches out; what failed has been told, and the exit code tells it.
        failed = isinstance(result, Exception) and not self.config.hydra.sweeper._target_.startswith("hydra._internal.")
        overrides: Any = OmegaConf.to_container(composed.hydra.overrides.task, resolve=False)
        return JobReturn(
            overrides=overrides,
            status=JobStatus.FAILED if failed else JobStatus.COMPLETED,
            _return_value=result if failed or not isinstance(result, Exception) else None,
        )
