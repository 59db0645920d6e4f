"""Hydra's loader, taught to check overrides and complete configurations; plain data out of it, errors in one line."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from hydra.errors import ConfigCompositionException, HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from posepyr.configuration.checking import OPTIONAL
from posepyr.configuration.defaults import complete
from posepyr.configuration.leaves import unknown_key
from posepyr.configuration.papers import replacement
from posepyr.configuration.stored import with_later_keys
from posepyr.errors import UsageError, suggestion


def parse_overrides(lines: Sequence[str]) -> list[Override]:
    """Parse overrides by Hydra's grammar."""
    parsed: list[Override] = []
    for line in lines:
        try:
            parsed += OverridesParser.create().parse_overrides([line])
        except HydraException as error:
            reason = str(error).splitlines()[0]
            raise UsageError(
                f"an override must read key=value, got {line!r} ({reason}); "
                "put quotes inside quotes around text with special characters: 'key=\"a, b\"'"
            ) from error
    return parsed


def quoted(value: Any) -> str:
    """Return a text as an override takes it, whatever characters are in it."""
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def written_lines(overrides: Any) -> list[str]:
    """Return the overrides that Hydra keeps in a configuration as they were written."""
    written: Any = OmegaConf.to_container(overrides, resolve=False)
    return [str(line) for line in written]


def without_sweeps(lines: Sequence[str]) -> list[str]:
    """Return the overrides that have one value each."""
    return [str(one.input_line) for one in parse_overrides(lines) if not one.is_sweep_override()]


def unknown_override(override: Override, config: Mapping[str, Any], top: Collection[str]) -> str | None:
    """Return the message that an override's key is none of a configuration; None where it may be one."""
    first, *inner = override.key_or_group.split(".")
    if first in top:
        return None
    value: Any = str(override.input_line).partition("=")[2]
    for part in reversed(inner):
        value = {part: value}
    return unknown_key(first, value, config, top)


def trial_lines(overrides: Sequence[Override]) -> list[list[str]]:
    """Return overrides with the first value of each that is swept, and again with each other value of one of them."""
    axes = [_written_values(override) for override in overrides]
    trials = [[values[0] for values in axes]]
    for number, values in enumerate(axes):
        trials += [[*trials[0][:number], value, *trials[0][number + 1 :]] for value in values[1:]]
    return trials


def _written_values(override: Override) -> list[str]:
    """Return an override as written, once for each of its values; of an interval for its ends."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    value: Any = override.value()
    ends = [value.start, value.end] if override.is_interval_sweep() else override.sweep_string_iterator()
    return [f"{override.get_key_element()}={end}" for end in ends]


def refuse_sweeps(lines: Sequence[str]) -> None:
    """Raise UsageError for an override that has several values."""
    for override in parse_overrides(lines):
        if override.is_sweep_override():
            raise UsageError(
                f"{override.input_line} must be one value without -m: add -m to run each of them, "
                f"or write {override.key_or_group}=[...] for a list"
            )


def check_choice(override: Override, top: Collection[str], choices: Collection[str]) -> None:
    """Raise UsageError unless an override of a group names some of its ``choices``.

    ``top`` are the groups that a configuration has anyway, of which no other is to be added with ``+``.
    """
    group = override.key_or_group
    if override.is_add() and group.split("/")[0] in top:
        raise UsageError(f"{group} has a choice already: write {str(override.input_line).lstrip('+')}, without +")
    for choice in _chosen(override):
        if choice is None:
            raise UsageError(f"{group} must name a choice, got null: write ~{group} to do without")
        if str(choice) not in choices:
            package = PLUGINS.get(f"{group}={choice}")
            if package:
                raise UsageError(f"{group}={choice} must be installed before it can be chosen: pip install '{package}'")
            command = replacement(str(choice)) if group == "experiment" else None
            hint = f"that training is now: {command}" if command else suggestion(str(choice), choices)
            raise UsageError(f"{group} must be one of the files in {group}/, got {choice!r}; {hint}")


def _chosen(override: Override) -> list[Any]:
    values: list[Any]
    if override.value_type is ValueType.GLOB_CHOICE_SWEEP:
        values = []  # Matched against the files there are: none can be misspelt.
    elif override.is_sweep_override():
        values = list(override.sweep_iterator())
    else:
        values = [override.value()]
    return [choice for value in values for choice in (value if isinstance(value, list) else [value])]


def changed_hydra_keys(overrides: Sequence[Override]) -> list[str]:
    """Return the keys of Hydra's own settings that overrides change."""
    return [one.key_or_group for one in overrides if one.is_hydra_override() and one.type is OverrideType.CHANGE]


