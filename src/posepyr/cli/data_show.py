"""``posepyr data show``: a sheet of people as a network is shown them."""

import argparse
import sys
from typing import TYPE_CHECKING

from posepyr import errors
from posepyr.cli import data_source, options
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
    """Draw the sheet."""
    chosen = _parser().read(arguments)
    _check(chosen)
    from posepyr import draw

    pixels, count = sheet(chosen)
    draw.save(pixels, chosen.output)
    sys.stdout.write(f"{chosen.output}: {count} of {data_source.describe(chosen)}, {chosen.split}\n")
    return errors.COMPLETED


def _parser() -> options.Parser:
    parser = data_source.parser(
        "show",
        "Draw people as a network is shown them: the crops of training or, without --augment, of testing, with joints "
        "and limbs, the person's right in orange and left in blue.",
        EXAMPLES,
    )
    parser.add_argument("--split", default="train", metavar="NAME", help="(train)")
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help=f"how many, chosen at random ({COUNT})")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another seed, other people (0)")
    parser.add_argument("--person", type=int, action="append", metavar="N", help="these instead, by their numbers")
    parser.add_argument("--augment", action="store_true", help="scaled, turned, mirrored and coloured as in training")
    parser.add_argument("--flip", action="store_true", help="mirrored as well, beside the others")
    parser.add_argument("--heatmaps", action="store_true", help="with the targets of the codec, beside the others")
    parser.add_argument("--names", action="store_true", help="names of the joints; tiles are larger then")
    parser.add_argument("--side", type=int, metavar="P", help=f"pixels of a tile ({SIDE}; with names {NAMED_SIDE})")
    options.add_output(parser, "a picture file", metavar="FILE", required=True)
    return parser


def _check(chosen: argparse.Namespace) -> None:
    if chosen.side is None:
        chosen.side = NAMED_SIDE if chosen.names else SIDE
    options.check_least(chosen, count=1, seed=0)
    if not 32 <= chosen.side <= 2048:
        raise UsageError(f"--side must be from 32 to 2048, got {chosen.side}")
    if chosen.output.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError(f"--output must end in .png or .jpg, got {chosen.output}")


def sheet(chosen: argparse.Namespace) -> tuple["Pixels", int]:
    """Return the sheet, and the number of people or pictures on it."""
    from posepyr.data.module import ClassificationDataModule
    from posepyr.nodes import build
    from posepyr.studies.datasets.sheet import SheetOptions, draw_sheet

    config = data_source.configuration(chosen)
    data = data_source.build_data(config)
    wanted = SheetOptions(chosen.side, chosen.names, chosen.flip, chosen.heatmaps)
    if isinstance(data, ClassificationDataModule) and wanted != SheetOptions(chosen.side):
        raise UsageError(
            "--names, --flip and --heatmaps must be left out for pictures of classes, which have no joints"
        )
    numbers = _numbers(chosen, len(data.samples(chosen.split)))
    return draw_sheet(data, build(config["codec"]), chosen.split, numbers, wanted, chosen.augment), len(numbers)


def _numbers(chosen: argparse.Namespace, size: int) -> list[int]:
    """Return the numbers of the people to draw."""
    from posepyr.studies.datasets.sheet import sample_numbers

    if not size:
        raise ValueError(f"--split must name a split with somebody in it, got {chosen.split}, which has nobody")
    for number in chosen.person or ():
        if not 0 <= number < size:
            raise UsageError(f"--person must be from 0 to {size - 1} in {chosen.split}, got {number}")
    return chosen.person or sample_numbers(size, chosen.count, chosen.seed)
