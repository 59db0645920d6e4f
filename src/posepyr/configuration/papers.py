"""The papers' published rows, one YAML file a paper in ``papers/``, and the commands that train or measure them.

A file has ``paper``, ``title`` and ``tables``; ``common`` holds what YAML's anchors repeat. A table says where it
stands (``table``, ``figure`` or ``section`` alone) and lists ``rows``; its other keys hold for every row that has none
of its own. A row's keys:

- ``what``, and ``row`` for the paper's label where it is another;
- ``experiment`` and ``overrides``, which give the command; with no ``experiment`` only the network's size is published;
- ``parameters`` and ``gflops`` as printed, with all that :class:`PublishedSize` says of them;
- ``scores`` by posepyr's own quantities, ``expected`` in words, and ``score``, the command that takes them where the
  training itself does not;
- ``begins``, the weights that it begins with, and ``note``, the readings of the paper;
- ``samples_a_second`` in training or ``seconds_a_batch`` in inference: the speed is a row of its own, measured by
  ``posepyr bench``;
- ``reason``, why nothing can be trained or measured, where that is so;
- ``formerly``, the experiments of earlier releases that the row stands for.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from posepyr.configuration.catalogue import read_yaml

FOLDER = Path(__file__).parent / "papers"

Node = Mapping[str, Any]
Counting = Literal["HRNet", "PyraNet", "PyraNet CIFAR"]
"""The papers' meanings of GFLOPs; ``measurement.complexity`` counts each."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A row's place in its paper."""

    paper: str
    section: str = ""
    table: str = ""
    figure: str = ""
    row: str = ""
    """The paper's label of the row."""

    @property
    def short(self) -> str:
        """The table or figure, or else the section: ``table I``."""
        kinds = (("table", self.table), ("figure", self.figure), ("section", self.section))
        return next((_in_words(kind, text) for kind, text in kinds if text), "")

    @property
    def full(self) -> str:
        """All of it, as ``section IV-A, table I, row M2-D2-W32``."""
        parts = (("section", self.section), ("table", self.table), ("figure", self.figure), ("row", self.row))
        return ", ".join(_in_words(kind, text) for kind, text in parts if text)


@dataclass(frozen=True, kw_only=True)
class PublishedSize:
    """A network's size and cost as a row prints them, and how they are to be counted."""

    parameters: str = ""
    """Millions, as printed; ``>0`` of an order that is only drawn or told."""
    gflops: str = ""
    counting: Counting = "HRNet"
    share: float = 0.0
    """The tolerance of GFLOPs as a share, where that is more than one unit of the last digit."""
    unmet: Mapping[str, str] = field(default_factory=dict)
    """Reasons why ``parameters`` or ``gflops`` cannot be met."""
    remark: str = ""
    network: Node | None = None
    """The network's node, where it is no configuration's."""
    input: tuple[int, int, int] | None = None
    """Channels, height and width that ``network`` takes."""
    against: str | Node = ""
    """The overrides or node of the network that this one is compared with: the figures are then percent more."""

    @property
    def text(self) -> str:
        """Both figures, as ``28.5M parameters, 7.10 GFLOPs`` or ``10% more parameters``; empty for none."""
        units = ("% more ", "% more ") if self.against else ("M ", " ")
        printed = zip((self.parameters, self.gflops), units, ("parameters", "GFLOPs"), strict=True)
        return ", ".join(f"{figure}{unit}{name}" for figure, unit, name in printed if figure)


