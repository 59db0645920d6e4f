"""``posepyr completion``: the shell asks, and commands, groups, choices and keys come back.

Works from files alone: importing Torch would take seconds at every press of the key. The arguments of a target are
read out of its source.
"""

import argparse
import ast
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from posepyr import errors
from posepyr.cli.arguments import SWITCHES, VALUES
from posepyr.cli.commands import POSEPYR, Group
from posepyr.cli.score import METRICS
from posepyr.configuration import catalogue
from posepyr.configuration.injected import supplied

SCRIPTS = {
    "bash": """_posepyr() {
    local line=${COMP_LINE:0:$COMP_POINT} word=${COMP_WORDS[COMP_CWORD]}
    local whole=${line##*[[:space:]]}
    local IFS=$'\\n'
    COMPREPLY=($(posepyr complete "${COMP_WORDS[1]}" "$whole" "${COMP_WORDS[@]}" 2>/dev/null))
    # Bash replaces only what follows the last = of a word.
    if [[ $whole == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#${whole%"${whole##*=}"}}")
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.] ]]; then compopt -o nospace; fi
}
complete -o default -F _posepyr posepyr""",
    "zsh": """#compdef posepyr
_posepyr() {
    local -a found
    found=(${(f)"$(posepyr complete "${words[2]}" "${words[CURRENT]}" "${words[@]}" 2>/dev/null)"})
    if (( $#found )); then
        compadd -Q -S '' -- $found
    else
        _files
    fi
}
compdef _posepyr posepyr""",
    "fish": """function __posepyr_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l command $current
    if test (count $words) -gt 1
        set command $words[2]
    end
    posepyr complete "$command" "$current" $words 2>/dev/null
end
complete -c posepyr -a '(__posepyr_complete)'""",
}
"""What each shell runs. They hand over the command, the word to complete and all words."""

INNER = {
    name: list(command.runs.commands) for name, command in POSEPYR.commands.items() if isinstance(command.runs, Group)
}
"""Commands whose first word says which of several things they do."""


def run(arguments: list[str]) -> int:
    """Prints a shell's script."""
    parser = argparse.ArgumentParser(
        "posepyr completion",
        description="Print the script that completes posepyr's command line.",
        epilog='bash: eval "$(posepyr completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit; '
        "fish: posepyr completion fish > ~/.config/fish/completions/posepyr.fish",
    )
    parser.add_argument("shell", choices=sorted(SCRIPTS))
    print(SCRIPTS[parser.parse_args(arguments).shell])
    return errors.COMPLETED


def run_complete(arguments: list[str]) -> int:
    """Prints what may stand in place of a word: called by the scripts."""
    command, word, *words = [*arguments, "", ""]
    folder = next((words[n + 1] for n, flag in enumerate(words[:-1]) if flag in ("--config-dir", "-cd")), None)
    folders = catalogue.search_folders(folder if folder and Path(folder).is_dir() else None)
    first = len([one for one in words if one]) <= 2 and command == word
    sys.stdout.writelines(f"{candidate}\n" for candidate in candidates(folders, command, word, words, first))
    return errors.COMPLETED


def candidates(
    folders: Sequence[Path], command: str, word: str, words: Sequence[str] = (), first: bool = False
) -> list[str]:
    """The words that begin as ``word`` does; ``first`` says that it is the command itself."""
    if first:
        found: Iterator[str] = (name for name, command in POSEPYR.commands.items() if command.summary)
    elif command == "list":
        found = (group for group in catalogue.groups(folders) if "/" not in group)
    elif command == "completion":
        found = iter(SCRIPTS)
    elif command in ("score", "compare") and _flag(word, words) == "--metric":
        found = iter(METRICS)
    elif command in INNER and _before(word, words) <= 2:
        found = iter(INNER[command])
    elif command not in ("train", "evaluate", "audit", *INNER):
        found = iter(())
    elif command == "data" and "make" in words[:3]:
        found = iter(("figures",))
    elif word.startswith("-") and command not in ("audit", *INNER):
        found = iter(flag for flag in (*SWITCHES, *VALUES) if flag.startswith("--"))
    else:
        found = overrides(folders, word, words)
    return sorted({candidate for candidate in found if candidate.startswith(word)})


def _flag(word: str, words: Sequence[str]) -> str:
    """What stands before the word that is completed."""
    given = [one for one in words if one]
    return given[-2 if word else -1] if len(given) > 1 else ""


