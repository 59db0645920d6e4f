"""The arguments of a command, flags told apart from overrides wherever they stand."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from posepyr.configuration import catalogue
from posepyr.configuration.catalogue import PRIMARY
from posepyr.configuration.leaves import corrected, did_you_mean, nearest
from posepyr.errors import UsageError, near_names, suggestion

SWITCHES = {"-m": "multirun", "--multirun": "multirun", "--resolve": "resolve", "-h": "help", "--help": "help"}
VALUES = {
    "--cfg": "cfg",
    "-c": "cfg",
    "--config-dir": "config_dir",
    "-cd": "config_dir",
    "--config-name": "config_name",
    "-cn": "config_name",
    "--rerun": "rerun",
    "--resume": "resume",
}


class Request(NamedTuple):
    """A command line taken apart: overrides in Hydra's grammar, flags, and the words that are neither."""

    overrides: list[str]
    words: list[str]
    switches: set[str]
    values: dict[str, str]
    """Values of flags by name: ``cfg``, ``config_dir``, ``config_name``, ``rerun``, ``resume`` and a command's own."""

    @property
    def multirun(self) -> bool:
        """True where every combination of swept values is to be run."""
        return "multirun" in self.switches

    @property
    def cfg(self) -> str | None:
        """``job`` or ``all`` where the configuration is to be printed instead of run."""
        return self.values.get("cfg")

    @property
    def config(self) -> tuple[str | None, str]:
        """The user's configuration folder, and the file to start from."""
        return self.values.get("config_dir"), self.values.get("config_name", PRIMARY)


def parse(arguments: Sequence[str], *, words: int = 0, own: Sequence[str] = (), refused: Sequence[str] = ()) -> Request:
    """Take flags out of a command's arguments; the rest are overrides, after at most so many other ``words``.

    ``own`` are further flags with a value; ``refused`` are common ones that this command does not have.
    """
    values = {flag: name for flag, name in VALUES.items() if flag not in refused} | {flag: flag[2:] for flag in own}
    request = Request([], [], set(), {})
    left = iter(arguments)
    for word in left:
        flag = word.partition("=")[0]
        if not word.startswith("-"):
            _take_word(word, request, words)
        elif word in SWITCHES:
            request.switches.add(SWITCHES[word])
        elif flag in values:
            request.values[values[flag]] = _value(word, left)
        elif flag in SWITCHES:
            raise UsageError(f"{flag} must stand alone, got {word!r}")
        else:
            raise UsageError(f"{flag} is no flag of this command; {_flag_hint(word, left, [*SWITCHES, *values])}")
    _check(request)
    return request


def _flag_hint(word: str, following: Iterator[str], flags: Sequence[str]) -> str:
    """Return what an unknown flag may have meant: another flag, or a key of the configuration."""
    flag, equals, value = word.partition("=")
    value = value if equals else next(following, "VALUE")
    folders = catalogue.search_folders()
    question = flag.lstrip("-"), value, catalogue.leaf_keys(folders), catalogue.declared_keys(folders)
    if meant := corrected(*question):
        return did_you_mean(meant)
    if near_names(flag, flags):
        return suggestion(flag, flags)
    return did_you_mean(nearest(*question)) or suggestion(flag, flags)


def _take_word(word: str, request: Request, words: int) -> None:
    if len(request.words) < words and ("=" not in word or Path(word).exists()):
        request.words.append(word)
    elif "=" in word.lstrip("=") or word.startswith("~"):
        request.overrides.append(word)
    else:
        raise UsageError(f"an argument must be a flag or key=value, got {word!r}")


def _value(word: str, following: Iterator[str]) -> str:
    flag, equals, value = word.partition("=")
    value = value if equals else next(following, "")
    if not value or (not equals and value.startswith("-")):
        raise UsageError(f"{flag} must be followed by a value, got {value or 'nothing'!r}")
    return value


def _check(request: Request) -> None:
    if request.cfg not in (None, "job", "all"):
        raise UsageError(f"--cfg must be job or all, got {request.cfg!r}")
    if "resolve" in request.switches and request.cfg is None:
        raise UsageError("--resolve must come with --cfg job or --cfg all, which print the configuration")
    if {"rerun", "resume"} <= set(request.values):
        raise UsageError("--rerun and --resume must not come together: the one starts anew, the other goes on")
    for stored in {"rerun", "resume"} & set(request.values):
        if request.multirun and stored == "resume":
            raise UsageError("--resume must not come with -m: it goes on with one run")
        if request.config != (None, PRIMARY):
            raise UsageError(f"--{stored} must not come with --config-dir or --config-name: the run brings its own")
    for override in request.overrides:
        if override.startswith("hydra.mode="):
            raise UsageError(f"{override} must not be given: -m makes a sweep, its absence a single run")
