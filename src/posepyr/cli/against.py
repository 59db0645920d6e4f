"""``--against``: what takes turns with the first that a command line names, as a small command line of its own."""

import argparse
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from posepyr.errors import UsageError


def joined(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments with each --against and what follows it as one: argparse refuses a value that begins as a flag."""
    left = iter(arguments)
    for word in left:
        following = next(left, None) if word == "--against" else None
        yield word if following is None else f"{word}={following}"


def read_against(text: str, add: Callable[[argparse.ArgumentParser], None]) -> argparse.Namespace:
    """What stands in the quotes after --against; ``add`` gives a parser the options that may stand there."""
    parser = _AgainstParser(text)
    add(parser)
    try:
        words = shlex.split(text)
    except ValueError as error:
        parser.error(str(error))
    return parser.parse_intermixed_args(words)


class _AgainstParser(argparse.ArgumentParser):
    """Quotes what it reads where it complains."""

    def __init__(self, text: str) -> None:
        super().__init__(usage="", add_help=False)
        self._text = text

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"--against must hold overrides and options of one network, got {self._text!r}: {message}")
