"""Scores of some joints and people apart: hidden or not, small or large, alone or among others."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from posepyr.metrics.scorer import Asked
from posepyr.records import OCCLUDED, VISIBLE, Predictions, Truth

By = Literal["visibility", "size", "people"]


def groups(found: Predictions, truth: Truth, by: Sequence[By]) -> dict[str, Asked]:
    """Masks ``N K`` of the joints of ``found``'s people, by name.

    ``visibility`` has ``visible`` and ``occluded`` joints; ``size`` the ``small``, ``medium`` and ``large`` thirds of
    the split's people by the diagonal of their boxes; ``people`` those who are ``1``, ``2`` or ``3+`` in their
    picture, of whom the data knows, or else the split.
    """
    visibility = truth.visibility[found.sample]
    everything = np.ones_like(visibility, np.bool_)
    masks: dict[str, Asked] = {}
    for name in by:
        if name == "visibility":
            masks |= {"visibility/visible": visibility == VISIBLE, "visibility/occluded": visibility == OCCLUDED}
            continue
        label, kinds = _sizes(truth) if name == "size" else _company(truth)
        own = label[found.sample]
        masks |= {f"{name}/{kind}": everything & (own == number)[:, None] for number, kind in enumerate(kinds)}
    return masks


def check(by: Sequence[By], key: str) -> None:
    """Raise unless every name is a way to break scores down."""
    for name in by:
        if name not in get_args(By):
            raise ValueError(f"{key} must hold some of {', '.join(get_args(By))}, got {name!r}")


def _sizes(truth: Truth) -> tuple[Asked, list[str]]:
    diagonal = np.linalg.norm(truth.boxes[:, 2:], axis=1)
    limits = np.quantile(diagonal, [1 / 3, 2 / 3]) if len(diagonal) else np.zeros(2)
    return np.searchsorted(limits, diagonal, side="left"), ["small", "medium", "large"]


def _company(truth: Truth) -> tuple[Asked, list[str]]:
    _, picture, count = np.unique(truth.images, return_inverse=True, return_counts=True)
    return np.minimum(truth.measures.get("people", count[picture]), 3) - 1, ["1", "2", "3+"]
