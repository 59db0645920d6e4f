"""Losses against sums by hand."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from posepyr.codec import Codec
from posepyr.initialisation.schemes import fan_of, fill, layers_of
from posepyr.losses import AdaptiveMSE, HardJointMSE, StagedMSE
from posepyr.models.hourglass import StackedHourglass
from posepyr.nodes import as_before, build


def case(people: int = 3, joints: int = 4) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = ((4, 3), (8, 6))
    outputs = [torch.rand(people, joints, *size, generator=generator) for size in sizes]
    targets = [torch.rand(people, joints, *size, generator=generator) for size in sizes]
    weights = torch.tensor([[1.0, 1.0, 0.0, 2.0]] * people)
    return outputs, targets, weights


def naive_sum(output: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> float:
    total = 0.0
    for b, person in enumerate(output.tolist()):
        for k, heatmap in enumerate(person):
            for i, row in enumerate(heatmap):
                for j, value in enumerate(row):
                    total += weights[b, k].item() * (value - target[b, k, i, j].item()) ** 2
    return total


def test_the_mean_and_the_papers_sums() -> None:
    outputs, targets, weights = case()
    for stage, (output, target) in enumerate(zip(outputs, targets, strict=True)):
        total = naive_sum(output, target, weights)
        for form, expected in (
            ("mean", total / output.numel()),
            ("pixel_sum", total / 3 / 4),
            ("halved_sum", total / 2 / 3),
        ):
            assert StagedMSE(form)(outputs, targets, weights)[stage].item() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(StagedMSE()(outputs, targets, weights), StagedMSE("mean")(outputs, targets, weights))


LOSSES = {
    "staged": StagedMSE,
    "hard joints": partial(HardJointMSE, hardest=4),
    "adaptive, first stage": AdaptiveMSE,
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_forms_are_the_same_in_every_loss(loss: Any) -> None:
    """Of joints that all have and that all weigh the same, whatever chooses or weighs joints further down."""
    outputs, targets, _ = case()
    weights = torch.ones(3, 4)
    total = naive_sum(outputs[0], targets[0], weights)
    for form, expected in (("mean", total / 3 / 4 / 12), ("pixel_sum", total / 3 / 4), ("halved_sum", total / 2 / 3)):
        assert loss(form=form)(outputs, targets, weights)[0].item() == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match=r"form must be mean, pixel_sum or halved_sum, got sum"):
        loss(form="sum")


def wrong_cells(sizes: Any) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
    """Maps of five joints, each off by 1 in one cell."""
    outputs = [torch.zeros(2, 5, size, size) for size in sizes]
    for output in outputs:
        output[..., 1, 2] = 1.0
    return outputs, [torch.zeros_like(output) for output in outputs], torch.ones(2, 5)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_wrong_cell_weighs_the_same_in_maps_of_all_sizes_where_pixels_are_summed(loss: Any) -> None:
    pixels = wrong_cells((32, 64, 128))
    mean = loss(form="mean")(*pixels)
    assert (mean / mean[0]).tolist() == pytest.approx([1, 1 / 4, 1 / 16])
    for form, expected in (("pixel_sum", 1.0), ("halved_sum", 2.5 * (4 / 5 if loss is LOSSES["hard joints"] else 1))):
        assert loss(form=form)(*pixels).tolist() == pytest.approx([expected] * 3)


def test_half_of_the_mean_is_the_factor_of_hrnets_release() -> None:
    outputs, targets, _ = case()
    weights = torch.tensor([[1.0, 1.0, 0.0, 1.0]] * 3)
    release = sum(
        0.5 * naive_sum(outputs[0][:, k : k + 1], targets[0][:, k : k + 1], weights[:, k : k + 1]) / (3 * 4 * 3)
        for k in range(4)
    ) / 4  # fmt: skip
    halved = StagedMSE(stage_weights=[0.5])(outputs[:1], targets[:1], weights)
    assert halved.tolist() == pytest.approx([release], rel=1e-5)
    assert "stage_weights=[0.5]" in (StagedMSE.__doc__ or "")


OPTIMISERS = {
    "rmsprop": partial(torch.optim.RMSprop, lr=1.0),
    "adam": partial(torch.optim.Adam, lr=1.0),
    "sgd": partial(torch.optim.SGD, lr=1.0),
}


@pytest.mark.parametrize(
    ("optimiser", "form", "least", "most"),
    [
        ("rmsprop", "mean", 0.02, 0.1), ("adam", "mean", 0.002, 0.05), ("sgd", "mean", 0.99, 1),
        ("rmsprop", "halved_sum", 0, 0.02), ("adam", "halved_sum", 0, 0.005),
        ("rmsprop", "pixel_sum", 0, 0.02), ("adam", "pixel_sum", 0, 0.02), ("sgd", "pixel_sum", 0.99, 1),
    ],
)  # fmt: skip
def test_how_many_weights_see_half_of_the_loss(optimiser: str, form: Any, least: float, most: float) -> None:
    """The share of an hourglass's first weights whose first step changes by more than a hundredth of itself."""
    model = StackedHourglass(16, stacks=1, depth=2, width=32)
    fill(model, {name: 2 / fan_of(layer).inputs for name, layer in layers_of(model).items()}, seeded(0))
    image = torch.randint(0, 256, (2, 3, 128, 128), generator=seeded(1), dtype=torch.uint8)
    target = Codec().encode(128 * torch.rand(2, 16, 2, generator=seeded(2)), (128, 128), (32, 32))
    loss = StagedMSE(form)(model(image), [target], torch.ones(2, 16)).sum()
    gradients = torch.cat([slope.flatten() for slope in torch.autograd.grad(loss, list(model.parameters()))])
    whole, half = (first_step(OPTIMISERS[optimiser], factor * gradients) for factor in (1.0, 0.5))
    share = ((whole - half).abs() > 0.01 * whole.abs()).double().mean().item()
    assert least <= share <= most


