"""PCP against a count by a second, naive route."""

import math

import numpy as np
import pytest
import yaml

from posepyr.metrics.pcp import PCP
from posepyr.nodes import build
from posepyr.records import Predictions, Truth
from posepyr.skeleton import Skeleton
from support.places import CONF

LSP: Skeleton = build(yaml.safe_load((CONF / "skeleton" / "lsp.yaml").read_text()))
LIMBS = [
    ("head", ["head_top"], ["neck"]),
    ("torso", ["left_shoulder", "right_shoulder"], ["left_hip", "right_hip"]),
    *[
        (kind, [f"{side}_{first}"], [f"{side}_{second}"])
        for kind, first, second in (
            ("upper_leg", "hip", "knee"), ("lower_leg", "knee", "ankle"),
            ("upper_arm", "shoulder", "elbow"), ("forearm", "elbow", "wrist"),
        )
        for side in ("left", "right")
    ],
]  # fmt: skip


def people(count: int) -> tuple[Predictions, Truth]:
    generator = np.random.default_rng(0)
    truth = generator.uniform(0, 100, (count, 14, 2))
    found = truth + generator.normal(0, 20, truth.shape)
    visibility = (generator.random((count, 14)) > 0.1).astype(np.uint8)
    return (
        Predictions(np.arange(count), found, np.ones((count, 14))),
        Truth(truth, visibility, np.zeros((count, 4)), np.array(["a"] * count), {}),
    )


def middle(points: np.ndarray, joints: list[str]) -> list[float]:
    chosen = [points[LSP.joints.index(joint)].tolist() for joint in joints]
    return [sum(axis) / len(chosen) for axis in zip(*chosen, strict=True)]


def naive(found: Predictions, truth: Truth) -> dict[str, list[float]]:
    shares: dict[str, list[float]] = {}
    for kind, start, end in LIMBS:
        right = total = 0
        for number in range(len(found.sample)):
            known = truth.visibility[number]
            if not all(known[LSP.joints.index(joint)] for joint in start + end):
                continue
            a, b = (middle(truth.keypoints[number], joints) for joints in (start, end))
            c, d = (middle(found.keypoints[number], joints) for joints in (start, end))
            total += 1
            right += math.dist(a, c) <= 0.5 * math.dist(a, b) and math.dist(b, d) <= 0.5 * math.dist(a, b)
        shares.setdefault(kind, []).append(right / total)
    return shares


def test_equals_the_naive_count() -> None:
    found, truth = people(300)
    scores, shares = PCP(LSP)(found, truth), naive(found, truth)
    assert set(scores) == {"pcp", *(f"pcp/{kind}" for kind in shares)}
    for kind, values in shares.items():
        assert scores[f"pcp/{kind}"] == pytest.approx(sum(values) / len(values))
    ten = [value for values in shares.values() for value in values]
    assert len(ten) == 10
    assert scores["pcp"] == pytest.approx(sum(ten) / 10)
    assert 0.2 < scores["pcp"] < 0.8


def test_both_ends_must_be_right() -> None:
    found, truth = people(1)
    found.keypoints[:] = truth.keypoints
    truth.visibility[:] = 1
    assert PCP(LSP)(found, truth)["pcp"] == 1
    knee, hip = (truth.keypoints[0, LSP.index(joint)] for joint in ("left_knee", "left_hip"))
    found.keypoints[0, LSP.index("left_knee")] = knee + 0.51 * (hip - knee)
    assert PCP(LSP)(found, truth)["pcp/upper_leg"] == 0.5


def test_a_skeleton_without_limbs_is_refused() -> None:
    with pytest.raises(ValueError, match="'face' must have both ends of a limb for PCP"):
        PCP(Skeleton("face", ("nose", "left_eye")))


def test_the_hits_of_each_part_are_those_that_are_counted() -> None:
    found, truth = people(40)
    scorer = PCP(LSP)
    shares = np.nanmean(scorer.hits(found, truth), axis=0)
    expected = naive(found, truth)
    for kind, known in expected.items():
        ours = [share for part, share in zip(scorer.limbs, shares, strict=True) if part.kind == kind]
        assert sorted(ours) == pytest.approx(sorted(known))
