"""Losses of a stack of heatmaps: squared errors, and the weights of joints and stages."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, get_args

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


Form = Literal["mean", "pixel_sum", "halved_sum"]
"""Forms of the squared error; see :class:`SquaredLoss`."""


class SquaredLoss(Loss):
    """Squared errors of heatmaps in a ``form``, averaged over the people of the batch.

    ``mean`` averages over pixels and joints: the mean squared error that HRNet's paper names, and that PPNet and
    SimpleBaseline train with. ``pixel_sum`` sums over pixels and averages over joints: MSSH's equations 2 and 3.
    ``halved_sum`` sums over both and halves: PyraNet's equation 5.

    **Outputs of one size**: the forms differ by one factor. RMSProp and Adam divide a factor out, but for weights whose
    gradients are not far above the optimizer's epsilon of 1e-8. Of the first weights of two stacks at full size, half
    of the mean changes the first step of 5 % by more than a hundredth under RMSProp (8 % with Pyramid Residual
    Modules, 2 % of these with multi-branch initialisation), and of 0.5 to 1 % under Adam; half of the halved sum that
    of 0.2 % at most. SGD, an optimizer's ``weight_decay`` (but AdamW's) and clipped gradients see all of it.

    **Outputs of several sizes**: a wrong cell weighs the same in a map of any size in the sums, while the mean divides
    it by the map's cells. Of MSSH's stages at 32, 64 and 128 pixels the last, which predicts, weighs a sixteenth of the
    first in the mean. No optimizer divides that out of the weights that stages share: of the gradient norms of MSSH's
    eight stages at its trunk, untrained, the two at 128 pixels have 8 % in the mean and 36 % in the sum. Half of the
    mean changes the first step of 12 % of its weights under RMSProp, half of the sum that of 0.2 %. MSSH sums, as its
    paper prints. HRNet with heatmaps of several resolutions takes the mean, as its paper names it. A network of one's
    own should sum, unless its small maps are meant to lead.
    """

    def __init__(self, form: Form, stage_weights: Sequence[float] | None) -> None:
        super().__init__(stage_weights)
        if form not in get_args(Form):
            raise ValueError(f"form must be mean, pixel_sum or halved_sum, got {form}")
        self.form = form

    def factor(self, heatmaps: Tensor, joints: int) -> float:
        """Return what the mean over the pixels of ``heatmaps`` and over ``joints`` is multiplied with in this form."""
        pixels = heatmaps.shape[-2] * heatmaps.shape[-1]
        return {"mean": 1.0, "pixel_sum": float(pixels), "halved_sum": joints * pixels / 2}[self.form]


class StagedMSE(SquaredLoss):
    """Squared error of every supervised output, stages kept apart.

    A joint of weight 0 adds nothing but still counts in the mean over joints. The releases of HRNet, SimpleBaseline and
    pytorch-pose halve the mean: for a network of one output ``stage_weights=[0.5]`` is theirs.
    """

    def __init__(self, form: Form = "mean", stage_weights: Sequence[float] | None = None) -> None:
        super().__init__(form, stage_weights)

    def stage_losses(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        return torch.stack([self._stage(*pair, weights) for pair in zip(outputs, targets, strict=True)])

    def _stage(self, heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        squares = weights[..., None, None] * (heatmaps.float() - target) ** 2
        if self.form == "halved_sum":
            # Rather than a factor times the mean: a training that was begun so goes on to the last bit.
            return squares.sum() / (2 * len(squares))
        return self.factor(heatmaps, weights.shape[1]) * squares.mean()


class HardJointMSE(SquaredLoss):
    """Squared error of each person's ``hardest`` joints alone, stages kept apart; the others count in no mean or sum.

    Chen et al. 2018 (CPN), section 3.2.2; HRNet's release takes eight of COCO's joints. With ``mined`` ``last`` they
    are chosen for the prediction alone, and the outputs before it have the mean over all joints: CPN's GlobalNet.
    """

    def __init__(
        self,
        hardest: int = 8,
        stage_weights: Sequence[float] | None = None,
        form: Form = "mean",
        mined: Literal["all", "last"] = "all",
    ) -> None:
        super().__init__(form, stage_weights)
        if hardest < 1:
            raise ValueError(f"hardest must be at least 1, got {hardest}")
        if mined not in ("all", "last"):
            raise ValueError(f"mined must be all or last, got {mined}")
        self.hardest = hardest
        self.mined = mined

    def stage_losses(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        joints = weights.shape[1]
        if self.hardest > joints:
            raise ValueError(f"hardest must be at most the skeleton's {joints} joints, got {self.hardest}")
        plain = len(outputs) - 1 if self.mined == "last" else 0
        counts = [joints] * plain + [self.hardest] * (len(outputs) - plain)
        stages = zip(outputs, targets, counts, strict=True)
        return torch.stack([self._stage(heatmaps, target, weights, count) for heatmaps, target, count in stages])

    def _stage(self, heatmaps: Tensor, target: Tensor, weights: Tensor, count: int) -> Tensor:
        hardest = joint_errors(heatmaps, target, weights).topk(count, dim=1).values
        return self.factor(heatmaps, count) * hardest.mean()


SMALLEST = 1e-12
"""Least divisor of shares."""

LOWEST, HIGHEST = 1e-4, 0.5 - 1e-4
"""Bounds of a stage's mean share: beyond a half the rule would be inverted and weigh the easy joints up."""


class AdaptiveMSE(SquaredLoss):
    """MSSH's adaptive joint weights: joints that one stage finds hard weigh more in the next.

    MSSH, equations 2 to 6: a joint's loss is the sum over pixels of its squared errors, averaged over the people of the
    batch who have it (a reading); ``w`` is ``1 / N`` at the first stage; ``alpha = L / (1 - L)`` with ``L`` the
    weighted mean of the joints' losses, and ``w`` is multiplied by ``alpha ** (1 - L_i)`` and normalised for the next.
    A stage's loss is the weighted sum of its joints'.

    Equations 4 to 6 need losses between 0 and 1, which sums of squares are not: the weights are computed from shares
    (a reading), which no ``form`` changes. ``share`` ``sum`` takes ``L_i / sum L``, ``max`` AdaBoost.R2's
    ``L_i / max L``. The sentence after equation 6, by which easy joints would gain, contradicts the formula and section
    4.2 and is not followed. Weights begin anew with every batch. A joint that no person of the batch has keeps its
    weight.
    """

    def __init__(
        self,
        share: Literal["sum", "max"] = "sum",
        stage_weights: Sequence[float] | None = None,
        form: Form = "pixel_sum",
    ) -> None:
        super().__init__(form, stage_weights)
        self.share = share

    def stage_losses(self, outputs: Sequence[Tensor], targets: Sequence[Tensor], weights: Tensor) -> Tensor:
        counts = (weights > 0).sum(dim=0)  # K
        per_joint = torch.stack(
            [
                self.factor(heatmaps, len(counts)) * joint_errors(heatmaps, target, weights).sum(dim=0)
                for heatmaps, target in zip(outputs, targets, strict=True)
            ]
        ) / counts.clamp(min=1)  # S K
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