def first_step(optimiser: Any, gradients: torch.Tensor) -> torch.Tensor:
    weights = torch.nn.Parameter(torch.zeros_like(gradients))
    weights.grad = gradients
    optimiser([weights]).step()
    return weights.detach()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("loss", [StagedMSE, HardJointMSE, AdaptiveMSE])
def test_stages_can_be_weighed(loss) -> None:
    arguments = {"hardest": 2} if loss is HardJointMSE else {}
    plain = loss(**arguments)(*case())
    weighed = loss(**arguments, stage_weights=[0.5, 2.0])(*case())
    torch.testing.assert_close(weighed, plain * torch.tensor([0.5, 2.0]))
    with pytest.raises(ValueError, match=r"stage_weights must hold one weight for each of the network's 2"):
        loss(**arguments, stage_weights=[1.0])(*case())
    with pytest.raises(ValueError, match=r"stage_weights must be weights of at least 0"):
        loss(**arguments, stage_weights=[0.0, 0.0])


def test_only_the_hardest_joints_of_each_person_count() -> None:
    outputs, targets, weights = case()
    losses = HardJointMSE(hardest=2)(outputs, targets, weights)
    for stage, (output, target) in enumerate(zip(outputs, targets, strict=True)):
        total = 0.0
        for person in range(3):
            errors = [
                naive_sum(output[person, k][None, None], target[person, k][None, None], weights[person, k].view(1, 1))
                / output[0, 0].numel()
                for k in range(4)
            ]
            total += sum(sorted(errors)[-2:]) / 2
        assert losses[stage].item() == pytest.approx(total / 3, rel=1e-5)
    with pytest.raises(ValueError, match=r"hardest must be at most the skeleton's 4 joints, got 8"):
        HardJointMSE()(outputs, targets, weights)


