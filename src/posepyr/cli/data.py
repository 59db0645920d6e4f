"""``posepyr data``: data sets checked, shown, counted and written. One file a sub-command, as commands have them."""

import importlib

from posepyr import errors
from posepyr.errors import UsageError
from posepyr.suggestion import suggestion

ACTIONS = {
    "check": ("data_check:run", "whether everything is there, can be read and makes sense, before it is trained on"),
    "show": ("data_show:run", "a sheet of people as a network is shown them, with joints, limbs, names, targets"),
    "stats": ("data_stats:run", "people, joints, boxes, pictures and classes in figures"),
    "make": ("data_make:run", "draw people and write pictures and annotations in the layout of an archive"),
}
"""Each sub-command's module and function, and its summary."""


def run(arguments: list[str]) -> int:
    """Runs the sub-command that is named first."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(help_text())
        return errors.COMPLETED if arguments else errors.USAGE
    name, *rest = arguments
    if name not in ACTIONS:
        raise UsageError(f"{name} is nothing that posepyr data does; {suggestion(name, ACTIONS)}")
    module, _, function = ACTIONS[name][0].partition(":")
    code: int = getattr(importlib.import_module(f"posepyr.cli.{module}"), function)(rest)
    return code


def help_text() -> str:
    """What ``posepyr data --help`` prints."""
    width = max(len(name) for name in ACTIONS)
    actions = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in ACTIONS.items())
    return f"""usage: posepyr data WHAT [arguments]

Looks at data sets and writes them.

{actions}

  posepyr data WHAT --help   what it takes

examples:
  posepyr data check data=coco
  posepyr data check data=custom data.source.file=my_data.yaml --pictures all
  posepyr data show data=mpii --split val --heatmaps --output sheet.png
  posepyr data stats data=lsp --split train"""
