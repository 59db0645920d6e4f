"""Overrides: read in Hydra's grammar, and their choices and keys checked before anything is composed."""

from collections.abc import Collection, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from posepyr.configuration.papers import replacement
from posepyr.errors import UsageError
from posepyr.suggestion import suggestion


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


def written_lines(overrides: Any) -> list[str]:
    """Return the overrides that Hydra keeps in a configuration as they were written."""
    written: Any = OmegaConf.to_container(overrides, resolve=False)
    return [str(line) for line in written]


def without_sweeps(lines: Sequence[str]) -> list[str]:
    """Return the overrides that have one value each."""
    return [str(one.input_line) for one in parse_overrides(lines) if not one.is_sweep_override()]


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
