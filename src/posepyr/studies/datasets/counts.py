"""How many people, pictures or videos a data set has, as its makers or those who trained on it say."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from posepyr.data.sources.lsp import EXTENDED, LSP
from posepyr.data.sources.mpii import PUBLISHED as MPII


class Published(NamedTuple):
    """A count that was published."""

    number: int
    unit: str
    """``people``, ``pictures`` or ``videos``."""
    source: str


_HRNET = "the HRNet release, which leaves out the same people"
_AI_CHALLENGER = "Wu et al. 2017: of 300,000, 70% to train on, 10% to validate on"
_VIDEOS = "PoseTrack 2018, as of Liu et al. 2021 (DCPose), section 4.1"
_EARLIER = "PoseTrack 2017, as of HRNet, section 4.3"
_KRIZHEVSKY = "Krizhevsky 2009"
_ILSVRC = "Russakovsky et al. 2015, ILSVRC 2012"

PUBLISHED: dict[tuple[str, str], tuple[Published, ...]] = {
    ("Coco", "train2017"): (Published(149813, "people", _HRNET),),
    ("Coco", "val2017"): (Published(6352, "people", _HRNET),),
    **{("Mpii", part): (Published(count, "people", "the HRNet release"),) for part, count in MPII.items()},
    ("Lsp", f"{LSP.name} train"): (Published(1000, "people", "Johnson and Everingham 2010"),),
    ("Lsp", f"{LSP.name} test"): (Published(1000, "people", "Johnson and Everingham 2010"),),
    ("Lsp", f"{EXTENDED.name} train"): (Published(10000, "people", "Johnson and Everingham 2011"),),
    ("PoseTrack", "train"): (Published(593, "videos", _VIDEOS), Published(292, "videos", _EARLIER)),
    ("PoseTrack", "val"): (Published(170, "videos", _VIDEOS), Published(50, "videos", _EARLIER)),
    ("AIChallenger", "train"): (Published(210000, "pictures", _AI_CHALLENGER),),
    ("AIChallenger", "val"): (Published(30000, "pictures", _AI_CHALLENGER),),
    ("Cifar10", "train"): (Published(50000, "pictures", _KRIZHEVSKY),),
    ("Cifar10", "test"): (Published(10000, "pictures", _KRIZHEVSKY),),
    ("ImageFolder", "train"): (Published(1281167, "pictures", _ILSVRC),),
    ("ImageFolder", "val"): (Published(50000, "pictures", _ILSVRC),),
}
"""By the class that reads a data set and what a split is called in it: one of these there should be."""


class Part(NamedTuple):
    """A split of one source: of a mixture's training split there are several."""

    source: Any
    name: str
    split: Any


def parts(source: Any, name: str, split: Any) -> list[Part]:
    """The splits that a split is put together from."""
    sources: Mapping[str, Any] | None = getattr(source, "sources", None)
    if sources is None:
        return [Part(source, name, split)]
    chosen = sources.values() if name == "train" else [sources[source.evaluate_on]]
    return [part for one in chosen for part in parts(one, name, one.split(name))]


def miscounts(part: Part) -> Iterator[str]:
    """What there is otherwise than published, in words."""
    published = PUBLISHED.get((type(part.source).__name__, _called(part)), ())
    found = {one.unit: _count(part.split, one.unit) for one in published}
    if published and all(found[one.unit] != one.number for one in published):
        counted = " and ".join(f"{count:,} {unit}" for unit, count in found.items())
        stated = " or ".join(f"{one.number:,} ({one.source})" for one in published)
        yield f"{counted}, published {stated}"


def _called(part: Part) -> str:
    """What the data set calls a split; nothing where the user chose who is in it."""
    source, splits = part.source, getattr(part.source, "splits", {})
    if hasattr(source, "layout"):
        return "" if splits else f"{source.layout.name} {part.name}"
    if getattr(source, "detections", None) and part.name != "train":
        return ""
    if getattr(source, "held_out", 0) and part.name != "test":
        return ""
    return str(splits.get(part.name, part.name))


def _count(split: Any, unit: str) -> int:
    if unit == "videos":
        return len({frame.video for frame in split.frames})
    if unit == "pictures" and hasattr(split, "joints"):
        return len({split[index].image for index in range(len(split))})
    return len(split)