def check_hydra_key(key: str, settings: DictConfig) -> None:
    """Raise UsageError with the nearest key if one of Hydra's own is misspelt."""
    path = ""
    for part in key.split("."):
        node = OmegaConf.select(settings, path) if path else settings
        if isinstance(node, DictConfig) and part not in node:
            raise UsageError(f"{path}.{part} is no key of {path}; {suggestion(part, map(str, node), f'{path}.')}")
        path = f"{path}.{part}" if path else part


def apply_override(override: Override, config: DictConfig) -> None:
    """Change a stored configuration, of which nothing can be removed."""
    if override.is_delete() or override.is_sweep_override():
        raise UsageError(f"a stored run must be changed by key=value, got {override.input_line!r}")
    OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)


RUN_NAME = "run_name"
"""The resolver by which a run is named after its experiment: ``hrnet/coco`` gives ``hrnet_coco``, none ``train``."""
OmegaConf.register_new_resolver(RUN_NAME, lambda experiment: (experiment or "train").replace("/", "_"), replace=True)


_OPTUNA = "posepyr[optuna]"

PLUGINS = {
    "hydra/sweeper=optuna": _OPTUNA,
    **{f"hydra/sweeper/sampler={name}": _OPTUNA for name in ("cmaes", "grid", "motpe", "nsgaii", "random", "tpe")},
    "hydra/launcher=joblib": "posepyr[joblib]",
    "hydra/launcher=submitit_local": "posepyr[submitit]",
    "hydra/launcher=submitit_slurm": "posepyr[submitit]",
    "hydra/launcher=ray": "hydra-ray-launcher",
    "hydra/launcher=rq": "hydra-rq-launcher",
    "hydra/sweeper=ax": "hydra-ax-sweeper",
    "hydra/sweeper=nevergrad": "hydra-nevergrad-sweeper",
    "hydra/job_logging=colorlog": "hydra-colorlog",
    "hydra/hydra_logging=colorlog": "hydra-colorlog",
}
"""What has to be installed for a choice of Hydra's plug-ins, which are found once they are."""


