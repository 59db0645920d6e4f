"""The table of commands: each is there, and each group finds its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from posepyr.cli import commands
from posepyr.cli.commands import BENCH, DATA, POSEPYR, Group
from posepyr.errors import UsageError


def places(group: Group) -> Iterator[str]:
    for runs, _ in group.commands.values():
        if isinstance(runs, Group):
            yield from places(runs)
        else:
            yield runs


def test_every_command_exists() -> None:
    package = Path(commands.__file__).parent
    for place in places(POSEPYR):
        module, _, function = place.partition(":")
        assert f"def {function}(" in (package / f"{module}.py").read_text(encoding="utf-8"), place


def test_every_file_of_the_folder_is_a_command_or_shared_by_several() -> None:
    shared = {"__init__", "arguments", "commands", "data_source", "main", "options", "progress"}
    modules = {path.stem for path in Path(commands.__file__).parent.glob("*.py")}
    assert modules == shared | {place.partition(":")[0] for place in places(POSEPYR)}


@pytest.mark.parametrize("group", [POSEPYR, BENCH, DATA])
def test_help_names_every_command_but_those_of_scripts(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert (group.run(["--help"]), group.run([])) == (0, 2)
    out = capsys.readouterr().out
    assert out.count(f"usage: {group.program} COMMAND") == 2
    assert "complete " not in out
    for name, (_, summary) in group.commands.items():
        assert (f"  {name} " in out) == bool(summary)
        assert summary in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "trian is no command of posepyr; did you mean train? See posepyr --help"),
        (["bench", "modl"], "modl is no command of posepyr bench; did you mean model? See posepyr bench --help"),
        (["data", "chek"], "chek is no command of posepyr data; did you mean check? See posepyr data --help"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        POSEPYR.run(arguments)
    assert str(raised.value) == message