@dataclass(frozen=True, kw_only=True)
class PaperRow:
    """One row of one table, figure or section."""

    place: Place
    what: str
    experiment: str | None = None
    overrides: tuple[str, ...] = ()
    size: PublishedSize
    scores: Mapping[str, float] = field(default_factory=dict)
    """Published scores by posepyr's own quantities, as ``{"test/pckh": 0.885}``."""
    expected: str = ""
    """Published in words, or scored where posepyr cannot score."""
    score: str = ""
    """The command that takes the scores, where the training itself does not."""
    note: str = ""
    begins: str = ""
    formerly: tuple[str, ...] = ()
    bench: tuple[str, ...] = ()
    """The words of ``posepyr bench`` that measure the row's training or network, the kind first."""
    reason: str = ""
    """The reason why nothing is trained or measured, where that is so."""

    @property
    def trains(self) -> bool:
        """True for a training, False for a speed, a network's size, a comparison of two, or what cannot be trained."""
        return self.experiment is not None and not (self.size.against or self.bench)

    @property
    def counted(self) -> bool:
        """True where a network's size, or one beside another's, is all that is published."""
        return not (self.trains or self.bench or self.reason)

    @property
    def title(self) -> str:
        """``what``, with the input size where it is chosen and not named."""
        sizes = [line.removeprefix("input=") for line in self.overrides if line.startswith("input=")]
        return ", ".join([self.what, *(size for size in sizes if size not in self.what)])

    @property
    def choices(self) -> list[str]:
        """The overrides that compose the row's configuration."""
        return [*([f"experiment={self.experiment}"] if self.experiment else []), *self.overrides]

    @property
    def command(self) -> str:
        """The command that trains, measures or counts the row; empty where there is a reason for none."""
        if self.reason:
            return ""
        if self.trains:
            return shlex.join(["posepyr", "train", *self.choices])
        if self.bench:
            return shlex.join(["posepyr", "bench", self.bench[0], *self.choices, *self.bench[1:]])
        alone = self.size.against or self.size.network
        return shlex.join(["posepyr", "complexity", *([] if alone else self.choices)])

    @property
    def outcome(self) -> str:
        """The published scores, or else the words about them, or else the published size."""
        scores = ", ".join(f"{name} {_digits(value)}" for name, value in self.scores.items())
        return scores or self.expected or self.size.text

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a file: all that is published, and the command."""
        size = {"parameters": self.size.parameters, "gflops": self.size.gflops, "counting": self.size.counting}
        words = {"expected": self.expected, "score": self.score, "begins": self.begins, "note": self.note}
        words["reason"] = self.reason
        return {
            "where": f"{self.place.paper}, {self.place.full}", "what": self.title,
            **(size if self.size.parameters or self.size.gflops else {}),
            "scores": dict(self.scores), **{key: text for key, text in words.items() if text}, "command": self.command,
        }  # fmt: skip


class Paper:
    """A paper's rows, in its own order."""

    def __init__(self, path: Path) -> None:
        content = read_yaml(path)
        self.key = path.stem
        """The name of its file, by which ``posepyr list`` takes it."""
        self.name: str = content["paper"]
        self.title: str = content["title"]
        self.rows = [
            one
            for table in content["tables"]
            for row in table["rows"]
            for one in _rows(self.name, {**{key: value for key, value in table.items() if key != "rows"}, **row})
        ]


@cache
def papers() -> dict[str, Paper]:
    """Return the papers by the names of their files, oldest first."""
    return {name: Paper(FOLDER / f"{name}.yaml") for name in ("pyranet", "mssh", "hrnet", "ppnet")}


def replacement(choice: str) -> str | None:
    """Return the command that trains what an experiment of an earlier release trained, None for any other name."""
    commands = (row.command for paper in papers().values() for row in paper.rows if choice in row.formerly)
    return next(commands, None)


@dataclass(frozen=True)
class _Speed:
    """A published speed: its name, its unit, and the words of ``posepyr bench`` that measure it."""

    name: str
    unit: str
    bench: tuple[str, ...]


_SPEEDS = {
    "samples_a_second": _Speed("training speed", "samples a second", ("train",)),
    "seconds_a_batch": _Speed("inference time", "seconds for a batch of 32", ("model", "--batch", "32")),
}
"""By the key of the row that prints it. PPNet's, the only ones, are of one NVIDIA 2080Ti (section IV)."""


def _rows(paper: str, content: dict[str, Any]) -> Iterator[PaperRow]:
    """Yield a row, and the speed that it prints as a row of its own."""
    speeds = {key: content.pop(key) for key in _SPEEDS if key in content}
    row = _row(paper, content)
    yield row
    for key, published in speeds.items():
        speed = _SPEEDS[key]
        yield PaperRow(
            place=row.place, what=f"{row.what}, {speed.name}", experiment=row.experiment, overrides=row.overrides,
            size=PublishedSize(), expected=f"{published} {speed.unit} on one NVIDIA 2080Ti", bench=speed.bench,
        )  # fmt: skip


def _row(paper: str, content: dict[str, Any]) -> PaperRow:
    """Read a row; TypeError where it has a key that none of the classes knows."""
    if "input" in content:
        content["input"] = tuple(content["input"])
    place = Place(paper=paper, **_taken(content, Place))
    size = PublishedSize(**_taken(content, PublishedSize))
    formerly = content.pop("formerly", ())
    content["formerly"] = (formerly,) if isinstance(formerly, str) else tuple(formerly)
    content["overrides"] = tuple(content.get("overrides", "").split())
    return PaperRow(place=place, size=size, **content)


def _taken(content: dict[str, Any], kind: type[Place | PublishedSize]) -> dict[str, Any]:
    """Take the arguments of a class out of a row."""
    return {one.name: content.pop(one.name) for one in fields(kind) if one.name in content}


def _in_words(kind: str, text: str) -> str:
    """Return ``table I`` for a table's number; sections that are words, as the appendix, stand for themselves."""
    return text if kind == "section" and text.islower() else f"{kind} {text}"


def _digits(value: float) -> str:
    """Write a score with the three or four decimals that papers print."""
    return f"{value:.3f}" if round(value, 3) == value else f"{value:.4f}"
