"""Half of the body, limits of the rotation, and the papers' presets."""

import numpy as np
import pytest
import yaml

from posepyr.data.loading.augment import Augment, half_of
from posepyr.geometry import CropRule, fit
from posepyr.nodes import LATER_ARGUMENTS, build
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


def crop_of_half(joints: np.ndarray, aspect: float) -> tuple[np.ndarray, np.ndarray]:
    """The HRNet release's crop of chosen joints ``K 2``: about their mean, 1.5 times their extent at the aspect."""
    centre = np.array([sum(joints[:, 0]) / len(joints), sum(joints[:, 1]) / len(joints)])
    width, height = (joints[:, axis].max() - joints[:, axis].min() for axis in (0, 1))
    if width > aspect * height:
        height = width / aspect
    else:
        width = aspect * height
    return centre, np.array([1.5 * width, 1.5 * height])


@pytest.mark.parametrize("size", [(256, 192), (256, 256), (192, 256)])
def test_half_a_person_is_cropped_as_in_hrnets_release(size: tuple[int, int]) -> None:
    generator = np.random.default_rng(5)
    for _ in range(30):
        one = person()._replace(keypoints=generator.uniform(0, 200, (17, 2)) * generator.uniform(0.2, 1, 2))
        for upper, joints in ((True, one.keypoints[:11]), (False, one.keypoints[11:])):
            half = half_of(one, COCO, upper)
            assert half is not None
            centre, extent = crop_of_half(joints, size[1] / size[0])
            found = fit(half, CropRule(size, padding=1.25))
            np.testing.assert_allclose(found[0], centre)
            np.testing.assert_allclose(found[1], extent)


def test_older_files_keep_halves_about_the_middle_of_their_joints_box() -> None:
    later = LATER_ARGUMENTS["posepyr.data.loading.augment.Augment"]
    lopsided = person()
    lopsided.keypoints[0] = [90, 30]
    drawn = Augment(**STILL, half_body=1.0, **later)(lopsided, COCO, np.random.default_rng(3))
    # From x 14 to 90 and from y 20 to 40, a tenth more at each end; the seed chooses the upper half.
    np.testing.assert_allclose(drawn.box, [14 - 7.6, 22 - 1.8, 76 * 1.2, 18 * 1.2])


def test_the_middle_is_a_choice_among_two() -> None:
    with pytest.raises(ValueError, match="half_centre must be mean or middle, got 'median'"):
        Augment(half_centre="median")  # type: ignore[arg-type]  # what is tested


def test_a_half_with_too_few_joints_gives_way_to_the_other() -> None:
    few_below = person((*range(8), 11, 12))
    np.testing.assert_allclose(half_of(few_below, COCO, upper=False), half_of(few_below, COCO, upper=True))
    few_above = person((0, 1, *range(11, 17)))
    assert half_of(few_above, COCO, upper=True) is None  # eight joints in all
    # Of three joints on a line, a tenth of their extent (8, 4) more at each end.
    just_enough = half_of(person((0, 1, 2, *range(11, 17))), COCO, upper=True)
    np.testing.assert_allclose(just_enough, [10 - 0.8, 20 - 0.4, 8 * 1.2, 4 * 1.2])


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
