from itertools import pairwise

import cv2
import numpy as np
import pytest

from posepyr.data.sources.figures import Figures
from posepyr.figures.body import NODES
from posepyr.figures.outline import CHAINS, PARTS
from posepyr.figures.painter import paint
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE
from posepyr.skeleton import MPII_JOINTS

LIMBS = [("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")]
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


def scenes(difficulty, count, foreshortening=0.5):
    split = Figures(difficulty=difficulty, foreshortening=foreshortening).split("train")
    return [split.scene(index) for index in range(count)]


@pytest.fixture(scope="module")
def default_scenes():
    return scenes(0.5, 400)


def shares(person):
    """Each limb's length in the picture over its true one."""
    body, flat = person.body.nodes, person.outline.nodes
    ratios = []
    for side in ("right", "left"):
        for start, end in LIMBS:
            a, b = NODES.index(f"{side}_{start}"), NODES.index(f"{side}_{end}")
            ratios.append(np.linalg.norm(flat[b] - flat[a]) / (np.linalg.norm(body[b] - body[a]) * person.scale))
    return ratios


def joints_in(person, size):
    return ((person.joints >= 0) & (person.joints <= size - 1)).all(axis=1).sum()


def occluded(states):
    return (states == OCCLUDED).sum() / (states != NOT_LABELLED).sum()


def test_joints_have_the_order_of_mpii():
    # MPII's own numbering: 0 right ankle ... 6 pelvis, 7 thorax, 8 upper neck, 9 head top, 10 right wrist ... 15.
    assert MPII_JOINTS[0] == "right_ankle"
    assert MPII_JOINTS[5] == "left_ankle"
    assert MPII_JOINTS[6:10] == ("pelvis", "thorax", "neck", "head_top")
    assert MPII_JOINTS[10] == "right_wrist"
    assert MPII_JOINTS[15] == "left_wrist"


def test_the_default_difficulty_keeps_its_floors(default_scenes):
    people = [scene.person for scene in default_scenes]
    assert np.mean([person.faces_away for person in people]) >= 0.15
    assert occluded(np.array([scene.visibility() for scene in default_scenes])) >= 0.08
    assert np.std([person.rotation for person in people]) >= 15.0
    assert np.mean([any(joints_in(other, 256) >= 2 for other in scene.others) for scene in default_scenes]) >= 0.25
    assert np.mean(np.array([shares(person) for person in people]) <= 0.5) >= 0.05


def test_people_fill_most_of_the_picture_near_its_middle(default_scenes):
    boxes = np.array([scene.box() for scene in default_scenes])
    sides = boxes[:, 2:].max(axis=1) / 256
    assert np.mean((sides > 0.55) & (sides < 0.92)) > 0.85
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    assert np.abs(middles.mean(axis=0) - 127.5).max() < 8
    assert np.mean((middles > 48) & (middles < 208)) > 0.97


def test_some_people_reach_out_of_the_picture_but_not_many(default_scenes):
    missing = np.array([(scene.visibility() == NOT_LABELLED).sum() for scene in default_scenes])
    assert 0.01 < np.mean(missing > 0) < 0.2
    assert missing.max() <= 10


def test_everything_grows_with_difficulty():
    measures = []
    for difficulty in LEVELS:
        several = scenes(difficulty, 150)
        measures.append(
            [
                np.mean([scene.person.faces_away for scene in several]),
                np.std([scene.person.rotation for scene in several]),
                np.mean([len(scene.others) for scene in several]),
                np.mean([len(scene.occluders) for scene in several]),
                occluded(np.array([scene.visibility() for scene in several])),
            ]
        )
    steps = np.diff(np.array(measures), axis=0)
    assert (steps > 0).all()
    assert measures[0][0] == measures[0][2] == measures[0][3] == 0.0


def test_foreshortening_is_how_much_limbs_grow():
    flat, default, strong = (
        np.array([shares(scene.person) for scene in scenes(0.5, 80, strength)]) for strength in (0.0, 0.5, 1.0)
    )
    assert flat.max() <= 1.0 + 1e-9
    assert flat.max() < np.quantile(default, 0.995) < np.quantile(strong, 0.995)
    assert strong.max() > 1.15


def test_who_is_said_to_face_away_shows_the_back(default_scenes):
    upright = [scene.person for scene in default_scenes if abs(scene.person.rotation) < 20]
    towards = [person for person in upright if abs(person.yaw) < 60]
    away = [person for person in upright if abs(person.yaw) > 120]
    assert len(towards) > 50
    assert len(away) > 15
    right, left = MPII_JOINTS.index("right_hip"), MPII_JOINTS.index("left_hip")
    for people, expected in ((towards, False), (away, True)):
        for person in people:
            assert person.faces_away is expected
            # From behind, a person's left is on the picture's left.
            assert (person.joints[left, 0] < person.joints[right, 0]) is np.bool_(expected)


