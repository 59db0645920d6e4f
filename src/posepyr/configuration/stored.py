"""Configurations that run folders hold, also those that older versions wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from posepyr.errors import UsageError
from posepyr.nodes import as_before, renewed

Config = dict[str, Any]


def read_stored(folder: Path) -> Config:
    """Read the configuration of a run folder, under today's names of classes and arguments.

    A run writes its nodes with all of their arguments: one that is missing came later, and keeps what was done before.
    """
    path = folder / "config.yaml"
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        if (folder / "sweep.json").is_file():
            raise UsageError(
                f"DIR must be one run's folder, but {folder} is a sweep's: go on with posepyr sweep resume {folder}"
            ) from error
        raise UsageError(f"a run folder must hold config.yaml, but {path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path} must be YAML: {error}") from error
    if not isinstance(config, dict):
        raise UsageError(f"{path} must hold a mapping, got {type(config).__name__}")
    return dict(as_before(renewed(config)))


def changes(before: Any, after: Any, path: str = "") -> dict[str, list[Any]]:
    """Return the keys, as ``optimizer.lr``, in which two configurations differ, each with both values.

    What is missing in one of them counts as null.
    """
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return {} if before == after else {path: [before, after]}
    found: dict[str, list[Any]] = {}
    for key in [*before, *(key for key in after if key not in before)]:
        found |= changes(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    return found


def with_later_keys(config: Config, present: Mapping[str, Any]) -> Config:
    """Add the keys that came after a configuration was written, with their present values.

    A node with a ``_target_`` is left alone: its target has its own defaults.
    """
    added = {key: value for key, value in present.items() if key not in config}
    inside = {
        key: with_later_keys(value, present[key])
        for key, value in config.items()
        if _is_settings(value) and _is_settings(present.get(key))
    }
    return config | inside | added


def _is_settings(value: Any) -> bool:
    """Return whether a value is a mapping of plain settings, as ``checkpoint`` is, and not of nodes."""
    return (
        isinstance(value, Mapping)
        and "_target_" not in value
        and not any(isinstance(inner, Mapping) for inner in value.values())
    )
