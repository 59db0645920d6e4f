"""``posepyr completion``: the shell asks, and commands, groups, choices and keys come back."""

import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from posepyr import errors
from posepyr.cli.arguments import SWITCHES, VALUES
from posepyr.cli.main import POSEPYR, Group
from posepyr.cli.options import Parser
from posepyr.configuration import catalogue
from posepyr.configuration.papers import papers

SCRIPTS = {
    "bash": """_posepyr() {
    local line=${COMP_LINE:0:$COMP_POINT} words IFS=$' \\t\\n'
    local word=${line##*[[:space:]]}
    read -ra words <<< "$line"
    [[ $word ]] || words+=("")
    IFS=$'\\n'
    COMPREPLY=($(posepyr complete "${words[@]:1}" 2>/dev/null))
    # Bash replaces only what follows the last = of a word.
    if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#${word%"${word##*=}"}}")
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.] ]]; then compopt -o nospace; fi
}
complete -o default -F _posepyr posepyr""",
    "zsh": """#compdef posepyr
_posepyr() {
    local -a found
    found=(${(f)"$(posepyr complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then
        compadd -Q -S '' -- $found
    else
        _files
    fi
}
compdef _posepyr posepyr""",
    "fish": """function __posepyr_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l word (commandline -ct)
    posepyr complete $words "$word" 2>/dev/null
end
complete -c posepyr -a '(__posepyr_complete)'""",
}
"""Each shell's script. It hands over the words behind ``posepyr`` up to the one that is completed, which is last."""

OVERRIDES = ("train", "evaluate", "audit", "complexity", "bench model", "bench train", "bench data", "data check",
             "data show", "data stats")  # fmt: skip
"""Commands that take overrides."""

CONFIG_DIR = ("--config-dir", "-cd")
FLAGS = [flag for flag in (*SWITCHES, *VALUES) if flag.startswith("--")]
"""Flags of ``posepyr train`` and ``posepyr evaluate``."""


def run(arguments: list[str]) -> int:
    """Print a shell's script."""
    parser = Parser(
        "posepyr completion",
        "Print the script that completes posepyr's command line.",
        'bash: eval "$(posepyr completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit;\n'
        "fish: posepyr completion fish > ~/.config/fish/completions/posepyr.fish",
    )
    parser.add_argument("shell", choices=sorted(SCRIPTS))
    print(SCRIPTS[parser.read(arguments).shell])
    return errors.COMPLETED


def run_complete(arguments: list[str]) -> int:
    """Print the candidates for the last word; shells' scripts call this."""
    folder = next((value for flag, value in pairwise(arguments) if flag in CONFIG_DIR), None)
    folders = catalogue.search_folders(folder if folder and Path(folder).is_dir() else None)
    sys.stdout.writelines(f"{candidate}\n" for candidate in candidates(folders, arguments or [""]))
    return errors.COMPLETED


def candidates(folders: Sequence[Path], words: Sequence[str]) -> list[str]:
    """Return the words that the last of the words behind ``posepyr`` may become."""
    *before, word = words
    group, path = POSEPYR, []
    while before:
        command = group.commands.get(before[0])
        path.append(before.pop(0))
        if command is None or not isinstance(command.runs, Group):
            break
        group = command.runs
    else:
        return _beginning(word, (name for name, command in group.commands.items() if command.summary))
    return _beginning(word, _arguments(folders, " ".join(path), before, word))


def _beginning(word: str, found: Iterable[str]) -> list[str]:
    return sorted({candidate for candidate in found if candidate.startswith(word)})


def _arguments(folders: Sequence[Path], command: str, before: Sequence[str], word: str) -> Iterable[str]:
    """Return candidates for an argument of a command; none where the shell is to offer files."""
    if command in ("train", "evaluate") and word.startswith("-"):
        return FLAGS
    if command in OVERRIDES:
        return catalogue.override_candidates(folders, word, before)
    if before:
        return ()
    return {
        "list": [*catalogue.top_groups(folders), "papers", *papers()],
        "completion": SCRIPTS,
        "data make": ("figures",),
    }.get(command, ())
