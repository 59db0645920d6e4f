"""Weights by their names: which of them a network has a place for, and which places stay empty."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

State = Mapping[str, Tensor]

SHOWN = 8
"""How many keys of a kind are named."""


class Report(NamedTuple):
    """What became of the keys: ``missing`` in the network's words, all others in the file's."""

    matched: list[str]
    missing: list[str]
    unexpected: list[str]
    reshaped: list[str]
    """With both shapes."""
    left_out: Sequence[str] = ()
    """A classifier's, which a pose network has no use for."""
    counters: Sequence[str] = ()
    """Missing counters of batch norms, set to 0."""

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} matched"]
        for name in ("missing", "unexpected", "reshaped"):
            keys: list[str] = getattr(self, name)
            more = ", ..." if len(keys) > SHOWN else ""
            parts.append(f"{len(keys)} {name}" + (f" ({', '.join(keys[:SHOWN])}{more})" if keys else ""))
        return ", ".join(parts)


def compare(state: State, expected: State, words: Mapping[str, str] | None = None) -> Report:
    """A file's weights, under the network's own names, held against those that the network has.

    ``words`` are the names in the file, where they are others.
    """
    report = Report([], [key for key in expected if key not in state], [], [])
    for key, value in state.items():
        name = key if words is None else words[key]
        if key not in expected:
            report.unexpected.append(name)
        elif expected[key].shape != value.shape:
            report.reshaped.append(f"{name} is {spell_shape(value)}, not {spell_shape(expected[key])}")
        else:
            report.matched.append(name)
    return report


def spell_shape(tensor: Tensor) -> str:
    """As ``64 x 3 x 3 x 3``."""
    return " x ".join(map(str, tensor.shape)) or "a single number"
