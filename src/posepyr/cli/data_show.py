"""``posepyr data show``: a sheet of people as a network is shown them."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from posepyr import errors
from posepyr.cli import data_source
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.records import Pixels

COUNT, SIDE, NAMED_SIDE = 18, 256, 512
"""People on a sheet, and pixels of a tile's longer side, without and with the names of joints."""

EXAMPLES = """examples:
  posepyr data show data=coco --output sheet.png
  posepyr data show data=mpii --split val --flip --heatmaps --count 8 --output sheet.png
  posepyr data show data=custom data.source.file=my_data.yaml --person 12 --person 40 --names --output sheet.png
  posepyr data show data=coco augment=hrnet --augment --output sheet.png
"""


def run(arguments: list[str]) -> int:
    """Draws the sheet."""
    options = _parser().parse_intermixed_args(arguments)
    _check(options)
    from posepyr import draw

    pixels, count = sheet(options)
    draw.save(pixels, options.output)
    sys.stdout.write(f"{options.output}: {count} of {data_source.named(options)}, {options.split}\n")
    return errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = data_source.parser(
        "show",
        "Draw people as a network is shown them: the crops of training or, without --augment, of testing, with joints "
        "and limbs, the person's right in orange and left in blue.",
        EXAMPLES,
    )
    parser.add_argument("--split", default="train", metavar="NAME", help="(train)")
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help=f"how many, chosen by chance ({COUNT})")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another seed, other people (0)")
    parser.add_argument("--person", type=int, action="append", metavar="N", help="these instead, by their numbers")
    parser.add_argument("--augment", action="store_true", help="scaled, turned, mirrored and coloured as in training")
    parser.add_argument("--flip", action="store_true", help="mirrored as well, beside the others")
    parser.add_argument("--heatmaps", action="store_true", help="with the targets of the codec, beside the others")
    parser.add_argument("--names", action="store_true", help="names of the joints; tiles are larger then")
    parser.add_argument("--side", type=int, metavar="P", help=f"pixels of a tile ({SIDE}; with names {NAMED_SIDE})")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="a picture file")
    return parser


def _check(options: argparse.Namespace) -> None:
    if options.side is None:
        options.side = NAMED_SIDE if options.names else SIDE
    for name, least, most in (("count", 1, None), ("seed", 0, None), ("side", 32, 2048)):
        value = getattr(options, name)
        if value < least or (most is not None and value > most):
            limit = f"at least {least}" if most is None else f"from {least} to {most}"
            raise UsageError(f"--{name} must be {limit}, got {value}")
    if options.output.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError(f"--output must end in .png or .jpg, got {options.output}")


def sheet(options: argparse.Namespace) -> tuple["Pixels", int]:
    """The sheet, and how many are on it."""
    from posepyr.data.module import ClassificationDataModule
    from posepyr.nodes import build
    from posepyr.studies.datasets.sheet import SheetOptions, labelled_sheet, pose_sheet

    config = data_source.configuration(options)
    data = data_source.data_of(config)
    wish = SheetOptions(options.side, options.names, options.flip, options.heatmaps)
    chosen = _chosen(options, len(data.samples(options.split)))
    if not isinstance(data, ClassificationDataModule):
        crops, codec = data.samples(options.split, options.augment), build(config["codec"])
        return pose_sheet(crops, chosen, codec, options.split, wish), len(chosen)
    if wish != SheetOptions(options.side):
        raise UsageError(
            "--names, --flip and --heatmaps must be left out for pictures of classes, which have no joints"
        )
    samples = data.samples(options.split, options.augment)
    return labelled_sheet(samples, chosen, data.source.classes, options.split, wish), len(chosen)


def _chosen(options: argparse.Namespace, size: int) -> list[int]:
    from posepyr.studies.datasets.sheet import sample_numbers

    if not size:
        raise ValueError(f"--split must name a split with somebody in it, got {options.split}, which has nobody")
    for number in options.person or ():
        if not 0 <= number < size:
            raise UsageError(f"--person must be from 0 to {size - 1} in {options.split}, got {number}")
    return options.person or sample_numbers(size, options.count, options.seed)