def test_the_last_stage_alone_can_be_mined() -> None:
    outputs, targets, weights = case()
    first, last = HardJointMSE(hardest=2, mined="last")(outputs, targets, weights)
    assert first.item() == pytest.approx(StagedMSE()(outputs, targets, weights)[0].item(), rel=1e-6)
    assert last.item() == HardJointMSE(hardest=2)(outputs, targets, weights)[1].item()
    with pytest.raises(ValueError, match=r"mined must be all or last, got first"):
        HardJointMSE(mined="first")  # type: ignore[arg-type]  # a wrong argument


def naive_weights(losses: list[list[float]]) -> list[list[float]]:
    """Equations 3 to 6, with shares of the sum."""
    joints = len(losses[0])
    weights = [[1 / joints] * joints]
    for stage in losses[:-1]:
        shares = [loss / sum(stage) for loss in stage]
        mean = sum(w * share for w, share in zip(weights[-1], shares, strict=True))
        alpha = mean / (1 - mean)
        grown = [w * alpha ** (1 - share) for w, share in zip(weights[-1], shares, strict=True)]
        weights.append([w / sum(grown) for w in grown])
    return weights


def test_adaptive_weights_on_a_case_by_hand() -> None:
    # Three joints with losses 1, 2 and 5: shares 1/8, 2/8 and 5/8, mean 1/3, alpha 1/2.
    losses = torch.tensor([[1.0, 2.0, 5.0], [1.0, 1.0, 1.0]])
    weights = AdaptiveMSE().weigh(losses, torch.tensor([True] * 3))
    powers = [0.5 ** (7 / 8), 0.5 ** (6 / 8), 0.5 ** (3 / 8)]
    assert weights[0].tolist() == pytest.approx([1 / 3] * 3)
    assert weights[1].tolist() == pytest.approx([power / sum(powers) for power in powers])


def test_adaptive_weights_equal_the_equations_over_many_stages() -> None:
    losses = torch.rand(8, 16, generator=torch.Generator().manual_seed(1)).add(0.1)
    weights = AdaptiveMSE().weigh(losses, torch.ones(16, dtype=torch.bool))
    expected = naive_weights(losses.double().tolist())
    assert torch.allclose(weights, torch.tensor(expected, dtype=torch.float64), atol=1e-9)


@pytest.mark.parametrize("share", ["sum", "max"])
def test_hard_joints_gain_weight_down_the_stages(share) -> None:
    losses = torch.tensor([0.5, 0.6, 0.7, 2.4]).expand(5, 4)
    weights = AdaptiveMSE(share).weigh(losses, torch.ones(4, dtype=torch.bool))
    assert (weights[1:, 3] > weights[:-1, 3]).all()
    assert (weights[1:, 0] < weights[:-1, 0]).all()
    assert torch.allclose(weights.sum(1), torch.ones(5, dtype=torch.float64))


def test_losses_alike_leave_the_weights_alone_however_large() -> None:
    for size in (1e-9, 1.0, 1e9):
        weights = AdaptiveMSE().weigh(torch.full((3, 5), size), torch.ones(5, dtype=torch.bool))
        assert torch.allclose(weights, torch.full((3, 5), 0.2, dtype=torch.float64))


def test_a_joint_that_nobody_has_keeps_its_share_of_the_weight() -> None:
    losses = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    weights = AdaptiveMSE().weigh(losses, torch.tensor([True, True, False]))
    assert weights[1].tolist() == pytest.approx([1 / 3] * 3)
    nobody = AdaptiveMSE().weigh(losses, torch.tensor([False] * 3))
    assert nobody[1].tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("form", ["pixel_sum", "mean", "halved_sum"])
def test_adaptive_weights_do_not_see_the_form(form: Any) -> None:
    """Shares are quotients of one stage's losses, in which what is common to its joints cancels out."""
    outputs, targets, _ = case()
    loss = AdaptiveMSE(form=form)
    loss(outputs, targets, torch.ones(3, 4))
    sums = [
        [naive_sum(output[:, k : k + 1], target[:, k : k + 1], torch.ones(3, 1)) for k in range(4)]
        for output, target in zip(outputs, targets, strict=True)
    ]
    assert loss.joint_weights.numpy() == pytest.approx(torch.tensor(naive_weights(sums)).numpy(), rel=1e-5)
    for factor in (1e-6, 1e-3, 4096.0):
        scaled = loss.weigh(factor * torch.tensor(sums), torch.tensor([True] * 4))
        assert scaled.numpy() == pytest.approx(loss.joint_weights.numpy(), rel=1e-5)


