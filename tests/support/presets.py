"""The presets of a configuration group, as nodes."""

from typing import Any

import yaml

from support.places import CONF


def read_preset(group: str, name: str) -> dict[str, Any]:
    """Return the node of a preset, with what those that it stands on say."""
    content = yaml.safe_load((CONF / group / f"{name}.yaml").read_text())
    bases = [base for base in content.pop("defaults", []) if base != "_self_"]
    return {key: value for base in bases for key, value in read_preset(group, base).items()} | content
