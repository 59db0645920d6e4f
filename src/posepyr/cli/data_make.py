"""``posepyr data make``: data sets written to disk."""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

    from posepyr.records import Annotation, Source, Split, View
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
    parser = _parser()
    options = parser.parse_args(arguments)
    people = _people(options, parser)
    # After parsing: --help and a wrong flag must not wait for NumPy and OpenCV.
    from posepyr.cli.progress import progress_bar
    from posepyr.data.export import write_coco, write_lsp, write_mpii
    from posepyr.data.sources.figures import Figures

    given = {name: getattr(options, name) for name in ("difficulty", "seed", "size")}
    source = Figures(**people, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    write = {"coco": write_coco, "mpii": write_mpii, "lsp": write_lsp}[options.format]
    began = time.perf_counter()
    with progress_bar() as progress:
        written = write(
            _Watched(source, progress), drawn_skeleton(), options.output, [name for name in people if people[name]]
        )
    counted = ", ".join(f"{count} {name}" for name, count in written.items())
    sys.stdout.write(f"{options.output}: {counted} in {options.format}'s layout, {time.perf_counter() - began:.1f} s\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "posepyr data make",
        description="Draw people and write them as pictures and annotations in the layout of an archive.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", choices=["figures"], help="what to draw")
    parser.add_argument("--format", choices=sorted(SPLITS), required=True, help="the layout")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new or an empty folder")
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


def _people(options: argparse.Namespace, parser: argparse.ArgumentParser) -> dict[str, int]:
    """People by split, in the order of the layout."""
    people = _defaults(options.format)
    for name in ("train", "val", "test"):
        count = getattr(options, name)
        if count is None:
            continue
        if count < 0:
            parser.error(f"--{name} must not be negative, got {count}")
        if name not in people:
            parser.error(f"--{name} is no split of {options.format}, which has {' and '.join(people)}")
        people[name] = count
    if not any(people.values()):
        parser.error("--train, --val or --test must ask for somebody, got 0 in every split")
    return people


def drawn_skeleton() -> "Skeleton":
    """The joints that figures have."""
    import yaml

    from posepyr.configuration.catalogue import configuration_folder
    from posepyr.nodes import build

    file = configuration_folder() / "skeleton" / "mpii.yaml"
    skeleton: Skeleton = build(yaml.safe_load(file.read_text(encoding="utf-8")))
    return skeleton


class _Watched:
    """A source whose splits move a progress bar with every picture."""

    def __init__(self, source: "Source", progress: "Progress") -> None:
        self._source, self._progress = source, progress

    def split(self, name: str) -> "Split":
        return _WatchedSplit(self._source.split(name), self._progress, name)


class _WatchedSplit:
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
