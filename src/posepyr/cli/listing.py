"""``posepyr list``: the choices of every group, and the papers' rows with the commands that train them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posepyr import errors
from posepyr.cli import options
from posepyr.configuration import catalogue
from posepyr.configuration.papers import Paper, papers
from posepyr.errors import UsageError, suggestion
from posepyr.tables import align

PLURALS = {"models": "model", "experiments": "experiment", "sweeps": "sweep", "schedulers": "scheduler"}
"""Names under which a group may be asked for as well."""

PAPERS = "papers"

AT_LENGTH = ("note",)
"""Header notes that are in JSON and in the file alone: they would crowd a table."""

EXAMPLES = """examples:
  posepyr list                 every group of the configuration
  posepyr list models          what there is to choose from
  posepyr list papers          the papers whose trainings there are
  posepyr list ppnet --json    PPNet's published rows, each with the command that trains it
"""

Line = dict[str, Any]


def run(arguments: list[str]) -> int:
    """List the groups, the choices of one, the papers, or the rows of one."""
    parser = options.Parser(
        "posepyr list", "List the groups of the configuration, the choices of one, or a paper's rows.", EXAMPLES
    )
    known = f"models, experiments, sweeps, data, init, ..., papers, {', '.join(papers())} (none: all groups)"
    parser.add_argument("group", nargs="?", help=known)
    options.add_json(parser, "the list")
    options.add_config_dir(parser)
    chosen = parser.read(arguments)
    folders = catalogue.search_folders(chosen.config_dir)
    lines = lines_of(folders, chosen.group, at_length=chosen.json is not None)
    options.deliver(chosen, lines, _table(lines))
    return errors.COMPLETED


def lines_of(folders: Sequence[Path], name: str | None, at_length: bool = True) -> list[Line]:
    """Return what is listed under a name, ``at_length`` with all that is known; UsageError for an unknown name."""
    if name is None:
        return _groups(folders, at_length)
    if name == PAPERS:
        return [_paper(paper) for paper in papers().values()]
    if name in papers():
        return _paper_rows(papers()[name], at_length)
    group, known = PLURALS.get(name, name), catalogue.top_groups(folders)
    if group in known:
        return _choices(folders, group, at_length)
    hint = suggestion(name, [*known, *PLURALS, PAPERS, *papers()])
    raise UsageError(f"the group must be one that exists, or a paper's name, got {name!r}; {hint}")


def _groups(folders: Sequence[Path], at_length: bool) -> list[Line]:
    """Return every group, and the papers, with the choices: all, or those in folders as the folder and their number."""
    listed = {name: list(catalogue.choices(folders, name)) for name in catalogue.top_groups(folders)}
    listed[PAPERS] = list(papers())
    return [
        {"group": name, "choices": ", ".join(choices if at_length else _shortened(choices))}
        for name, choices in listed.items()
    ]


def _shortened(choices: Sequence[str]) -> list[str]:
    inside = Counter(choice.rpartition("/")[0] for choice in choices if "/" in choice)
    return [choice for choice in choices if "/" not in choice] + [f"{name}/ ({n})" for name, n in inside.items()]


def _choices(folders: Sequence[Path], group: str, at_length: bool) -> list[Line]:
    """Return the choices of a group: what each is, from its header, and the command that takes it."""
    lines = []
    flag = "-m " if group == "sweep" else ""
    for name, path in catalogue.choices(folders, group).items():
        header = catalogue.header(path)
        notes = {key: text for key, text in header.notes.items() if at_length or key not in AT_LENGTH}
        command = notes.pop("command", f"posepyr train {flag}{group}={name}")
        lines.append({"name": name, "what": header.title, **notes, "command": command})
    return lines


def _paper(paper: Paper) -> Line:
    """Return a paper's name, title and number of rows, what is done with them, and the command that lists them."""
    rows = paper.rows
    return {
        "name": paper.key, "what": f"{paper.name}: {paper.title}", "rows": str(len(rows)),
        "trained": str(sum(row.trains for row in rows)), "measured": str(sum(bool(row.bench) for row in rows)),
        "counted": str(sum(row.counted for row in rows)), "explained": str(sum(bool(row.reason) for row in rows)),
        "command": f"posepyr list {paper.key}",
    }  # fmt: skip


def _paper_rows(paper: Paper, at_length: bool) -> list[Line]:
    """Return a paper's rows, at length with sizes and readings."""
    return [
        row.to_dict()
        if at_length
        else {
            "where": row.place.short,
            "what": row.title,
            "score": row.outcome,
            "command": row.command or f"none: {row.reason}",
        }
        for row in paper.rows
    ]


def _table(lines: Sequence[Line]) -> str:
    """Return the lines as a table, whose columns are all keys that any line has; the command stands last."""
    if not lines:
        return "nothing here yet\n"
    columns = sorted(dict.fromkeys(key for line in lines for key in line), key=lambda key: key == "command")
    rows = [columns, *([str(line.get(column, "")) for column in columns] for line in lines)]
    return "\n".join(align(rows, "<")) + "\n"