def _before(word: str, words: Sequence[str]) -> int:
    """How many words stand before the one that is completed, ``posepyr`` and the command among them."""
    return len([one for one in words if one]) - bool(word)


def overrides(folders: Sequence[Path], word: str, words: Sequence[str]) -> Iterator[str]:
    """Groups, choices and keys, the keys of the choices made in ``words``."""
    groups = [group for group in catalogue.groups(folders) if "/" not in group]
    name, equals, value = word.partition("=")
    prefix = word[: len(word) - len(value.rpartition(",")[2])]
    if equals and name in groups:
        yield from (prefix + choice for choice in catalogue.choices(folders, name))
        return
    if equals:
        return
    yield from (f"{group}=" for group in groups)
    for key in catalogue.declared_keys(folders):
        if key not in groups:
            yield f"{key}="
    group = word.split(".")[0]
    if "." in word and (group in groups or group in catalogue.declared_keys(folders)):
        yield from (f"{key}=" for key in keys(_node(folders, group, words), group))
    elif group in groups:
        yield f"{group}."


def _node(folders: Sequence[Path], group: str, words: Sequence[str]) -> Any:
    """A group's file, the one that is chosen in the words or else usually."""
    primary = yaml.safe_load((folders[-1] / f"{catalogue.PRIMARY}.yaml").read_text(encoding="utf-8"))
    if group in primary:
        return primary[group]
    chosen = {key: value for entry in primary["defaults"] if isinstance(entry, dict) for key, value in entry.items()}
    chosen |= {key: value for key, _, value in (word.partition("=") for word in words) if value}
    return _read(catalogue.choices(folders, group), str(chosen.get(group)))


def _read(choices: dict[str, Path], name: str) -> Any:
    """A file of a group on top of those of the group that its defaults list names."""
    if name not in choices:
        return {}
    content = yaml.safe_load(choices[name].read_text(encoding="utf-8")) or {}
    merged: dict[str, Any] = {}
    for entry in content.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            merged |= _read(choices, entry)
    return merged | content


def keys(node: Any, path: str) -> Iterator[str]:
    """The keys in a node, those that its target's arguments add included."""
    if not isinstance(node, dict):
        yield path
        return
    names = dict.fromkeys(name for name in node if not str(name).startswith("_"))
    names |= dict.fromkeys(arguments(str(node.get("_target_", ""))))
    offered = [name for name in names if name not in supplied(path)]
    if not offered and "." in path:
        yield path
    for name in offered:
        yield from keys(node.get(name), f"{path}.{name}")


def arguments(target: str) -> list[str]:
    """Names of a target's arguments, read from source without importing anything of it."""
    found = _definition(target)
    if isinstance(found, ast.ClassDef):
        makers = [one for one in found.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        if not makers:
            fields = [one.target for one in found.body if isinstance(one, ast.AnnAssign)]
            return [field.id for field in fields if isinstance(field, ast.Name)]
        found = makers[0]
    if isinstance(found, ast.FunctionDef):
        return [one.arg for one in (*found.args.args, *found.args.kwonlyargs) if one.arg != "self"]
    return []


def _definition(target: str, depth: int = 4) -> ast.stmt | None:
    """The class or function that a dotted path names, followed through the imports that pass it on."""
    module, _, name = target.rpartition(".")
    path = _source(module)
    if path is None or depth == 0:
        return None
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return statement
        if isinstance(statement, ast.ImportFrom):
            for passed_on in statement.names:
                if (passed_on.asname or passed_on.name) == name:
                    return _definition(f"{_absolute(statement, module, path)}.{passed_on.name}", depth - 1)
    return None


def _absolute(statement: ast.ImportFrom, module: str, path: Path) -> str:
    if not statement.level:
        return statement.module or ""
    parts = module.split(".")
    up = statement.level - (1 if path.name == "__init__.py" else 0)
    parts = parts[: len(parts) - up] if up else parts
    return ".".join([*parts, *([statement.module] if statement.module else [])])


def _source(module: str) -> Path | None:
    """A module's file. Only its outermost package is asked for, which does not import it."""
    package, *inner = module.split(".")
    spec = importlib.util.find_spec(package) if package else None
    if spec is None:
        return None
    for folder in spec.submodule_search_locations or []:
        place = Path(folder).joinpath(*inner)
        for candidate in (place / "__init__.py", place.with_suffix(".py")):
            if candidate.is_file():
                return candidate
    return Path(spec.origin) if spec.origin and not inner and spec.origin.endswith(".py") else None
