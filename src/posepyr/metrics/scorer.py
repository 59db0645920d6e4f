"""The interface of all scores, and the groups of joints and people that they are broken down by."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchmetrics import Metric

from posepyr.metrics.functional import Mask
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray, Predictions, Truth

By = Literal["visibility", "size", "people"]
"""Ways to break scores down."""

KINDS: dict[By, tuple[str, ...]] = {
    "visibility": ("visible", "occluded"), "size": ("small", "medium", "large"), "people": ("1", "2", "3+"),
}  # fmt: skip
"""The groups that each way makes."""


class Scorer(ABC):
    """A score: a function of predictions and truth, built with the ``skeleton`` that both have.

    Only the call has to be written. The other methods say more where there is more to say: ``protocol`` is printed
    beside the score, ``measure`` and ``unit`` give the error curve, and ``hits`` the comparison of two results.
    """

    @abstractmethod
    def __call__(self, predictions: Predictions, truth: Truth, mask: Mask | None = None) -> dict[str, float]:
        """Return scores by name, as ``pck`` and ``pck/wrist``, without those that nothing was measured for.

        ``mask`` ``N K`` chooses among the labelled joints of the predicted people; all count without one.
        """

    def check_truth(self, truth: Truth) -> None:  # noqa: B027  most scores take nothing more
        """Raise where data lacks what the score takes beside the joints: before a training as well as in the call."""

    @property
    def score_names(self) -> tuple[str, ...] | None:
        """Name all scores that a call may return, so that a misspelt one is found at once; None if that is unknown."""
        return None

    @property
    def protocol(self) -> str:
        """Say in one line what counts as found, and what is a mean of what; nothing by default."""
        return ""

    @property
    def needs_occlusion(self) -> bool:
        """Return True if the score says nothing where annotations cannot tell occluded joints from visible ones."""
        return False

    @property
    def unit(self) -> str:
        """Name what distances are shares of, as ``size of the head``."""
        return ""

    def measure(self, predictions: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray] | None:
        """Return distances ``N K`` from the truth in pixels and each person's unit ``N``; None without distances."""
        return None

    @property
    def targets(self) -> tuple[str, ...]:
        """Name the columns of ``hits``, joints or limbs; none where a score is no mean over them."""
        return ()

    def hits(self, predictions: Predictions, truth: Truth) -> FloatArray:
        """Return 1 where one of the ``targets`` was found ``N C``, 0 where not, and NaN where it does not count."""
        raise NotImplementedError(f"{type(self).__name__} does not say of each joint whether it was found")


def labelled(predictions: Predictions, truth: Truth, mask: Mask | None = None) -> Mask:
    """Return the labelled joints ``N K`` of the predicted people, or those among them that ``mask`` chooses."""
    known: Mask = truth.visibility[predictions.sample] != NOT_LABELLED
    return known if mask is None else known & mask


def groups(predictions: Predictions, truth: Truth, by: Sequence[By]) -> dict[str, Mask]:
    """Return masks ``N K`` of the predicted people's joints, by the name of the group.

    ``visibility`` has ``visible`` and ``occluded`` joints; ``size`` the ``small``, ``medium`` and ``large`` thirds of
    the split's people by the diagonal of their boxes; ``people`` those who are ``1``, ``2`` or ``3+`` in their
    picture, by the data set's own count or else by the split's.
    """
    visibility = truth.visibility[predictions.sample]
    masks: dict[str, Mask] = {}
    for name in by:
        if name == "visibility":
            masks |= dict(zip(group_names([name]), (visibility == VISIBLE, visibility == OCCLUDED), strict=True))
            continue
        number = _sizes(truth) if name == "size" else _company(truth)
        own = number[predictions.sample][:, None]
        everything = np.ones_like(visibility, np.bool_)
        masks |= {group: everything & (own == index) for index, group in enumerate(group_names([name]))}
    return masks


def group_names(by: Sequence[By]) -> list[str]:
    """Return the names of all groups, as ``size/small``."""
    return [f"{name}/{kind}" for name in by for kind in KINDS[name]]


def check_groups(by: Sequence[By]) -> None:
    """Raise unless every name is a way to break scores down."""
    for name in by:
        if name not in get_args(By):
            raise ValueError(f"by must hold some of {', '.join(get_args(By))}, got {name!r}")


def _sizes(truth: Truth) -> npt.NDArray[np.int64]:
    diagonal = np.linalg.norm(truth.boxes[:, 2:], axis=1)
    limits = np.quantile(diagonal, [1 / 3, 2 / 3]) if len(diagonal) else np.zeros(2)
    return np.asarray(np.searchsorted(limits, diagonal, side="left"), np.int64)


def _company(truth: Truth) -> npt.NDArray[np.int64]:
    _, picture, count = np.unique(truth.images, return_inverse=True, return_counts=True)
    return np.asarray(np.minimum(truth.measures.get("people", count[picture]), 3) - 1, np.int64)


class Collected(Metric):
    """Predictions by the numbers of their people, gathered from all processes.

    Scores are functions of all predictions, so this is all that has to be gathered. A person who was predicted twice
    counts once, so that a score does not depend on how the people were shared out among processes.
    """

    full_state_update = False
    sample: list[Tensor]
    keypoints: list[Tensor]
    scores: list[Tensor]
    visibility: list[Tensor]

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        for name in ("sample", "keypoints", "scores", "visibility"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, sample: Tensor, keypoints: Tensor, scores: Tensor, visibility: Tensor | None = None) -> None:
        """Add people ``B``: keypoints ``B S K 2`` in image pixels, by stage of the network, and scores ``B S K``.

        ``visibility`` ``B S K`` must come with every call or with none.
        """
        self.sample.append(sample)
        self.keypoints.append(keypoints.double())
        self.scores.append(scores.double())
        if visibility is not None:
            self.visibility.append(visibility)

    def compute(self) -> list[Predictions]:
        """Return all predictions by rising number of the person: one entry a stage, the final prediction last."""
        number, keypoints, scores = (self._whole(state) for state in (self.sample, self.keypoints, self.scores))
        order = torch.argsort(number, stable=True)
        first = torch.ones_like(order, dtype=torch.bool)
        first[1:] = number[order][1:] != number[order][:-1]
        chosen = order[first]
        stages = zip(keypoints[chosen].unbind(1), scores[chosen].unbind(1), strict=True)
        found = [Predictions(number[chosen].numpy(), positions.numpy(), peaks.numpy()) for positions, peaks in stages]
        if not len(self.visibility):
            return found
        states = self._whole(self.visibility)[chosen].unbind(1)
        return [one._replace(visibility=state.numpy()) for one, state in zip(found, states, strict=True)]

    @staticmethod
    def _whole(state: list[Tensor] | Tensor) -> Tensor:
        # After a reduction over processes a state is one tensor already, no list of them.
        joined = torch.cat(state) if isinstance(state, list) and state else state
        return joined.cpu() if isinstance(joined, Tensor) else torch.zeros(0)
