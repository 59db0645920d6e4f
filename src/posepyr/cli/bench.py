"""``posepyr bench``: how fast things are on this machine. One file a sub-command, as commands have them."""

import importlib

from posepyr import errors
from posepyr.errors import UsageError
from posepyr.suggestion import suggestion

BENCHES = {
    "model": ("bench_model:run", "networks' forward and backward passes side by side: time and memory"),
    "train": ("bench_train:run", "trainings side by side, also by other programs: samples a second, parts of a step"),
    "data": ("bench_data:run", "how fast samples are made: read, decoded, warped, recoloured, and by how many workers"),
}
"""Each sub-command's module and function, and its summary."""


def run(arguments: list[str]) -> int:
    """Runs the sub-command that is named first."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(help_text())
        return errors.COMPLETED if arguments else errors.USAGE
    name, *rest = arguments
    if name not in BENCHES:
        raise UsageError(f"{name} is nothing that posepyr bench measures; {suggestion(name, BENCHES)}")
    module, _, function = BENCHES[name][0].partition(":")
    code: int = getattr(importlib.import_module(f"posepyr.cli.{module}"), function)(rest)
    return code


def help_text() -> str:
    """What ``posepyr bench --help`` prints."""
    width = max(len(name) for name in BENCHES)
    benches = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in BENCHES.items())
    return f"""usage: posepyr bench WHAT [arguments]

Measures on this machine.

{benches}

  posepyr bench WHAT --help   what it takes"""
