"""``posepyr data make``: data sets written to disk."""

import argparse
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from posepyr import errors
from posepyr.cli import options
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

    from posepyr.records import Annotation, Split, View
    from posepyr.skeleton import Skeleton

SPLITS = {"coco": ("train", "val", "test"), "mpii": ("train", "val", "test"), "lsp": ("train", "test")}
"""The splits that each layout has, in the order in which they are written."""

PEOPLE = {"coco": (1000, 200, 0), "mpii": (1000, 200, 0), "lsp": (1000, 1000)}
"""How many people each split gets unless the command says otherwise. LSP's are those of the archive."""

EXAMPLES = """examples:
  posepyr data make figures --format coco --output data/figures
  posepyr data make figures --format lsp --output data/lsp --train 100 --test 100 --difficulty 0.2
"""


def run(arguments: list[str]) -> int:
    """Write drawn figures in the layout of an archive."""
    chosen = _parser().read(arguments)
    people = _people(chosen)
    # After parsing: --help and a wrong flag must not wait for NumPy and OpenCV.
    from posepyr.cli.options import progress_bar
    from posepyr.data.export import write_coco, write_lsp, write_mpii
    from posepyr.data.sources.figures import Figures

    class TrackedFigures(Figures):
        """Figures whose splits move a progress bar with every picture."""

        def split(self, name: str) -> Any:
            return _TrackedSplit(super().split(name), progress, name)

    settings: dict[str, Any] = {name: getattr(chosen, name) for name in ("difficulty", "seed", "size")}
    settings = people | {name: value for name, value in settings.items() if value is not None}
    write = {"coco": write_coco, "mpii": write_mpii, "lsp": write_lsp}[chosen.format]
    began = time.perf_counter()
    with progress_bar() as progress:
        figures = TrackedFigures(**settings)
        written = write(figures, drawn_skeleton(), chosen.output, [name for name in people if people[name]])
    counted = ", ".join(f"{count} {name}" for name, count in written.items())
    sys.stdout.write(f"{chosen.output}: {counted} in {chosen.format}'s layout, {time.perf_counter() - began:.1f} s\n")
    return errors.COMPLETED


def _parser() -> options.Parser:
    parser = options.Parser(
        "posepyr data make", "Draw people and write them as pictures and annotations in the layout of an archive.",
        EXAMPLES,
    )  # fmt: skip
    parser.add_argument("source", choices=["figures"], help="what to draw")
    parser.add_argument("--format", choices=sorted(SPLITS), required=True, help="the layout")
    options.add_output(parser, "a new or an empty folder", required=True)
    for name in ("train", "val", "test"):
        defaults = ", ".join(
            f"{layout} {count}" for layout in SPLITS for split, count in _defaults(layout).items() if split == name
        )
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"people in this split ({defaults})")
    parser.add_argument("--difficulty", type=float, metavar="D", help="from 0, easy, to 1, hard")
    parser.add_argument("--seed", type=int, metavar="S", help="another seed, other people")
    parser.add_argument("--size", type=int, metavar="P", help="side of the square pictures in pixels")
    return parser


def _defaults(layout: str) -> dict[str, int]:
    return dict(zip(SPLITS[layout], PEOPLE[layout], strict=True))


def _people(chosen: argparse.Namespace) -> dict[str, int]:
    """Return the number of people by split, in the order of the layout."""
    options.check_least(chosen, train=0, val=0, test=0)
    people = _defaults(chosen.format)
    for name in ("train", "val", "test"):
        count = getattr(chosen, name)
        if count is not None and name not in people:
            raise UsageError(f"--{name} must be a split of {chosen.format}, which has {' and '.join(people)} alone")
        if count is not None:
            people[name] = count
    if not any(people.values()):
        raise UsageError("--train, --val or --test must ask for somebody, got 0 in every split")
    return people


def drawn_skeleton() -> "Skeleton":
    """Return the skeleton of drawn people."""
    import yaml

    from posepyr.configuration.catalogue import configuration_folder
    from posepyr.nodes import build

    file = configuration_folder() / "skeleton" / "mpii.yaml"
    skeleton: Skeleton = build(yaml.safe_load(file.read_text(encoding="utf-8")))
    return skeleton


class _TrackedSplit:
    """A split that moves a progress bar with every picture."""

    def __init__(self, split: "Split", progress: "Progress", name: str) -> None:
        self._split, self._progress = split, progress
        self._bar = progress.add_task(name, total=len(split))

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int, /) -> "Annotation":
        return self._split[index]

    @property
    def joints(self) -> tuple[str, ...]:
        return self._split.joints

    @property
    def measures(self) -> "Mapping[str, Any]":
        return self._split.measures

    def view(self, annotation: "Annotation", scale: float = 1.0) -> "View":
        view = self._split.view(annotation, scale)
        self._progress.advance(self._bar)
        return view
