"""From overrides to checked configurations: plain dicts, complete and resolved."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra import version
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from posepyr.configuration import catalogue
from posepyr.configuration.catalogue import PRIMARY
from posepyr.configuration.checking import ACROSS, OPTIONAL, check, missing
from posepyr.configuration.defaults import complete
from posepyr.configuration.hydra_loader import (
    CompletingLoader,
    apply_override,
    changed_hydra_keys,
    check_choice,
    check_hydra_key,
    hydra_config,
    hydra_errors,
    parse_overrides,
    plain,
    quoted,
    refuse_sweeps,
    trial_lines,
    unknown_override,
    without_sweeps,
    written_lines,
)
from posepyr.configuration.stored import read_stored, with_later_keys
from posepyr.configuration.varying import faults_of_jobs
from posepyr.errors import UsageError, suggestion
from posepyr.nodes import renewed

Config = dict[str, Any]

BASIC_SWEEPER = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"
"""The sweeper that runs every combination, all of which are known beforehand."""


def compose(overrides: Sequence[str] = (), config_dir: str | Path | None = None) -> Config:
    """Return the configuration of one run: plain data, complete, checked and resolved.

    ``overrides`` are those of ``posepyr train``, as ``["experiment=demo", "model.stacks=1"]``; ``config_dir`` is a
    folder of the caller's own configuration files, which is looked into first.
    """
    return Composer(config_dir).job(overrides).config


def recheck(config: Mapping[str, Any]) -> Config:
    """Complete and check a configuration that may have been changed after it was composed; return a copy."""
    try:
        copy = complete(renewed(json.loads(json.dumps(config))))
    except TypeError as error:
        raise UsageError(f"config must be plain data, as posepyr.compose returns: {error}") from error
    check(copy, copy, catalogue.declared_keys(catalogue.search_folders()))
    return dict(copy)


class Job(NamedTuple):
    """One run, composed and checked."""

    config: Config
    """Resolved plain data."""
    overrides: list[str]
    composed: DictConfig
    """The configuration as Hydra composed it, with its own node ``hydra``."""
    written: Config
    """The configuration with interpolations as they were written."""

    @property
    def folder(self) -> Path:
        """The run folder that the configuration asks for, as ``hydra.run.dir``."""
        return Path(str(self.composed.hydra.run.dir))

    def text(self, kind: str, resolve: bool) -> str:
        """Return the configuration as YAML: ``job`` alone, or ``all`` with Hydra's own settings."""
        content = self.config if resolve else self.written
        if kind == "all":
            content = content | {"hydra": OmegaConf.to_container(self.composed.hydra, resolve=False, enum_to_str=True)}
        return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


DIRECTION = "hydra.sweeper.direction"


