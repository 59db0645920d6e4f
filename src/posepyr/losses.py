"""What a stack of heatmaps is trained on: squared errors, and how joints and stages are weighed."""

import math
from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

Form = Literal["mean", "halved_sum"]


class Loss(Protocol):
    """The losses ``S`` of outputs and targets ``B K h w``, by stage; their sum is what is minimised.

    ``weights`` ``B K`` are the joints' own: 0 leaves one out.
    """

    def __call__(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor: ...


class StagedMSE(nn.Module):
    """Squared error of every supervised output, stages kept apart.

    With ``form`` ``mean`` it is averaged over pixels, joints and batch, as the releases do; a joint of weight 0 adds
    nothing but still counts in the mean. ``halved_sum`` is PyraNet's equation 5: summed over pixels and joints and
    halved, averaged over the batch. RMSProp and Adam do not see the factor between the two. ``stage_weights`` weigh
    the stages, by default all alike.
    """

    def __init__(self, form: Form = "mean", stage_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        _check_stages(stage_weights)
        self.form, self.stage_weights = form, stage_weights

    def forward(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        losses = torch.stack([self._stage(*pair, weights) for pair in zip(outputs, targets, strict=True)])
        return losses * by_stage(losses, self.stage_weights)

    def _stage(self, heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        squares = weights[..., None, None] * (heatmaps.float() - target) ** 2
        return squares.mean() if self.form == "mean" else squares.sum() / (2 * len(squares))


class HardJointMSE(nn.Module):
    """The mean squared error of each person's ``hardest`` joints alone, stages kept apart.

    Chen et al. 2018 (CPN); HRNet's release takes eight of COCO's joints.
    """

    def __init__(self, hardest: int = 8, stage_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if hardest < 1:
            raise ValueError(f"loss.hardest must be at least 1, got {hardest}")
        _check_stages(stage_weights)
        self.hardest, self.stage_weights = hardest, stage_weights

    def forward(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        joints = weights.shape[1]
        if self.hardest > joints:
            raise ValueError(f"loss.hardest must be at most the skeleton's {joints} joints, got {self.hardest}")
        errors = [joint_errors(*pair, weights) for pair in zip(outputs, targets, strict=True)]  # B K each
        losses = torch.stack([error.topk(self.hardest, dim=1).values.mean() for error in errors])
        return losses * by_stage(losses, self.stage_weights)


SMALLEST = 1e-12
"""What shares are divided by at least."""

LOWEST, HIGHEST = 1e-4, 0.5 - 1e-4
"""Of a stage's mean share: beyond a half the rule would turn round and weigh the easy joints up."""


class AdaptiveMSE(nn.Module):
    """MSSH's adaptive joint weights: what one stage finds hard weighs more in the next.

    MSSH, equations 3 to 6: ``w`` is ``1 / N`` at the first stage; ``alpha = L / (1 - L)`` with ``L`` the weighted mean
    of the joints' losses, and ``w`` is multiplied by ``alpha ** (1 - L_i)`` and normalised for the next. A stage's
    loss is the weighted sum of its joints' mean squared errors.

    The equations need losses between 0 and 1, which sums of squares are not: the weights are computed from shares
    (a reading). ``share`` ``sum`` takes ``L_i / sum L``, ``max`` AdaBoost.R2's ``L_i / max L``. The sentence after
    equation 6, by which easy joints would gain, contradicts the formula and section 4.2 and is not followed. Weights
    begin anew with every batch. A joint that nobody in the batch has keeps its weight. ``joint_weights`` ``S K`` are
    those of the latest batch.
    """

    def __init__(self, share: Literal["sum", "max"] = "sum", stage_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        _check_stages(stage_weights)
        self.share, self.stage_weights = share, stage_weights
        self.joint_weights = torch.zeros(0)

    def forward(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        seen = (weights > 0).sum(dim=0)  # K
        per_joint = torch.stack(
            [joint_errors(*pair, weights).sum(dim=0) / seen.clamp(min=1) for pair in zip(outputs, targets, strict=True)]
        )  # S K
        self.joint_weights = self.weigh(per_joint.detach(), seen > 0)
        losses = (self.joint_weights.to(per_joint.dtype) * per_joint).sum(dim=1)
        return losses * by_stage(losses, self.stage_weights)

    def weigh(self, losses: Tensor, present: Tensor) -> Tensor:
        """The weights ``S K`` of joints whose losses are ``S K``; those that are not ``present`` ``K`` keep theirs."""
        joints = losses.shape[1]
        log_weights = torch.full((joints,), -math.log(joints), dtype=torch.float64, device=losses.device)
        found = [log_weights.exp()]
        for stage in losses[:-1].double():
            shares = self._shares(stage, present)
            mean = (found[-1] * shares).sum().clamp(LOWEST, HIGHEST)
            # In logarithms, where a product of many stages does not vanish.
            log_weights = torch.log_softmax(log_weights + (1 - shares) * (mean / (1 - mean)).log(), dim=0)
            found.append(log_weights.exp())
        return torch.stack(found)

    def _shares(self, losses: Tensor, present: Tensor) -> Tensor:
        known = losses[present]
        if not len(known):
            return torch.zeros_like(losses)
        whole = known.sum() if self.share == "sum" else known.max()
        shares = losses / whole.clamp(min=SMALLEST)
        return torch.where(present, shares, shares[present].mean())


def joint_errors(heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean squared errors ``B K`` of heatmaps ``B K h w``."""
    return weights * ((heatmaps.float() - target) ** 2).mean(dim=(2, 3))


def by_stage(losses: Tensor, weights: Sequence[float] | None) -> Tensor:
    """The stages' weights ``S``."""
    if weights is None:
        return torch.ones_like(losses)
    if len(weights) != len(losses):
        raise ValueError(
            f"loss.stage_weights must hold one weight for each of the network's {len(losses)} supervised outputs, "
            f"got {len(weights)}"
        )
    return losses.new_tensor(list(weights))


def _check_stages(weights: Sequence[float] | None) -> None:
    if weights is not None and (not weights or min(weights) < 0 or not any(weights)):
        raise ValueError(f"loss.stage_weights must be weights of at least 0, not all of them 0, got {list(weights)}")
