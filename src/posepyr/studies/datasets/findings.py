"""Findings about a data set, each with everything that it concerns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.records import FloatArray, Truth

BoolArray = npt.NDArray[np.bool_]


class Offender(NamedTuple):
    """A person, picture or split that a finding is about."""

    split: str
    value: str
    """The fault, in words."""
    person: int | None = None
    """Number in the split, from 0."""
    picture: str | None = None
    record: str = ""
    """The data set's own numbers."""

    def to_dict(self) -> dict[str, Any]:
        """Return the offender as plain data, without what is not known."""
        return {name: value for name, value in self._asdict().items() if value not in (None, "")}


class Finding(NamedTuple):
    """A kind of error or note, with everything that it concerns."""

    kind: str
    is_error: bool
    """Whether it would stop a training or teach it something wrong; everything else is a note."""
    offenders: Sequence[Offender]

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {
            "kind": self.kind,
            "severity": "error" if self.is_error else "note",
            "count": len(self.offenders),
            "offenders": [offender.to_dict() for offender in self.offenders],
        }


class SplitAnnotations(NamedTuple):
    """A split's annotations, with the sizes of its pictures."""

    name: str
    joints: tuple[str, ...]
    truth: Truth
    sizes: FloatArray
    """``N 2`` ``(height, width)`` of everybody's picture; not a number where it was not looked at."""

    def sized(self, sizes: Mapping[str, tuple[int, int]]) -> "SplitAnnotations":
        """Return the same annotations, with the sizes of their pictures as far as they are known."""
        names, places = np.unique(self.truth.images, return_inverse=True)
        known = np.array([sizes.get(str(name), (np.nan, np.nan)) for name in names], np.float64).reshape(-1, 2)
        return self._replace(sizes=known[places])

    def person(self, index: int, value: str) -> Offender:
        """Return a person as an offender."""
        own = [
            f"{name} {self.truth.measures[name][index]}" for name in ("image", "person") if name in self.truth.measures
        ]
        return Offender(self.name, value, int(index), str(self.truth.images[index]), ", ".join(own))

    def people(self, chosen: BoolArray, values: Sequence[str] | str) -> Iterator[Offender]:
        """Yield the chosen people of ``N`` as offenders, all with the same value or each with their own."""
        for place, index in enumerate(np.flatnonzero(chosen).tolist()):
            yield self.person(index, values if isinstance(values, str) else values[place])


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """Merge findings to one of each kind, errors first, without those that are about nobody."""
    together: dict[tuple[str, bool], list[Offender]] = {}
    for finding in findings:
        together.setdefault((finding.kind, finding.is_error), []).extend(finding.offenders)
    found = [Finding(kind, is_error, offenders) for (kind, is_error), offenders in together.items() if offenders]
    return sorted(found, key=lambda finding: not finding.is_error)