class Composer:
    """Composes and checks the runs that overrides ask for, from our configuration files and the user's.

    With ``base``, the folder of a run, the overrides change that run's configuration instead of the files'.
    """

    def __init__(
        self, config_dir: str | Path | None = None, config_name: str = PRIMARY, base: str | Path | None = None
    ) -> None:
        Plugins.instance()  # Registers Hydra's kinds of configuration source.
        version.setbase("1.3")
        setup_globals()
        self.folders = catalogue.search_folders(config_dir)
        self.config_dir = None if config_dir is None else str(Path(config_dir).absolute())
        self.name = config_name
        self.top = catalogue.declared_keys(self.folders)
        self.loader = CompletingLoader(self.folders)
        self.base = base
        if base is not None:
            self.loader.base = read_stored(Path(base))
        self._groups = catalogue.groups(self.folders)
        self._foreseen: dict[tuple[Any, ...], Job] = {}
        if not any((folder / f"{config_name}.yaml").is_file() for folder in self.folders):
            names = [path.stem for folder in self.folders for path in folder.glob("*.yaml")]
            raise UsageError(f"--config-name must name a file, got {config_name!r}; {suggestion(config_name, names)}")

    def job(self, overrides: Sequence[str]) -> Job:
        """Compose and check the one run of overrides that sweep over nothing."""
        refuse_sweeps(overrides)
        composed = self._load(overrides)
        if params := composed.hydra.sweeper.get("params"):
            name = composed.hydra.runtime.choices.get("sweep")
            what = f"sweep={name}" if name else "hydra.sweeper.params"
            raise UsageError(
                f"{what} must come with -m, which runs every combination of {', '.join(map(str, params))}: "
                f"posepyr train -m {' '.join(overrides)}"
            )
        return self._checked(composed)

    def jobs(self, overrides: Sequence[str]) -> list[Job]:
        """Compose and check every run of a sweep, once: Hydra's sweeper and launcher are then handed what is here.

        Of a sweeper that decides as it goes, as Optuna's does, no run is known: what it can begin with is checked, and
        each value that it may choose beside the first values of all others.
        """
        self._foreseen, self.loader.loaded_jobs = {}, {}
        hydra, parsed = self._swept(overrides)
        settings = written_lines(hydra.overrides.hydra)
        if hydra.sweeper._target_ != BASIC_SWEEPER:
            for lines in trial_lines(parsed):
                self._checked(self._load([*settings, *lines]))
            return []
        return list(self.numbered(settings, dict(enumerate(self._combinations(parsed)))).values())

    def numbered(self, settings: Sequence[str], lines: Mapping[int, Sequence[str]]) -> dict[int, Job]:
        """Compose and check jobs by their numbers, each from its own overrides and from ``settings`` of Hydra."""
        jobs, faults = dict[int, Job](), dict[int, str]()
        for number, line in lines.items():
            try:
                jobs[number] = job = self._numbered_job(number, settings, line)
            except UsageError as error:
                faults[number] = str(error)
            else:
                self._foreseen[number, *job.overrides] = job
        if faults:
            raise UsageError(faults_of_jobs(faults, lines))
        return jobs

    def _numbered_job(self, number: int, settings: Sequence[str], lines: Sequence[str]) -> Job:
        composed = self._load([*settings, *lines])
        with open_dict(composed):
            composed.hydra.job.num, composed.hydra.job.id = number, str(number)
        self.loader.loaded_jobs[tuple(lines)] = composed
        return self._checked(composed)

    def sweep_job(self, composed: DictConfig) -> Job:
        """Return the job that Hydra's launcher starts; one that :meth:`jobs` did not foresee is checked now."""
        key = (composed.hydra.job.num, *written_lines(composed.hydra.overrides.task))
        return self._foreseen.get(key) or self._checked(composed)

    def sweep_settings(self, overrides: Sequence[str]) -> tuple[Path, list[str]]:
        """Return the folder of a sweep, which no swept value can change, and the overrides that its sweeper needs.

        A sweeper that searches goes the way of ``checkpoint.mode``: Optuna's would make a score as small as it can.
        """
        composed = self._load(without_sweeps(overrides))
        folder = Path(str(composed.hydra.sweep.dir))
        if "direction" not in composed.hydra.sweeper:
            return folder, []
        wanted = "maximize" if composed.checkpoint.mode == "max" else "minimize"
        given = [one.value() for one in parse_overrides(overrides) if one.key_or_group == DIRECTION]
        if given and given[-1] != wanted:
            raise UsageError(
                f"{DIRECTION} must be {wanted}, as checkpoint.mode={composed.checkpoint.mode} says, got {given[-1]}"
            )
        return folder, [] if given else [f"{DIRECTION}={wanted}"]

    def sweep_text(self, overrides: Sequence[str]) -> str:
        """Return Hydra's settings of a sweep as YAML."""
        hydra, _ = self._swept(overrides)
        content = {"hydra": OmegaConf.to_container(hydra, resolve=False, enum_to_str=True)}
        return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))

    def expand(self, overrides: Sequence[str]) -> list[list[str]]:
        """Return the overrides of every run of a sweep, unchecked."""
        settings, each = self.combinations(overrides)
        return [[*settings, *lines] for lines in each]

    def combinations(self, overrides: Sequence[str]) -> tuple[list[str], list[list[str]]]:
        """Return the overrides of Hydra's settings, which all runs share, and each run's others."""
        hydra, parsed = self._swept(overrides)
        return written_lines(hydra.overrides.hydra), self._combinations(parsed)

    def _swept(self, overrides: Sequence[str]) -> tuple[DictConfig, list[Override]]:
        """Return Hydra's settings of a sweep, and its overrides with those of ``hydra.sweeper.params``."""
        hydra = self._load(overrides, RunMode.MULTIRUN).hydra
        swept = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
        parsed = parse_overrides([*swept, *written_lines(hydra.overrides.task)])
        # Here, where all swept values stand together; the check of a job sees one of them.
        faults = [unknown_override(one, self.loader.declared, self.top) for one in parsed if self.loader.is_plain(one)]
        if any(faults):
            raise UsageError("\n".join(filter(None, faults)))
        for override in parsed:
            override.config_loader = self.loader  # to find the files that a glob(...) matches
        return hydra, parsed

    @staticmethod
    def _combinations(parsed: list[Override]) -> list[list[str]]:
        """Return the overrides of every combination of swept values, as Hydra's basic sweeper has them."""
        with hydra_errors():
            batches = BasicSweeper.split_arguments(parsed, None)
        return [lines for batch in batches for lines in batch]

    def _checked(self, composed: DictConfig) -> Job:
        """Check what was composed last; UsageError names what is wrong with it."""
        written = plain(composed, resolve=False)
        if faults := list(missing(written)):
            raise UsageError("\n".join(faults))
        with hydra_errors(), hydra_config(composed):
            config = plain(composed, resolve=True)
        check(config, self.loader.declared, self.top)
        return Job(config, written_lines(composed.hydra.overrides.task), composed, written)

    def _load(self, overrides: Sequence[str], mode: RunMode = RunMode.RUN) -> DictConfig:
        parsed = parse_overrides(overrides)
        self._check_choices(parsed)
        try:
            with hydra_errors():
                return self.loader.load_configuration(
                    self.name, list(overrides), mode, validate_sweep_overrides=mode is RunMode.RUN
                )
        except UsageError:
            if keys := changed_hydra_keys(parsed):
                with hydra_errors():
                    settings = self.loader.load_configuration(self.name, [], RunMode.RUN)
                for key in keys:
                    check_hydra_key(key, settings)
            raise

    def _check_choices(self, overrides: Sequence[Override]) -> None:
        for override in overrides:
            group = override.key_or_group
            if self.base is not None and group in ACROSS:
                raise UsageError(f"{group}=... must not be chosen for a stored run: write the keys that it sets")
            if override.is_delete():
                continue
            if group in self._groups:
                check_choice(override, self.top, list(catalogue.choices(self.folders, group)))
            elif group.startswith("hydra/"):
                check_choice(override, (), self.loader.get_group_options(group))

    def run_folder(self, config: Config) -> Path:
        """Return the folder that a run of this configuration gets, as ``hydra.run.dir`` says."""
        return Path(str(self._load([f"name={quoted(config['name'])}"]).hydra.run.dir))

    def stored(self, folder: Path, overrides: Sequence[str], swap: bool = False) -> Job:
        """Return a run folder's configuration with some values changed, and with ``swap`` whole groups as well."""
        config = read_stored(folder)
        parsed = parse_overrides(overrides)
        self._check_choices(parsed)
        swapped = {one.key_or_group for one in parsed if one.key_or_group in self._groups}
        if swapped and not swap:
            raise UsageError(f"{min(swapped)}=... must not choose a group here: a stored run takes key=value only")
        if across := swapped & ACROSS:
            raise UsageError(f"{min(across)}=... must not be chosen for a stored run: write the keys that it sets")
        elsewhere = [line for one, line in zip(parsed, overrides, strict=True) if _is_elsewhere(one, swapped)]
        name = next((one.value() for one in reversed(parsed) if one.key_or_group == "name"), config.get("name", "run"))
        composed = self._load([f"name={quoted(name)}", *elsewhere])
        with hydra_errors():
            chosen = plain(composed, resolve=False)
            for group in swapped:
                config[group] = plain(composed, resolve=True)[group] if group in chosen else None
            present = {key: value for key, value in plain(composed, resolve=True).items() if key not in OPTIONAL}
            declared = complete(with_later_keys(config, present))
            changed = OmegaConf.create(declared)
            for one in parsed:
                if not _is_elsewhere(one, swapped):
                    apply_override(one, changed)
            final = plain(changed, resolve=True)
        check(final, declared, self.top)
        own = [line for one, line in zip(parsed, overrides, strict=True) if not one.is_hydra_override()]
        return Job(final, own, composed, final)


def _is_elsewhere(override: Override, swapped: set[str]) -> bool:
    return override.is_hydra_override() or override.key_or_group.split(".")[0] in swapped
