"""Several data sets to train on together."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.people import matched
from posepyr.records import Annotation, Source, Split, Truth, View


class Mixture(Source):
    """The training people of several sources, seen with the same joints; validation and testing on one of them.

    ``sources`` has them by name. Joints that a source has under another name or not at all are not labelled in its
    people. ``evaluate_on`` names the source whose ``val`` and ``test`` are taken, by default the first.
    """

    def __init__(self, sources: Mapping[str, Source], joints: Sequence[str], evaluate_on: str | None = None) -> None:
        if not sources:
            raise ValueError("sources must name one or more data sets, got none")
        self.sources, self.joints = dict(sources), tuple(joints)
        self.evaluate_on = next(iter(self.sources)) if evaluate_on is None else evaluate_on
        if self.evaluate_on not in self.sources:
            raise ValueError(f"evaluate_on must be one of {', '.join(self.sources)}, got {self.evaluate_on!r}")
        self._train: Joined | None = None

    def split(self, name: str) -> Split:
        """Return ``train`` of all sources, or any other split of one, read once."""
        if name != "train":
            return matched(self.sources[self.evaluate_on].split(name), self.joints)
        if self._train is None:
            parts = {source: matched(one.split(name), self.joints) for source, one in self.sources.items()}
            self._train = Joined(parts)
        return self._train

    def require_files(self, name: str) -> None:
        chosen = self.sources.values() if name == "train" else [self.sources[self.evaluate_on]]
        for source in chosen:
            source.require_files(name)

    def scored(self, name: str) -> Source:
        """Return the data set that a split is of; ``train`` is of the mixture itself."""
        return self if name == "train" else self.sources[self.evaluate_on]

    def parts(self, name: str) -> Sequence[Source]:
        chosen = self.sources.values() if name == "train" else [self.sources[self.evaluate_on]]
        return [part for source in chosen for part in source.parts(name)]

    def complete(self, name: str, truth: Truth) -> Truth:
        return truth if name == "train" else self.sources[self.evaluate_on].complete(name, truth)


class Joined:
    """Splits with the same joints, one after the other; people are numbered through.

    ``measures`` has whatever one of them has: -1, not a number or an empty text where another does not know it; and
    ``origin``, the name of everybody's split.
    """

    def __init__(self, parts: Mapping[str, Split]) -> None:
        self._parts = tuple(parts.values())
        self._firsts = list(accumulate((len(part) for part in self._parts), initial=0))
        self.joints = self._parts[0].joints
        names = dict.fromkeys(name for part in self._parts for name in part.measures)
        self.measures: Mapping[str, npt.NDArray[Any]] = {
            **{name: _together(name, self._parts) for name in names},
            "origin": np.repeat(np.array(list(parts), np.str_), [len(part) for part in self._parts]),
        }

    def __len__(self) -> int:
        return self._firsts[-1]

    def __getitem__(self, index: int, /) -> Annotation:
        sample = range(len(self))[index]
        part, number = self._locate(sample)
        return part[number]._replace(sample=sample)

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        """Return the picture that the annotation lies in, from the split that it came from."""
        part, number = self._locate(annotation.sample)
        return part.view(annotation._replace(sample=number), scale)

    def _locate(self, sample: int) -> tuple[Split, int]:
        """Return the split that somebody is from, and their number in it."""
        part = bisect_right(self._firsts, sample) - 1
        return self._parts[part], sample - self._firsts[part]


def _together(name: str, parts: Sequence[Split]) -> npt.NDArray[Any]:
    """Join one measure of all people; text where any of it is text."""
    found = [np.asarray(part.measures[name]) if name in part.measures else None for part in parts]
    known = [values for values in found if values is not None]
    kinds = {values.dtype.kind for values in known}
    unknown: Any = "" if kinds - set("iubf") else np.nan if "f" in kinds else -1
    rows = [
        np.full((len(part), *known[0].shape[1:]), unknown) if values is None else values
        for part, values in zip(parts, found, strict=True)
    ]
    return np.concatenate([row.astype(np.str_) if unknown == "" else row for row in rows])
