"""Options that mean the same in every command, and the parsers and reports that go with them.

``--json`` prints the report as JSON in place of the text; ``--json FILE`` writes it to FILE, which ends in ``.json``
or has a folder, and prints the text as usual.
"""

import argparse
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from posepyr.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

STANDARD_OUTPUT = Path("-")
"""Value of ``--json`` without a file."""


class Parser(argparse.ArgumentParser):
    """A command's parser, which raises its complaints as errors of posepyr."""

    def __init__(self, program: str, description: str, examples: str) -> None:
        super().__init__(
            program, description=description, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
        )

    def error(self, message: str) -> NoReturn:
        """Raise a usage error in place of argparse's own exit."""
        raise UsageError(f"{message}; see {self.prog} --help")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse a command's arguments, its flags anywhere among the words."""
        return self.parse_intermixed_args(list(_joined(arguments)))


def _joined(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the arguments with ``--json`` and ``--against`` joined to their values by ``=``.

    argparse would take any word behind ``--json``, as ``models`` in ``list --json models``, for its file; and it
    refuses a value of ``--against`` that begins as a flag does.
    """
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word == "--json":
            yield f"--json={words.pop(0) if words and _is_json_file(words[0]) else STANDARD_OUTPUT}"
        elif word == "--against" and words:
            yield f"--against={words.pop(0)}"
        else:
            yield word


def _is_json_file(word: str) -> bool:
    return not word.startswith("-") and "=" not in word and (word.endswith(".json") or "/" in word)


def add_config_dir(parser: argparse.ArgumentParser) -> None:
    """Add ``--config-dir``."""
    parser.add_argument(
        "--config-dir", metavar="DIR", help="a folder of your own configuration files, looked into first"
    )


def add_device(parser: argparse.ArgumentParser, choices: Sequence[str] | None = ("cpu", "cuda")) -> None:
    """Add ``--device``; :func:`posepyr.measurement.machine.choose_device` tells which one to use.

    ``choices`` is None where any name of Torch's will do, as ``cuda:1`` or ``mps``.
    """
    names = "" if choices else ", or cuda:1, mps, ..."
    parser.add_argument(
        "--device", choices=choices, metavar=None if choices else "NAME", help=f"cuda if there, else cpu{names}"
    )


def add_json(parser: argparse.ArgumentParser, report: str = "the report") -> None:
    """Add ``--json [FILE]``; :func:`deliver` follows it."""
    parser.add_argument(
        "--json", nargs="?", const=STANDARD_OUTPUT, type=Path, metavar="FILE",
        help=f"print {report} as JSON in place of the text; with FILE, write it",
    )  # fmt: skip


def add_output(parser: argparse.ArgumentParser, help_text: str, metavar: str = "DIR", **more: Any) -> None:
    """Add ``--output``, the folder or file that a command writes."""
    parser.add_argument("--output", type=Path, metavar=metavar, help=help_text, **more)


def add_input_size(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--input HxW``; :func:`parse_size` reads its value."""
    parser.add_argument("--input", metavar="HxW", help=f"height x width ({default})")


def parse_size(text: str, option: str = "--input") -> tuple[int, int]:
    """Return the height and width in the value of an option, as ``256x192``."""
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not match:
        raise UsageError(f"{option} must be HEIGHTxWIDTH, as 256x192, got {text}")
    return int(match[1]), int(match[2])


def check_least(options: argparse.Namespace, **least: int) -> None:
    """Refuse values of options that are less than they may be; options that are not given pass."""
    for name, bound in least.items():
        value = getattr(options, name)
        if value is not None and value < bound:
            raise UsageError(f"--{name.replace('_', '-')} must be at least {bound}, got {value}")


def check_positive(options: argparse.Namespace, *names: str) -> None:
    """Refuse values of options that are not above zero, as NaN is not; options that are not given pass."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise UsageError(f"--{name.replace('_', '-')} must be positive, got {value}")


def check_choice(flag: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a value that is none of the choices, with those that are near."""
    from posepyr.errors import suggestion

    names = list(choices)
    if value not in names:
        raise UsageError(f"{flag} must be one of {', '.join(names)}, got {value}; {suggestion(value, names)}")


def prints_json(options: argparse.Namespace) -> bool:
    """Return whether standard output is for JSON alone."""
    return bool(options.json == STANDARD_OUTPUT)


def deliver(options: argparse.Namespace, report: Any, text: str) -> None:
    """Print a command's text, or its report as JSON, and write the report to a file, as ``--json`` says."""
    if prints_json(options):
        json.dump(report, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    if options.json is not None:
        from posepyr.files import write_json

        write_json(options.json, report)
    sys.stdout.write(text)


def add_against(parser: argparse.ArgumentParser, metavar: str, help_text: str) -> None:
    """Add ``--against``: a small command line in quotes that inherits from the first; :func:`read_against` reads it."""
    parser.add_argument("--against", action="append", default=[], metavar=metavar, help=help_text)


def read_against(
    text: str, add: Callable[[argparse.ArgumentParser], None], first: argparse.Namespace
) -> argparse.Namespace:
    """Parse the words in the quotes behind ``--against``; ``add`` gives a parser the options that may stand there.

    Options that they do not hold are as in ``first``, and so are the overrides where there are none.
    """
    parser = _AgainstParser(text)
    add(parser)
    try:
        words = shlex.split(text)
    except ValueError as error:
        parser.error(str(error))
    # argparse sets a default only where the namespace has no value yet.
    inherited = {name: value for name, value in vars(first).items() if name != "overrides"}
    chosen = parser.parse_intermixed_args(words, argparse.Namespace(**inherited))
    chosen.overrides = chosen.overrides or first.overrides
    return chosen


class _AgainstParser(argparse.ArgumentParser):
    """A parser that quotes the text it reads in its complaints."""

    def __init__(self, text: str) -> None:
        super().__init__(usage="", add_help=False)
        self._text = text

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"--against must hold overrides and options, in quotes, got {self._text!r}: {message}")


def progress_bar() -> "Progress":
    """Return a bar on the error stream that vanishes at the end; it shows nothing where that is no terminal."""
    # Here: a command that only prints must not wait for it.
    from rich.console import Console
    from rich.progress import Progress

    return Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


@contextmanager
def tracking() -> Iterator[Callable[[Sequence[Any], str], Iterable[Any]]]:
    """Yield a function that iterates over items and shows the progress under a label."""
    with progress_bar() as progress:
        yield lambda items, label: progress.track(items, description=label)
