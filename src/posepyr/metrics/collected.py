"""The one state that all scores share: the predictions of everybody, gathered from all processes."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from posepyr.records import Predictions


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
