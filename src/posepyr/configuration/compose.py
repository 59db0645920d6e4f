"""From overrides to checked configurations: plain dicts, complete and resolved."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra import version
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from hydra.core.plugins import Plugins
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from posepyr.configuration import catalogue
from posepyr.configuration.catalogue import PRIMARY
from posepyr.configuration.checking import check, missing
from posepyr.configuration.hydra_loader import CompletingLoader, parse_overrides, plain
from posepyr.configuration.signatures import complete
from posepyr.errors import UsageError
from posepyr.suggestion import suggestion

Config = dict[str, Any]


class Job(NamedTuple):
    """One run, composed and checked."""

    config: Config
    """Resolved plain data."""
    overrides: list[str]
    composed: DictConfig
    """What Hydra composed, with its own node ``hydra``."""
    written: Config
    """The configuration with interpolations as they were written."""


class Composer:
    """Composes and checks the runs that overrides ask for, from our configuration files and the user's."""

    def __init__(self, config_dir: str | Path | None = None, config_name: str = PRIMARY) -> None:
        Plugins.instance()  # Where Hydra's kinds of configuration source are registered.
        version.setbase("1.3")
        setup_globals()
        self.folders = catalogue.search_folders(config_dir)
        self.name = config_name
        self.top = catalogue.declared_keys(self.folders)
        self.loader = CompletingLoader(self.folders)
        self._groups = catalogue.groups(self.folders)
        if not any((folder / f"{config_name}.yaml").is_file() for folder in self.folders):
            names = [path.stem for folder in self.folders for path in folder.glob("*.yaml")]
            raise UsageError(f"--config-name must name a file, got {config_name!r}; {suggestion(config_name, names)}")

    def job(self, overrides: Sequence[str]) -> Job:
        """The one run of overrides that sweep over nothing."""
        for override in parse_overrides(overrides):
            if override.is_sweep_override():
                raise UsageError(
                    f"{override.input_line} must be one value without -m: add -m to run each of them, "
                    f"or write {override.key_or_group}=[...] for a list"
                )
        return self._job(overrides)

    def jobs(self, overrides: Sequence[str]) -> list[Job]:
        """Every run of a sweep, each of them checked."""
        return [self._job(lines, number) for number, lines in enumerate(self.expand(overrides))]

    def _job(self, overrides: Sequence[str], number: int | None = None) -> Job:
        composed = self._load(overrides)
        if number is not None:
            with open_dict(composed):
                composed.hydra.job.num, composed.hydra.job.id = number, str(number)
        with _hydra_config(composed):
            config = self.checked(composed)
        return Job(config, lines(composed.hydra.overrides.task), composed, plain(composed, resolve=False))

    def _load(self, overrides: Sequence[str], mode: RunMode = RunMode.RUN) -> DictConfig:
        parsed = parse_overrides(overrides)
        self._check_choices(parsed)
        try:
            with _hydra_errors():
                return self.loader.load_configuration(
                    self.name, list(overrides), mode, validate_sweep_overrides=mode is RunMode.RUN
                )
        except UsageError:
            self._check_hydra_keys(parsed)
            raise

    def checked(self, composed: DictConfig) -> Config:
        """The plain data of what was composed last; UsageError names what is wrong with it."""
        faults = list(missing(plain(composed, resolve=False)))
        if faults:
            raise UsageError("\n".join(faults))
        with _hydra_errors():
            config = plain(composed, resolve=True)
        check(config, self.loader.declared, self.top)
        return config

    def settings(self, overrides: Sequence[str]) -> DictConfig:
        """Hydra's own settings under overrides that sweep over nothing."""
        settings: DictConfig = self._load(overrides).hydra
        return settings

    def expand(self, overrides: Sequence[str]) -> list[list[str]]:
        """The overrides of every run of a sweep, unchecked."""
        hydra = self._load(overrides, RunMode.MULTIRUN).hydra
        swept = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
        with _hydra_errors():
            batches = BasicSweeper.split_arguments(self._parse_globs(swept + lines(hydra.overrides.task)), None)
        return [[*lines(hydra.overrides.hydra), *job] for batch in batches for job in batch]

    def _parse_globs(self, lines: list[str]) -> list[Override]:
        parsed = parse_overrides(lines)
        for override in parsed:
            override.config_loader = self.loader
        return parsed

    def _check_choices(self, overrides: Sequence[Override]) -> None:
        for override in overrides:
            group = override.key_or_group
            ours = group in self._groups
            if override.is_delete() or not (ours or group.startswith("hydra/")):
                continue
            if ours and override.is_add() and group.split("/")[0] in self.top:
                raise UsageError(
                    f"{group} has a choice already: write {str(override.input_line).lstrip('+')}, without +"
                )
            known = list(catalogue.choices(self.folders, group)) if ours else self.loader.get_group_options(group)
            for choice in _chosen(override):
                if choice is None:
                    raise UsageError(f"{group} must name a choice, got null: write ~{group} to do without")
                if str(choice) not in known:
                    hint = suggestion(str(choice), known)
                    raise UsageError(f"{group} must be one of the files in {group}/, got {choice!r}; {hint}")

    def _check_hydra_keys(self, overrides: Sequence[Override]) -> None:
        """Raises UsageError with the nearest key where one of Hydra's own is misspelt."""
        changed = [one for one in overrides if one.is_hydra_override() and one.type is OverrideType.CHANGE]
        if not changed:
            return
        with _hydra_errors():
            settings = self.loader.load_configuration(self.name, [], RunMode.RUN)
        for override in changed:
            path = ""
            for part in override.key_or_group.split("."):
                node = OmegaConf.select(settings, path) if path else settings
                if isinstance(node, DictConfig) and part not in node:
                    hint = suggestion(part, map(str, node), f"{path}.")
                    raise UsageError(f"{path}.{part} is no key of {path}; {hint}")
                path = f"{path}.{part}" if path else part

    def stored(self, folder: Path, overrides: Sequence[str], swap: bool = False) -> Job:
        """A run folder's configuration with some values changed, and with ``swap`` whole groups as well."""
        config = read_stored(folder)
        parsed = parse_overrides(overrides)
        self._check_choices(parsed)
        swapped = {one.key_or_group for one in parsed if one.key_or_group in self._groups}
        if swapped and not swap:
            group = sorted(swapped)[0]
            raise UsageError(f"{group}=... must not choose a group here: a stored run takes key=value only")
        elsewhere = [line for one, line in zip(parsed, overrides, strict=True) if self._is_elsewhere(one, swapped)]
        name = str(config.get("name", "run"))
        composed = self._load([f"name={name}", *elsewhere])
        with _hydra_errors():
            chosen = plain(composed, resolve=False)
            for group in swapped:
                config[group] = plain(composed, resolve=True)[group] if group in chosen else None
            declared = complete(config)
            changed = OmegaConf.create(declared)
            for one in parsed:
                if not self._is_elsewhere(one, swapped):
                    _apply(one, changed)
            final = plain(changed, resolve=True)
        check(final, declared, self.top)
        return Job(final, list(overrides), composed, final)

    def _is_elsewhere(self, override: Override, swapped: set[str]) -> bool:
        return override.is_hydra_override() or override.key_or_group.split(".")[0] in swapped


