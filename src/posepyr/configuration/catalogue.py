"""The configuration folder on disk: its groups, their choices, headers and keys, also as a shell completes them.

Reads files only, so that ``--help``, ``list`` and completion are quick: importing Torch would take seconds at every
press of the key. The arguments of a target are read out of its source, without running it.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from posepyr.configuration.defaults import injected
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


def override_candidates(folders: Sequence[Path], word: str, words: Sequence[str]) -> Iterator[str]:
    """Yield groups, choices, and the keys of the choices that are made in ``words``."""
    names, top = top_groups(folders), declared_keys(folders)
    name, equals, value = word.partition("=")
    if equals:
        if name in names:
            swept = word[: len(word) - len(value.rpartition(",")[2])]
            yield from (swept + choice for choice in choices(folders, name))
        return
    yield from (f"{key}=" for key in {*names, *top})
    group, dot, _ = word.partition(".")
    if dot and group in {*names, *top}:
        yield from (f"{key}=" for key in key_candidates(_node(folders, group, words), group))
    elif group in names:
        yield f"{group}."


def leaf_keys(folders: Sequence[Path]) -> list[str]:
    """Return the dotted keys of all values in the usual choice of every group."""
    return [key for name in declared_keys(folders) for key in key_candidates(_node(folders, name, ()), name)]


def _node(folders: Sequence[Path], group: str, words: Sequence[str]) -> Any:
    """Return the content of a group under the choice in the words or else the usual one."""
    primary = yaml.safe_load((folders[-1] / f"{PRIMARY}.yaml").read_text(encoding="utf-8"))
    if group in primary:
        return primary[group]
    chosen = {key: value for entry in primary["defaults"] if isinstance(entry, dict) for key, value in entry.items()}
    chosen |= {key: value for key, _, value in (word.partition("=") for word in words) if value}
    return _read(choices(folders, group), str(chosen.get(group)))


def _read(files: dict[str, Path], name: str) -> Any:
    """Return the content of a choice on top of those of its group that its defaults list names."""
    if name not in files:
        return {}
    content = yaml.safe_load(files[name].read_text(encoding="utf-8")) or {}
    merged: dict[str, Any] = {}
    for entry in content.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            merged |= _read(files, entry)
    return merged | content


def key_candidates(node: Any, path: str) -> Iterator[str]:
    """Yield the keys in a node, with those that the arguments of its target add."""
    if not isinstance(node, dict):
        yield path
        return
    names = dict.fromkeys(name for name in node if not str(name).startswith("_"))
    names |= dict.fromkeys(target_arguments(str(node.get("_target_", ""))))
    offered = [name for name in names if name not in injected(path)]
    if not offered and "." in path:
        yield path
    for name in offered:
        yield from key_candidates(node.get(name), f"{path}.{name}")


def target_arguments(target: str, depth: int = 4) -> list[str]:
    """Return the names of a target's arguments, followed through ``from ... import`` where a package passes it on."""
    module, _, name = target.rpartition(".")
    path = _source(module)
    if path is None or depth == 0:
        return []
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return _argument_names(statement)
        if isinstance(statement, ast.ImportFrom) and not statement.level:
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    return target_arguments(f"{statement.module}.{alias.name}", depth - 1)
    return []


def _argument_names(definition: ast.ClassDef | ast.FunctionDef) -> list[str]:
    """Return the arguments of a function or a constructor; of a class without a constructor, its fields."""
    if isinstance(definition, ast.FunctionDef):
        return [one.arg for one in (*definition.args.args, *definition.args.kwonlyargs) if one.arg != "self"]
    for statement in definition.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return _argument_names(statement)
    fields = [statement.target for statement in definition.body if isinstance(statement, ast.AnnAssign)]
    return [field.id for field in fields if isinstance(field, ast.Name)]


def _source(module: str) -> Path | None:
    """Return a module's file, found without importing anything of its package."""
    package, *inner = module.split(".")
    spec = importlib.util.find_spec(package) if package else None
    if spec is None:
        return None
    for folder in spec.submodule_search_locations or []:
        path = Path(folder).joinpath(*inner)
        for candidate in (path / "__init__.py", path.with_suffix(".py")):
            if candidate.is_file():
                return candidate
    return Path(spec.origin) if spec.origin and not inner and spec.origin.endswith(".py") else None
