"""``posepyr list``: what there is to choose from."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posepyr import errors
from posepyr.configuration import catalogue
from posepyr.errors import UsageError
from posepyr.suggestion import suggestion

PLURALS = {"models": "model", "experiments": "experiment", "sweeps": "sweep", "schedulers": "scheduler"}
"""Names under which a group may be asked for as well."""

AT_LENGTH = ("note", "begins", "score")
"""Notes that are for whoever opens the file or asks for JSON: they would crowd a table."""

Row = dict[str, Any]


def run(arguments: list[str]) -> int:
    """Lists the groups, or the choices of one."""
    options = _parser().parse_args(arguments)
    folders = catalogue.search_folders(options.config_dir)
    rows = rows_of(folders, options.group) if options.group else group_rows(folders, at_length=options.json)
    print(json.dumps(rows, indent=2) if options.json else _table(rows), end="\n" if options.json else "")
    return errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "posepyr list", description="List the groups of the configuration, or the choices of one."
    )
    parser.add_argument("group", nargs="?", help="models, experiments, sweeps, data, init, ... (none: all groups)")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.add_argument("--config-dir", help="a folder of your own configuration files, looked into first")
    return parser


def group_rows(folders: Sequence[Path], at_length: bool = True) -> list[Row]:
    """Every group with its choices: all of them, or those in folders as the folder and their number."""
    names = [name for name in catalogue.groups(folders) if "/" not in name]
    listed = {name: list(catalogue.choices(folders, name)) for name in names}
    return [
        {"group": name, "choices": ", ".join(choices if at_length else _in_short(choices))}
        for name, choices in listed.items()
    ]


def _in_short(choices: Sequence[str]) -> list[str]:
    inside = Counter(choice.rpartition("/")[0] for choice in choices if "/" in choice)
    return [choice for choice in choices if "/" not in choice] + [f"{name}/ ({n})" for name, n in inside.items()]


def rows_of(folders: Sequence[Path], asked: str) -> list[Row]:
    """The choices of a group: what each is, from its header, and the command that takes it."""
    known = [name for name in catalogue.groups(folders) if "/" not in name]
    group = PLURALS.get(asked, asked)
    if group not in known:
        raise UsageError(f"the group must be one that exists, got {asked!r}; {suggestion(asked, [*known, *PLURALS])}")
    rows = []
    flag = "-m " if group == "sweep" else ""
    for name, path in catalogue.choices(folders, group).items():
        header = catalogue.header(path)
        row: Row = {"name": name, "what": header.title, **header.notes}
        if group == "model":
            row["parameters"] = parameters(folders, name)
        rows.append(row | {"command": header.notes.get("command", f"posepyr train {flag}{group}={name}")})
    return rows


def parameters(folders: Sequence[Path], model: str) -> int:
    """How many numbers a model learns for the skeleton of the usual configuration."""
    import torch

    from posepyr.configuration.compose import Composer
    from posepyr.nodes import build

    extra = folders[0] if len(folders) > 1 else None
    config = Composer(extra).job([f"model={model}"]).config
    with torch.device("meta"):
        network = build(config["model"], joints=len(config["skeleton"]["joints"]))
    return sum(parameter.numel() for parameter in network.parameters())


def _table(rows: list[Row]) -> str:
    """The rows as a table, as wide as the terminal; columns are all keys that any row has."""
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return "nothing here yet\n"
    # The command goes last, whatever a header noted.
    columns = list(dict.fromkeys(key for row in rows for key in row if key not in (*AT_LENGTH, "command")))
    columns += ["command"] if "command" in rows[0] else []
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(row.get(column, "")) for column in columns))
    console = Console()
    if not console.is_terminal:
        # A pipe has no width, and a line must stay a line there.
        console = Console(width=4000)
    with console.capture() as capture:
        console.print(table, markup=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _cell(value: Any) -> str:
    return f"{value / 1e6:.2f}M" if isinstance(value, int) else str(value)
