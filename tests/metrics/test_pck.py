import math

import pytest
import torch

from posepyr.metrics.functional import pck, unit_length
from posepyr.metrics.pck import PCK
from posepyr.skeleton import Skeleton

SKELETON = Skeleton(
    "five",
    ("left_hip", "right_shoulder", "left_wrist", "right_wrist", "head_top"),
    unit=("left_hip", "right_shoulder"),
)


def people(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(count, 5, 2, generator=generator, dtype=torch.float64) * 200
    predicted = truth + torch.randn(count, 5, 2, generator=generator, dtype=torch.float64) * 15
    labelled = (torch.rand(count, 5, generator=generator) > 0.2).to(torch.uint8) * 2
    return predicted, truth, labelled


def naive(predicted: torch.Tensor, truth: torch.Tensor, labelled: torch.Tensor) -> tuple[list[int], list[int], int]:
    correct, counted, left_out = [0] * 5, [0] * 5, 0
    for found, real, known in zip(predicted.tolist(), truth.tolist(), labelled.tolist(), strict=True):
        if not (known[0] and known[1]):
            left_out += 1
            continue
        unit = max(5.0, math.dist(real[0], real[1]))
        for joint in range(5):
            if known[joint]:
                counted[joint] += 1
                correct[joint] += math.dist(found[joint], real[joint]) <= 0.2 * unit
    return correct, counted, left_out


def test_pck_equals_a_count_by_hand() -> None:
    predicted, truth, labelled = people(200)
    counts = pck(predicted, truth, labelled, unit_length(truth, labelled, (0, 1), 5.0), 0.2)
    correct, counted, left_out = naive(predicted, truth, labelled)
    assert counts.correct.tolist() == correct
    assert counts.counted.tolist() == counted
    assert int(counts.left_out) == left_out
    assert 0 < left_out < 200


def test_the_metric_does_not_depend_on_how_people_are_batched() -> None:
    everyone = people(50)
    whole, parts = PCK(SKELETON), PCK(SKELETON)
    whole.update(*everyone)
    for start in range(0, 50, 7):
        parts.update(*(tensor[start : start + 7] for tensor in everyone))
    assert whole.compute() == parts.compute()


def test_the_mean_is_over_joints_and_names_have_no_side() -> None:
    predicted, truth, labelled = people(200)
    metric = PCK(SKELETON)
    metric.update(predicted, truth, labelled)
    scores = metric.compute()
    correct, counted, _ = naive(predicted, truth, labelled)
    shares = [a / b for a, b in zip(correct, counted, strict=True)]
    assert float(scores["pck"]) == pytest.approx(sum(shares) / 5)
    assert float(scores["pck/wrist"]) == pytest.approx((shares[2] + shares[3]) / 2)
    assert set(scores) == {"pck", "pck/hip", "pck/shoulder", "pck/wrist", "pck/head_top"}


def test_the_unit_has_a_floor() -> None:
    truth = torch.zeros(1, 5, 2, dtype=torch.float64)
    labelled = torch.full((1, 5), 2)
    assert unit_length(truth, labelled, (0, 1), 5.0).tolist() == [5.0]


def test_nobody_gives_no_number_rather_than_zero() -> None:
    metric = PCK(SKELETON)
    predicted, truth, labelled = people(3)
    metric.update(predicted, truth, torch.zeros_like(labelled))
    scores = metric.compute()
    assert int(metric.left_out) == 3
    assert set(scores) == {"pck"}
    assert scores["pck"].isnan()


def test_a_skeleton_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'bare' must name a unit for PCK.*unit: \[left_hip, right_shoulder\]"):
        PCK(Skeleton("bare", ("a", "b")))