class CompletingLoader(ConfigLoaderImpl):
    """Hydra's loader, which completes the merged files from the signatures of their targets.

    It does so before the command line's overrides are applied, but with the targets that these choose: so any
    argument of any target is a key that can be overridden without ``+``, in sweeps as well. A key that is none
    is let through, because the check that follows knows better what it could have been.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        search = ConfigSearchPathImpl()
        search.append("hydra", "pkg://hydra.conf")
        for folder in folders:
            search.append("main" if folder == folders[-1] else "--config-dir", f"file://{folder}")
        search.append("schema", "structured://")
        super().__init__(search)
        self.declared: dict[str, Any] = {}
        """The files merged and completed, as of the last composition."""
        self.loaded_jobs: dict[tuple[str, ...], DictConfig] = {}
        """A sweep's jobs by their overrides, for Hydra's sweeper and launcher, which each load every job."""
        self.base: dict[str, Any] | None = None
        """A stored run's configuration, which takes the place of the files' but for groups that overrides choose."""
        self._targets: dict[str, Any] = {}
        self._chosen: set[str] = set()

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Load a configuration, unknown keys among the overrides included."""
        parsed = parse_overrides(overrides)
        self._targets = {
            override.key_or_group: override.value()
            for override in parsed
            if override.key_or_group.endswith("._target_") and not override.is_sweep_override()
        }
        self._chosen = {override.key_or_group for override in parsed}
        try:
            return super().load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
        except ConfigCompositionException as refusal:
            lines = zip(parsed, overrides, strict=True)
            let_through = ["++" + line if self.is_plain(one) else line for one, line in lines]
            try:
                config = super().load_configuration(
                    config_name, let_through, run_mode, from_shell, validate_sweep_overrides
                )
            except ConfigCompositionException:
                raise refusal from None
        config.hydra.overrides.task = [
            line for one, line in zip(parsed, overrides, strict=True) if not one.is_hydra_override()
        ]
        return config

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Return a job of a sweep, which is composed here only if it is not among ``loaded_jobs``."""
        loaded = self.loaded_jobs.get(tuple(sweep_overrides))
        if loaded is None:
            return super().load_sweep_config(master_config, sweep_overrides)
        job = deepcopy(loaded)
        OmegaConf.set_readonly(job.hydra, None)  # as it was before it was checked: the launcher numbers the job
        with open_dict(job.hydra):
            job.hydra.mode = master_config.hydra.mode
            job.hydra.sweep.dir = master_config.hydra.sweep.dir
            job.hydra.overrides.hydra = master_config.hydra.overrides.hydra
        return job

    def is_plain(self, override: Override) -> bool:
        """Return whether an override changes a value, of a key that may be none, and chooses no group."""
        return (
            override.type is OverrideType.CHANGE
            and not override.is_hydra_override()
            and not self.repository.group_exists(override.key_or_group)
        )

    def _compose_config_from_defaults_list(self, defaults: Any, repo: Any) -> DictConfig:
        config: DictConfig = super()._compose_config_from_defaults_list(defaults, repo)
        with open_dict(config):
            for key, target in self._targets.items():
                OmegaConf.update(config, key, target, force_add=True)
            files = plain(config, resolve=False)
            self.declared = complete(files if self.base is None else self._based(self.base, files))
            for key in files.keys() - self.declared.keys():
                del config[key]
            for key, value in self.declared.items():
                config[key] = value
        return config

    def _based(self, base: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
        """Return a stored configuration with the chosen groups' and later keys' values of the files."""
        # A value that is chosen for a key that is no group comes later, as an override.
        chosen = {key for key in self._chosen if self.repository.group_exists(key)}
        present = {key: value for key, value in files.items() if key not in OPTIONAL or key in chosen}
        return with_later_keys({key: value for key, value in base.items() if key not in chosen}, present)


def plain(config: DictConfig, resolve: bool) -> dict[str, Any]:
    """Return a composed configuration without Hydra's own node, as plain data."""
    if not resolve:
        return {key: value for key, value in _to_dict(config, False).items() if key != "hydra"}
    job: dict[str, Any] = {}
    for key in config:
        if key != "hydra":
            # Node by node, where it stands: interpolations may look into the node hydra.
            value = config[key]
            job[str(key)] = _to_dict(value, True) if OmegaConf.is_config(value) else value
    return job


def _to_dict(config: Any, resolve: bool) -> Any:
    return OmegaConf.to_container(config, resolve=resolve)


@contextmanager
def hydra_config(composed: DictConfig) -> Iterator[None]:
    """Let ``${hydra:...}`` read from a composed configuration."""
    instance = HydraConfig.instance()
    before = instance.cfg
    instance.set_config(composed)
    try:
        yield
    finally:
        instance.cfg = before


@contextmanager
def hydra_errors() -> Iterator[None]:
    """Raise Hydra's and OmegaConf's errors as usage errors: they come from what the user wrote."""
    try:
        yield
    except UsageError:
        raise
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        cause = f" ({str(error.__cause__).splitlines()[0]})" if error.__cause__ is not None else ""
        # Advice on + and the search path follow in Hydra's messages: the one is not needed here, the other noise.
        reason = str(error).split("\nTo append")[0].split("\nConfig search path")[0].strip()
        raise UsageError(f"the configuration cannot be composed: {reason}{cause}") from error
