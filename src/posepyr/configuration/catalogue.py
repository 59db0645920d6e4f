"""The configuration folder on disk: its groups, their choices and the headers of their files.

Reads files only, so that ``--help``, ``list`` and the shell's completion are quick.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from posepyr.errors import UsageError

PRIMARY = "config"
"""Name of the file that a configuration starts from."""


def configuration_folder() -> Path:
    """Return the folder of configuration files: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    candidates = [package / "conf", package.parent.parent / "conf"]
    for folder in candidates:
        if (folder / f"{PRIMARY}.yaml").is_file():
            return folder
    looked = " and ".join(str(folder) for folder in candidates)
    raise UsageError(f"the configuration folder must hold {PRIMARY}.yaml; looked in {looked}. Install posepyr again")


def search_folders(extra: str | Path | None = None) -> list[Path]:
    """Return the folders where configuration files are looked for, the user's before ours."""
    folders = [configuration_folder()]
    if extra is not None:
        folder = Path(extra).absolute()
        if not folder.is_dir():
            raise UsageError(f"--config-dir must name a folder, got {str(extra)!r}")
        folders.insert(0, folder)
    return folders


def groups(folders: Sequence[Path]) -> list[str]:
    """Return the names of the groups, nested ones as ``experiment/pyranet``; Hydra's own are left out."""
    found = {path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*") if path.is_dir()}
    return sorted(name for name in found if name.split("/")[0] != "hydra")


def top_groups(folders: Sequence[Path]) -> list[str]:
    """Return the names of the groups that are not inside another."""
    return [name for name in groups(folders) if "/" not in name]


def choices(folders: Sequence[Path], group: str) -> dict[str, Path]:
    """Return the files of a group by the name that chooses them, those of nested folders as ``pyranet/mpii``."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / group).rglob("*.yaml")):
            found.setdefault(path.relative_to(folder / group).with_suffix("").as_posix(), path)
    return dict(sorted(found.items()))


def declared_keys(folders: Sequence[Path]) -> list[str]:
    """Return the keys that a configuration may have at its top: the primary file's and those of the groups it lists."""
    content = read_yaml(folders[-1] / f"{PRIMARY}.yaml")
    keys = {key for key in content if key not in {"defaults", "hydra"}}
    for entry in content.get("defaults", []):
        group = next(iter(entry)) if isinstance(entry, dict) else "override"
        if not group.startswith("override"):
            keys.add(group.split("@")[-1].split()[-1].split("/")[-1])
    return sorted(keys)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return what a configuration file holds, read by PyYAML's C parser where there is one."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {}
    return content


def list_experiments(config_dir: str | Path | None = None) -> dict[str, str]:
    """Return what each experiment is, by the name that ``experiment=NAME`` chooses it with."""
    files = choices(search_folders(config_dir), "experiment")
    return {name: header(path).title for name, path in files.items()}


class Header(NamedTuple):
    """The comment at the top of a configuration file."""

    title: str
    notes: dict[str, str]
    """The lines written ``# key: text``, as ``paper`` and ``expected``."""


def header(path: Path) -> Header:
    """Read the leading comment of a file: title lines first, then lines of the form ``# key: text``.

    A note ends where the next begins; the title where the first note begins. ``# @package`` is Hydra's.
    """
    title: list[str] = []
    notes: dict[str, str] = {}
    current = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        text = line.lstrip("#").strip()
        note = re.fullmatch(r"([a-z][a-z_]*): +(\S.*)", text)
        if text.startswith("@"):
            continue
        if note:
            current = note[1]
            notes[current] = note[2]
        elif current:
            notes[current] = f"{notes[current]} {text}".strip()
        else:
            title.append(text)
    return Header(" ".join(title).strip(), notes)
