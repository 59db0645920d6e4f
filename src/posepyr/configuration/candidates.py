"""Candidates for overrides: groups, choices and keys, for a shell that completes a command line.

All of it is read from files: importing Torch would take seconds at every press of the key. The arguments of a target
are read out of its source, without running it.
"""

import ast
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from posepyr.configuration import catalogue
from posepyr.configuration.defaults import injected


def overrides(folders: Sequence[Path], word: str, words: Sequence[str]) -> Iterator[str]:
    """Yield groups, choices, and the keys of the choices that are made in ``words``."""
    names, top = catalogue.top_groups(folders), catalogue.declared_keys(folders)
    name, equals, value = word.partition("=")
    if equals:
        if name in names:
            swept = word[: len(word) - len(value.rpartition(",")[2])]
            yield from (swept + choice for choice in catalogue.choices(folders, name))
        return
    yield from (f"{key}=" for key in {*names, *top})
    group, dot, _ = word.partition(".")
    if dot and group in {*names, *top}:
        yield from (f"{key}=" for key in keys(_node(folders, group, words), group))
    elif group in names:
        yield f"{group}."


def _node(folders: Sequence[Path], group: str, words: Sequence[str]) -> Any:
    """Return the content of a group under the choice in the words or else the usual one."""
    primary = yaml.safe_load((folders[-1] / f"{catalogue.PRIMARY}.yaml").read_text(encoding="utf-8"))
    if group in primary:
        return primary[group]
    chosen = {key: value for entry in primary["defaults"] if isinstance(entry, dict) for key, value in entry.items()}
    chosen |= {key: value for key, _, value in (word.partition("=") for word in words) if value}
    return _read(catalogue.choices(folders, group), str(chosen.get(group)))


def _read(choices: dict[str, Path], name: str) -> Any:
    """Return the content of a choice on top of those of its group that its defaults list names."""
    if name not in choices:
        return {}
    content = yaml.safe_load(choices[name].read_text(encoding="utf-8")) or {}
    merged: dict[str, Any] = {}
    for entry in content.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            merged |= _read(choices, entry)
    return merged | content


def keys(node: Any, path: str) -> Iterator[str]:
    """Yield the keys in a node, with those that the arguments of its target add."""
    if not isinstance(node, dict):
        yield path
        return
    names = dict.fromkeys(name for name in node if not str(name).startswith("_"))
    names |= dict.fromkeys(arguments(str(node.get("_target_", ""))))
    offered = [name for name in names if name not in injected(path)]
    if not offered and "." in path:
        yield path
    for name in offered:
        yield from keys(node.get(name), f"{path}.{name}")


def arguments(target: str, depth: int = 4) -> list[str]:
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
                    return arguments(f"{statement.module}.{alias.name}", depth - 1)
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