def lines(overrides: Any) -> list[str]:
    """Overrides that Hydra keeps in a configuration, as they were written."""
    written: Any = OmegaConf.to_container(overrides, resolve=False)
    return [str(line) for line in written]


def read_stored(folder: Path) -> Config:
    """The configuration that a run folder holds."""
    path = folder / "config.yaml"
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"a run folder must hold config.yaml, but {path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path} must be YAML: {error}") from error
    if not isinstance(config, dict):
        raise UsageError(f"{path} must hold a mapping, got {type(config).__name__}")
    return config


def _apply(override: Override, config: DictConfig) -> None:
    if override.is_delete() or override.is_sweep_override():
        raise UsageError(f"a stored run must be changed by key=value, got {override.input_line!r}")
    OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)


def _chosen(override: Override) -> list[Any]:
    values: list[Any]
    if override.value_type is ValueType.GLOB_CHOICE_SWEEP:
        values = []  # Matched against what there is, so nothing can be misspelt.
    elif override.is_sweep_override():
        values = list(override.sweep_iterator())
    else:
        values = [override.value()]
    return [choice for value in values for choice in (value if isinstance(value, list) else [value])]


@contextmanager
def _hydra_config(composed: DictConfig) -> Iterator[None]:
    """What ``${hydra:...}`` reads while a configuration is resolved."""
    instance = HydraConfig.instance()
    before = instance.cfg
    instance.set_config(composed)
    try:
        yield
    finally:
        instance.cfg = before


@contextmanager
def _hydra_errors() -> Iterator[None]:
    """Hydra's and OmegaConf's errors as usage errors: they come from what the user wrote."""
    try:
        yield
    except UsageError:
        raise
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        cause = f" ({str(error.__cause__).splitlines()[0]})" if error.__cause__ is not None else ""
        # Advice on + and the search path follow in Hydra's messages: the one is not needed here, the other noise.
        reason = str(error).split("\nTo append")[0].split("\nConfig search path")[0].strip()
        raise UsageError(f"the configuration cannot be composed: {reason}{cause}") from error
