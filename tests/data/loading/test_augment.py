"""Half of the body, limits of the rotation, and the papers' presets."""

import numpy as np
import pytest
import yaml

from posepyr.data.loading.augment import Augment, half_of
from posepyr.nodes import build
from posepyr.records import NOT_LABELLED, VISIBLE, Annotation
from posepyr.skeleton import Skeleton
from support.places import CONF

COCO: Skeleton = build(yaml.safe_load((CONF / "skeleton" / "coco.yaml").read_text()))
STILL = {"scale": 0.0, "rotation": 0.0, "rotation_probability": 0.0, "flip_probability": 0.0}


def person(labelled: range | tuple[int, ...] = range(17)) -> Annotation:
    """Upper joints between (10, 20) and (50, 40), lower ones between (30, 60) and (40, 100)."""
    upper = np.column_stack([np.linspace(10, 50, 11), np.linspace(20, 40, 11)])
    lower = np.column_stack([np.linspace(30, 40, 6), np.linspace(60, 100, 6)])
    visibility = np.full(17, NOT_LABELLED, np.uint8)
    visibility[list(labelled)] = VISIBLE
    return Annotation(0, "a", np.array([0.0, 0.0, 60.0, 110.0]), np.concatenate([upper, lower]), visibility)


def test_half_a_person_is_the_box_of_its_joints_widened_by_a_fifth() -> None:
    np.testing.assert_allclose(half_of(person(), COCO, upper=True), [6, 18, 48, 24])
    np.testing.assert_allclose(half_of(person(), COCO, upper=False), [29, 56, 12, 48])


def test_a_half_with_too_few_joints_gives_way_to_the_other() -> None:
    few_below = person((*range(8), 11, 12))
    np.testing.assert_allclose(half_of(few_below, COCO, upper=False), half_of(few_below, COCO, upper=True))
    few_above = person((0, 1, *range(11, 17)))
    assert half_of(few_above, COCO, upper=True) is None  # eight joints in all
    just_enough = person((0, 1, 2, *range(11, 17)))
    np.testing.assert_allclose(half_of(just_enough, COCO, upper=True)[:2], [10 - 0.8, 20 - 0.4])


def test_halves_come_as_often_as_asked_and_the_upper_one_in_69_of_100() -> None:
    augment = Augment(**STILL, half_body=0.3)
    generator = np.random.default_rng(0)
    widths = np.array([augment(person(), COCO, generator).box[2] for _ in range(4000)])
    assert set(widths.round(6)) == {60.0, 48.0, 12.0}
    assert np.mean(widths < 60) == pytest.approx(0.3, abs=0.025)
    # P(normal < 1/2)
    assert np.mean(widths == 48) / np.mean(widths < 60) == pytest.approx(0.6915, abs=0.04)


def test_half_body_takes_a_skeleton_that_knows_its_halves() -> None:
    skeleton = Skeleton("plain", COCO.joints)
    with pytest.raises(ValueError, match=r"half_body must be 0 where the skeleton names no lower_body"):
        Augment(half_body=1.0)(person(), skeleton, np.random.default_rng(0))
    Augment(half_body=0.0)(person(), skeleton, np.random.default_rng(0))


def test_half_body_changes_no_other_draw() -> None:
    whole = [Augment()(person(), COCO, np.random.default_rng(seed)) for seed in range(40)]
    halves = [Augment(half_body=1.0)(person(), COCO, np.random.default_rng(seed)) for seed in range(40)]
    assert [(one.rotation, one.flip) for one in whole] == [(one.rotation, one.flip) for one in halves]


@pytest.mark.parametrize(
    ("name", "scale", "limit", "share"),
    [
        ("hourglass", (0.75, 1.25), 60, 0.4),
        ("hrnet", (0.65, 1.35), 45, 0.6),
        ("hrnet_mpii", (0.75, 1.25), 60, 0.6),
        ("ppnet", (0.65, 1.35), 45, 0.6),
        ("simple_baseline", (0.7, 1.3), 80, 0.6),
    ],
)
def test_presets_have_the_published_numbers(name: str, scale: tuple[float, float], limit: float, share: float) -> None:
    content = yaml.safe_load((CONF / "augment" / f"{name}.yaml").read_text())
    if "defaults" in content:
        base = yaml.safe_load((CONF / "augment" / f"{content.pop('defaults')[0]}.yaml").read_text())
        content = base | content
    augment = build({**content, "half_body": 0.0})
    generator = np.random.default_rng(1)
    drawn = [augment(person(), COCO, generator) for _ in range(3000)]
    factors = np.array([one.box[2] / 60 for one in drawn])
    assert (factors.min(), factors.max()) == pytest.approx(scale)
    angles = np.array([one.rotation for one in drawn])
    assert np.abs(angles).max() == pytest.approx(limit)
    assert np.mean(angles != 0) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("limit", [-1, 181])
def test_impossible_limits_are_refused(limit: float) -> None:
    with pytest.raises(ValueError, match=r"rotation_limit must lie between 0 and 180 degrees"):
        Augment(rotation_limit=limit)
