"""``posepyr data stats``: people, joints, boxes, pictures and classes of a data set in figures."""

from collections.abc import Iterator, Mapping
from typing import Any

from posepyr import errors
from posepyr.cli import data_source, options
from posepyr.tables import align

EXAMPLES = """examples:
  posepyr data stats data=coco
  posepyr data stats data=lsp --split test --json lsp.json
"""

HEADINGS = {
    "mean": "mean", "p0": "least", "p5": "5%", "p25": "25%", "p50": "median", "p75": "75%", "p95": "95%",
    "p100": "most",
}  # fmt: skip
"""The numbers that describe a distribution, and their headings."""

_FEW = 10


def run(arguments: list[str]) -> int:
    """Measure the splits of a data set and report the figures."""
    chosen = _parser().read(arguments)
    data = data_source.build_data(data_source.configuration(chosen))
    # Here, after parsing: --help must not wait for NumPy.
    from posepyr.cli.options import tracking
    from posepyr.studies.datasets.statistics import data_statistics

    with tracking() as progress:
        found = {name: data_statistics(data, name, progress) for name in dict.fromkeys(chosen.split or ["train"])}
    name = data_source.describe(chosen)
    lines = [line for split, figures in found.items() for line in (f"data  {name}: {split}", *text(figures))]
    options.deliver(chosen, {"overrides": chosen.overrides, "splits": found}, "\n".join(lines) + "\n")
    return errors.COMPLETED


def _parser() -> options.Parser:
    parser = data_source.parser(
        "stats",
        "Count people, joints and pictures, and measure boxes and pictures; of labelled pictures, count the classes.",
        EXAMPLES,
    )
    parser.add_argument("--split", action="append", metavar="NAME", help="may be given several times (train)")
    options.add_json(parser, "the figures")
    return parser


def text(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a split's figures."""
    rows = [(name, figures[key]) for key, name in _DISTRIBUTIONS.items() if key in figures]
    if "people" in figures:
        yield f"{figures['people']:,} people in {figures['pictures']:,} pictures"
        rows += [(name, figures["boxes"][key]) for key, name in _BOXES.items()]
    else:
        yield f"{figures['pictures']:,} pictures of {len(figures['classes'])} classes"
    sizes = figures["picture_sizes"]
    rows += [(f"picture {side}", sizes[side]) for side in ("width", "height")]
    yield ""
    yield from align([["", *HEADINGS.values()], *([name, *_numbers(found)] for name, found in rows)])
    commonest = ", ".join(f"{size} ({count:,})" for size, count in sizes["commonest"].items())
    yield f"sizes known of {sizes['known']:,} pictures; the commonest, height x width: {commonest or 'none'}"
    yield ""
    yield from _of_joints(figures) if "joints" in figures else _of_classes(figures["classes"])


_DISTRIBUTIONS = {
    "people_in_a_picture": "people in a picture",
    "labelled_joints_of_a_person": "labelled joints",
    "pictures_in_a_class": "pictures in a class",
}
_BOXES = {"width": "box width", "height": "box height", "width_by_height": "box width / height"}
_UNITS = {
    "pck": "PCK: both joints of its unit are labelled",
    "pckh": "PCKh: the size of the head is known",
    "oks": "OKS: the area is known",
}


def _of_joints(figures: Mapping[str, Any]) -> Iterator[str]:
    states = ("visible", "occluded", "not_labelled")
    rows = [[joint, *(f"{shares[state]:.1%}" for state in states)] for joint, shares in figures["joints"].items()]
    yield from align([["", *(state.replace("_", " ") for state in states)], *rows])
    yield ""
    yield from align([[_UNITS[unit], f"{share:.1%}"] for unit, share in figures["units"].items()])


def _of_classes(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield all of a few classes, else the smallest and the largest."""
    ordered = sorted(counts.items(), key=lambda one: one[1])
    shown = ordered if len(ordered) <= 2 * _FEW else [*ordered[:_FEW], ("...", 0), *ordered[-_FEW:]]
    yield from align([[name, f"{count:,}" if name != "..." else ""] for name, count in shown])


def _numbers(found: Mapping[str, float]) -> list[str]:
    """Round to as many digits as there are in 1,000."""
    return [f"{found[key]:,.{2 if abs(found[key]) < 100 else 0}f}" if found else "" for key in HEADINGS]