def test_the_adaptive_loss_is_the_weighted_sum_of_errors_summed_over_pixels() -> None:
    """MSSH's equations 2 and 3, averaged over the people who have the joint."""
    outputs, targets, _ = case()
    weights = torch.tensor([[1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.0]])
    loss, mean = AdaptiveMSE(), AdaptiveMSE(form="mean")
    losses, means = loss(outputs, targets, weights), mean(outputs, targets, weights)
    assert loss.joint_weights.shape == (2, 4)
    for stage, (output, target) in enumerate(zip(outputs, targets, strict=True)):
        total = 0.0
        for joint, seen in ((0, 3), (1, 2), (3, 3)):
            column = slice(joint, joint + 1)
            summed = naive_sum(output[:, column], target[:, column], weights[:, column])
            total += loss.joint_weights[stage, joint].item() * summed / seen
        assert losses[stage].item() == pytest.approx(total, rel=1e-5)
        assert means[stage].item() == pytest.approx(total / output[0, 0].numel(), rel=1e-5)


@pytest.mark.parametrize("name", ["AdaptiveMSE", "HardJointMSE"])
def test_losses_of_older_files_keep_their_mean(name: str) -> None:
    node = {"_target_": f"posepyr.losses.{name}", "stage_weights": None}
    assert build(as_before(node)).form == "mean"
    assert build(as_before(node | {"form": "halved_sum"})).form == "halved_sum"


def test_weights_are_no_part_of_the_gradient() -> None:
    outputs, targets, weights = case()
    for output in outputs:
        output.requires_grad_()
    loss = AdaptiveMSE()
    loss(outputs, targets, weights).sum().backward()
    expected = 2 * (outputs[1] - targets[1]) * weights[..., None, None] / 3
    expected = expected * loss.joint_weights[1].float()[:, None, None]
    torch.testing.assert_close(outputs[1].grad, expected.detach())
    assert math.isclose(loss.joint_weights[1].sum().item(), 1.0)


def test_weights_in_a_loss_are_those_of_its_joints_errors() -> None:
    """Squared errors 1, 2 and 5 wherever somebody has the joint: the first is one person's, the fourth nobody's."""
    outputs = [torch.tensor([1.0, 2.0, 5.0, 9.0]).sqrt().view(1, 4, 1, 1).expand(2, 4, 3, 3)] * 2
    weights = torch.tensor([[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]])
    loss = AdaptiveMSE()
    loss(outputs, [torch.zeros(2, 4, 3, 3)] * 2, weights)
    expected = [[1 / 4] * 4, by_hand(1 / 2, [1 / 8, 2 / 8, 5 / 8, 1 / 3])]
    assert loss.joint_weights.numpy() == pytest.approx(np.array(expected), rel=1e-6)


def test_a_single_hardest_joint_is_the_least_that_can_count() -> None:
    outputs, targets, _ = case()
    weights = torch.ones(3, 4)
    errors = [[naive_sum(outputs[0][b : b + 1, k : k + 1], targets[0][b : b + 1, k : k + 1], torch.ones(1, 1)) / 12
               for k in range(4)] for b in range(3)]  # fmt: skip
    expected = sum(max(person) for person in errors) / 3
    assert HardJointMSE(hardest=1)(outputs, targets, weights)[0].item() == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match=r"hardest must be at least 1, got 0"):
        HardJointMSE(hardest=0)