def test_the_far_shoulder_is_behind_the_chest_and_the_near_one_is_not(default_scenes):
    chest = PARTS.index("chest")
    right, left = MPII_JOINTS.index("right_shoulder"), MPII_JOINTS.index("left_shoulder")
    seen = 0
    for scene in default_scenes:
        person = scene.person
        # Yaw 90 turns the front to the picture's left, so that the left shoulder is the near one or the far one.
        depth = person.body.nodes[:, 2]
        gap = depth[NODES.index("left_shoulder")] - depth[NODES.index("right_shoulder")]
        if abs(gap) > 0.17:
            far, near = (left, right) if gap > 0 else (right, left)
            seen += 1
            assert person.owners()[near, chest]
            assert not person.owners()[far, chest]
    assert seen > 10


def part_image(scene, zoom=4):
    """What lies on top at each place: 0 nobody, 1 + part of the person, -1 an object or somebody else in front."""
    size = scene.size * zoom
    image = np.zeros((size, size), dtype=np.int32)

    def grid(points):
        return np.round(((points + 0.5) * zoom - 0.5) * 16).astype(np.int32)

    def lay(outline, first_number):
        for part in outline.worn():
            number = first_number + part if first_number else -1
            if part >= len(CHAINS):
                polygon = outline.polygons(np.zeros(1))[0, part - len(CHAINS)]
                cv2.fillPoly(image, [grid(polygon)], number, cv2.LINE_8, 4)
                continue
            chain = outline.chains[part]
            angles = np.linspace(0, 2 * np.pi, 72)
            rings = chain[:, None, :2] + chain[:, None, 2:] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
            for first, second in pairwise(rings):
                link = cv2.convexHull(np.concatenate([first, second]).astype(np.float32))[:, 0]
                cv2.fillPoly(image, [grid(link.astype(np.float64))], number, cv2.LINE_8, 4)

    lay(scene.person.outline, 1)
    for other in scene.before:
        lay(other.outline, 0)
    for thing in scene.occluders:
        for polygon in thing.polygons:
            cv2.fillPoly(image, [grid(polygon)], -1, cv2.LINE_8, 4)
    return image


def test_visibility_is_what_painting_every_part_says():
    compared = hidden = 0
    for scene in scenes(0.7, 60):
        image, states, owners = part_image(scene), scene.visibility(), scene.person.owners()
        for joint, (x, y) in enumerate(scene.person.joints):
            if states[joint] == NOT_LABELLED:
                continue
            column, row = round((x + 0.5) * 4 - 0.5), round((y + 0.5) * 4 - 0.5)
            around = np.unique(image[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4])
            verdicts = {bool(top < 0 or (top > 0 and not owners[joint, top - 1])) for top in around.tolist()}
            if len(verdicts) == 1:  # not within a pixel of an edge
                compared += 1
                hidden += states[joint] == OCCLUDED
                assert bool(states[joint] == OCCLUDED) is verdicts.pop(), (MPII_JOINTS[joint], around)
    assert compared > 700
    assert hidden > 80


def test_the_painted_picture_agrees_about_objects():
    checked = covered = 0
    for index, scene in enumerate(scenes(0.9, 30)):
        if not scene.occluders:
            continue
        with_things = paint(scene, (0, 0, index), 0.0).astype(int)
        without = paint(scene._replace(occluders=()), (0, 0, index), 0.0).astype(int)
        changed = (np.abs(with_things - without).max(axis=2) > 0).astype(np.uint8)
        core, reach = cv2.erode(changed, np.ones((5, 5))), cv2.dilate(changed, np.ones((5, 5)))
        for (x, y), state in zip(scene.person.joints, scene.visibility(), strict=True):
            if state == NOT_LABELLED:
                continue
            column, row = min(255, round(x)), min(255, round(y))
            if core[row, column]:
                assert state == OCCLUDED
                covered += 1
            if state == VISIBLE and not reach[row, column]:
                checked += 1
    assert covered > 15
    assert checked > 100


def test_the_box_is_tight_around_everything_that_belongs_to_the_person():
    for scene in scenes(0.3, 40):
        alone = scene._replace(before=(), occluders=())
        rows, columns = np.nonzero(part_image(alone, zoom=2) > 0)
        x, y, width, height = scene.box()
        assert columns.min() / 2 == pytest.approx(x, abs=1.5)
        assert rows.min() / 2 == pytest.approx(y, abs=1.5)
        assert columns.max() / 2 == pytest.approx(x + width, abs=1.5)
        assert rows.max() / 2 == pytest.approx(y + height, abs=1.5)
