"""Losses of a stack of heatmaps: squared errors, and the weights of joints and stages."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn


class Loss(nn.Module, ABC):
    """Losses ``S`` of outputs and targets ``B K h w``, one for each supervised output; training minimises their sum.

    A loss of one's own derives from this class and defines :meth:`stage_losses`. ``stage_weights`` weigh the stages,
    by default all alike.
    """

    joint_weights: Tensor
    """Weights ``S K`` given to the joints of the latest batch, for the log; empty where a loss gives none."""

    def __init__(self, stage_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if stage_weights is not None and (not stage_weights or min(stage_weights) < 0 or not any(stage_weights)):
            raise ValueError(
                f"stage_weights must be weights of at least 0, not all of them 0, got {list(stage_weights)}"
            )
        self.stage_weights = stage_weights
        self.joint_weights = torch.zeros(0)

    def forward(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Return the losses ``S``; ``weights`` ``B K`` are the joints' own, 0 leaves one out."""
        losses = self.stage_losses(outputs, targets, weights)
        return losses * self._weights_of(losses)

    @abstractmethod
    def stage_losses(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        """Return the losses ``S`` before they are weighed by stage."""

    def _weights_of(self, losses: Tensor) -> Tensor:
        if self.stage_weights is None:
            return torch.ones_like(losses)
        if len(self.stage_weights) != len(losses):
            raise ValueError(
                f"stage_weights must hold one weight for each of the network's {len(losses)} supervised outputs, got "
                f"{len(self.stage_weights)}"
            )
        return losses.new_tensor(list(self.stage_weights))


class StagedMSE(Loss):
    """Squared error of every supervised output, stages kept apart.

    With ``form`` ``mean`` it is averaged over pixels, joints and batch; a joint of weight 0 adds nothing but still
    counts in the mean. ``halved_sum`` is PyraNet's equation 5: summed over pixels and joints and halved, averaged over
    the batch.

    PyraNet's recipes take its paper's factor, the halved sum, all others the mean, as HRNet's paper has it. The
    releases of HRNet, SimpleBaseline and pytorch-pose halve that mean: for a network of one output
    ``stage_weights=[0.5]`` is theirs.

    RMSProp and Adam divide the factor out, but for weights whose gradients are not far above the optimizer's epsilon of
    1e-8. Of the first weights of two stacks at full size, half of the mean changes the first step of 5 % by more than
    a hundredth under RMSProp (8 % with Pyramid Residual Modules, 2 % of these with multi-branch initialisation), and of
    0.5 to 1 % under Adam; half of the halved sum that of 0.2 % at most.
    """

    def __init__(
        self, form: Literal["mean", "halved_sum"] = "mean", stage_weights: Sequence[float] | None = None
    ) -> None:
        super().__init__(stage_weights)
        self.form = form

    def stage_losses(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        return torch.stack([self._stage(*pair, weights) for pair in zip(outputs, targets, strict=True)])

    def _stage(self, heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        squares = weights[..., None, None] * (heatmaps.float() - target) ** 2
        return squares.mean() if self.form == "mean" else squares.sum() / (2 * len(squares))


class HardJointMSE(Loss):
    """Mean squared error of each person's ``hardest`` joints alone, stages kept apart.

    Chen et al. 2018 (CPN); HRNet's release takes eight of COCO's joints.
    """

    def __init__(self, hardest: int = 8, stage_weights: Sequence[float] | None = None) -> None:
        super().__init__(stage_weights)
        if hardest < 1:
            raise ValueError(f"hardest must be at least 1, got {hardest}")
        self.hardest = hardest

    def stage_losses(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        joints = weights.shape[1]
        if self.hardest > joints:
            raise ValueError(f"hardest must be at most the skeleton's {joints} joints, got {self.hardest}")
        errors = [joint_errors(*pair, weights) for pair in zip(outputs, targets, strict=True)]  # B K each
        return torch.stack([error.topk(self.hardest, dim=1).values.mean() for error in errors])


SMALLEST = 1e-12
"""Least divisor of shares."""

LOWEST, HIGHEST = 1e-4, 0.5 - 1e-4
"""Bounds of a stage's mean share: beyond a half the rule would be inverted and weigh the easy joints up."""


class AdaptiveMSE(Loss):
    """MSSH's adaptive joint weights: joints that one stage finds hard weigh more in the next.

    MSSH, equations 3 to 6: ``w`` is ``1 / N`` at the first stage; ``alpha = L / (1 - L)`` with ``L`` the weighted mean
    of the joints' losses, and ``w`` is multiplied by ``alpha ** (1 - L_i)`` and normalised for the next. A stage's
    loss is the weighted sum of its joints' mean squared errors.

    The equations need losses between 0 and 1, which sums of squares are not: the weights are computed from shares
    (a reading). ``share`` ``sum`` takes ``L_i / sum L``, ``max`` AdaBoost.R2's ``L_i / max L``. The sentence after
    equation 6, by which easy joints would gain, contradicts the formula and section 4.2 and is not followed. Weights
    begin anew with every batch. A joint that no person of the batch has keeps its weight.
    """

    def __init__(self, share: Literal["sum", "max"] = "sum", stage_weights: Sequence[float] | None = None) -> None:
        super().__init__(stage_weights)
        self.share = share

    def stage_losses(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        counts = (weights > 0).sum(dim=0)  # K
        pairs = zip(outputs, targets, strict=True)
        per_joint = torch.stack(
            [joint_errors(*pair, weights).sum(dim=0) / counts.clamp(min=1) for pair in pairs]
        )  # S K
        self.joint_weights = self.weigh(per_joint.detach(), counts > 0)
        return (self.joint_weights.to(per_joint.dtype) * per_joint).sum(dim=1)

    def weigh(self, losses: Tensor, present: Tensor) -> Tensor:
        """Return the weights ``S K`` of joints with losses ``S K``; joints not ``present`` ``K`` keep theirs."""
        joints = losses.shape[1]
        log_weights = torch.full((joints,), -math.log(joints), dtype=torch.float64, device=losses.device)
        weights = [log_weights.exp()]
        for stage in losses[:-1].double():
            shares = self._shares(stage, present)
            mean = (weights[-1] * shares).sum().clamp(LOWEST, HIGHEST)
            # In logarithms, where a product of many stages does not vanish.
            log_weights = torch.log_softmax(log_weights + (1 - shares) * (mean / (1 - mean)).log(), dim=0)
            weights.append(log_weights.exp())
        return torch.stack(weights)

    def _shares(self, losses: Tensor, present: Tensor) -> Tensor:
        known = losses[present]
        if not len(known):
            return torch.zeros_like(losses)
        whole = known.sum() if self.share == "sum" else known.max()
        shares = losses / whole.clamp(min=SMALLEST)
        return torch.where(present, shares, shares[present].mean())


def joint_errors(heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean squared errors ``B K`` of heatmaps ``B K h w``."""
    return weights * ((heatmaps.float() - target) ** 2).mean(dim=(2, 3))