def test_the_hardest_are_eight_unless_told_otherwise() -> None:
    """As in HRNet's release, for COCO's 17 joints."""
    generator = torch.Generator().manual_seed(3)
    outputs = [torch.rand(3, 17, 4, 3, generator=generator)]
    targets, weights = [torch.zeros(3, 17, 4, 3)], torch.ones(3, 17)
    eight = HardJointMSE(hardest=8)(outputs, targets, weights)
    torch.testing.assert_close(HardJointMSE()(outputs, targets, weights), eight)


def by_hand(alpha: float, shares: list[float]) -> list[float]:
    """Equations 5 and 6 for joints that weighed the same until then."""
    powers = [alpha ** (1 - share) for share in shares]
    return [power / sum(powers) for power in powers]


def test_shares_of_the_largest_loss_on_a_case_by_hand() -> None:
    # Shares 0, 0, 0, 1/2 and 1, mean 0.3, alpha 3/7.
    losses = torch.tensor([[0.0, 0.0, 0.0, 2.0, 4.0]] * 2)
    weights = AdaptiveMSE("max").weigh(losses, torch.tensor([True] * 5))
    assert weights[1].tolist() == pytest.approx(by_hand(3 / 7, [0, 0, 0, 1 / 2, 1]))


def test_a_joint_that_nobody_has_takes_the_mean_share_on_a_case_by_hand() -> None:
    # Shares 1/8, 2/8 and 5/8, their mean 1/3 for the fourth, alpha 1/2.
    losses = torch.tensor([[1.0, 2.0, 5.0, 9.0]] * 2)
    weights = AdaptiveMSE().weigh(losses, torch.tensor([True, True, True, False]))
    assert weights[1].tolist() == pytest.approx(by_hand(1 / 2, [1 / 8, 2 / 8, 5 / 8, 1 / 3]))


def test_the_mean_share_is_bounded_from_both_sides() -> None:
    """Above a half the rule would weigh easy joints up; near nothing one stage would decide for all behind it."""
    hard_everywhere = AdaptiveMSE("max").weigh(torch.tensor([[1.0, 1.0, 1.0, 0.0]] * 2), torch.tensor([True] * 4))
    assert hard_everywhere[1].tolist() == pytest.approx(by_hand(0.4999 / 0.5001, [1, 1, 1, 0]), abs=1e-9)
    # The first of three is the hardest until it has nearly all of the weight, and then without any error.
    losses = torch.tensor([[4.0, 3.0, 3.0]] * 300 + [[0.0, 1.0, 1.0]] * 2)
    weights = AdaptiveMSE().weigh(losses, torch.tensor([True] * 3))
    odds = weights[:, 1] / weights[:, 0]
    assert (weights[-2, 1:].sum() / 2).item() < 1e-5
    assert (odds[-1] / odds[-2]).item() == pytest.approx((0.0001 / 0.9999) ** -0.5)


def test_losses_of_nearly_nothing_have_no_large_shares() -> None:
    # Divided by 1e-12 instead of their sum: shares 0.2 and 0.4, mean 0.3, alpha 3/7.
    weights = AdaptiveMSE().weigh(torch.tensor([[2e-13, 4e-13]] * 2), torch.tensor([True] * 2))
    assert weights[1].tolist() == pytest.approx(by_hand(3 / 7, [0.2, 0.4]))


@pytest.mark.parametrize("loss", [StagedMSE, HardJointMSE])
def test_losses_that_give_joints_no_weights_have_none_to_log(loss: Any) -> None:
    assert loss().joint_weights.shape == (0,)


def test_a_stage_may_weigh_nothing_but_not_less_and_not_all() -> None:
    losses = StagedMSE(stage_weights=[0.0, 1.0])(*case())
    assert losses[0] == 0 < losses[1]
    for wrong in ([-1.0, 2.0], [0.0, 0.0], []):
        with pytest.raises(ValueError, match=r"stage_weights must be weights of at least 0, not all of them 0, got \["):
            StagedMSE(stage_weights=wrong)


def test_as_many_hardest_joints_as_there_are_is_the_plain_mean() -> None:
    torch.testing.assert_close(HardJointMSE(hardest=4)(*case()), StagedMSE()(*case()))
