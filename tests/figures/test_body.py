import numpy as np
import pytest

from posepyr.figures import random_streams
from posepyr.figures.body import FRAMES, NODES, Build, Outfit, pose_body
from posepyr.figures.outline import trace
from posepyr.figures.pose import ARM_LIMITS, ARM_REACH, LEG_LIMITS, NECK_LIMITS, SPINE_LIMITS, Pose, sample_pose

AVERAGE = Build(legs=1.0, arms=1.0, shoulders=1.0, hips=1.0, head=1.0, girth=1.0)
STILL = Pose((0, 0, 0), (0, 0, 0), (0,) * 5, (0,) * 5, (0,) * 5, (0,) * 5)
PLAIN = Outfit("none", "short", "trousers", 1.0, 0.9, 1.0, False)


def node(body, name):
    return body.nodes[NODES.index(name)]


def frame(body, name):
    return body.frames[FRAMES.index(name)]


def poses(count, difficulty=1.0):
    return [sample_pose(random_streams((5, index), 1)[0], difficulty, 0.5) for index in range(count)]


def test_angles_stay_within_the_joints_limits():
    for pose in poses(400):
        for angles, limits in [
            (pose.spine, SPINE_LIMITS),
            (pose.neck, NECK_LIMITS),
            (pose.right_arm, ARM_LIMITS),
            (pose.left_arm, ARM_LIMITS),
            (pose.right_leg, LEG_LIMITS),
            (pose.left_leg, LEG_LIMITS),
        ]:
            assert all(low <= angle <= high for angle, (low, high) in zip(angles, limits, strict=True))
        for arm in (pose.right_arm, pose.left_arm):
            assert arm[0] + max(arm[1], 0.0) <= ARM_REACH + 1e-9


def test_elbows_and_knees_bend_one_way_only():
    for pose in poses(200):
        body = pose_body(AVERAGE, pose, 40.0, 10.0, -20.0)
        for side in ("right", "left"):
            forearm = frame(body, f"{side}_upper_arm").T @ (node(body, f"{side}_wrist") - node(body, f"{side}_elbow"))
            shin = frame(body, f"{side}_thigh").T @ (node(body, f"{side}_ankle") - node(body, f"{side}_knee"))
            assert forearm[2] <= 1e-9  # forwards
            assert shin[2] >= -1e-9  # backwards


def test_bones_keep_their_length_in_any_pose():
    bones = [("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("right_hip", "right_knee"),
             ("right_knee", "right_ankle"), ("pelvis", "waist"), ("neck", "head_top")]  # fmt: skip
    still = pose_body(AVERAGE, STILL, 0, 0, 0)
    for pose in poses(50):
        body = pose_body(AVERAGE, pose, 77, -15, 130)
        for start, end in bones:
            moved = np.linalg.norm(node(body, end) - node(body, start))
            assert moved == pytest.approx(np.linalg.norm(node(still, end) - node(still, start)))


def test_frames_are_rotations_not_reflections():
    for pose in poses(20):
        body = pose_body(AVERAGE, pose, 200, 30, -50)
        assert np.allclose(body.frames @ body.frames.transpose(0, 2, 1), np.eye(3), atol=1e-12)
        assert np.allclose(np.linalg.det(body.frames), 1.0)


def test_who_faces_the_camera_has_their_left_on_the_pictures_right():
    body = pose_body(AVERAGE, STILL, 0, 0, 0)
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        assert node(body, f"left_{joint}")[0] > 0 > node(body, f"right_{joint}")[0]
    assert node(body, "head_top")[1] < node(body, "pelvis")[1] < node(body, "left_ankle")[1]


def test_turning_round_swaps_sides_and_front_and_back():
    for pose in poses(20):
        front, back = pose_body(AVERAGE, pose, 0, 0, 0), pose_body(AVERAGE, pose, 180, 0, 0)
        assert np.allclose(back.nodes, front.nodes * (-1, 1, -1))


def test_a_mirrored_pose_at_mirrored_yaw_is_the_mirrored_body():
    partner = {"right": "left", "left": "right"}
    sides = [name.partition("_") for name in NODES]
    swapped = [NODES.index(f"{partner[side]}_{rest}") if side in partner else NODES.index(side + gap + rest)
               for side, gap, rest in sides]  # fmt: skip
    for pose in poses(20):
        mirrored = Pose(
            (pose.spine[0], -pose.spine[1], -pose.spine[2]),
            (pose.neck[0], -pose.neck[1], -pose.neck[2]),
            pose.left_arm,
            pose.right_arm,
            pose.left_leg,
            pose.right_leg,
        )
        body, other = pose_body(AVERAGE, pose, 35, 12, 20), pose_body(AVERAGE, mirrored, -35, 12, -20)
        assert np.allclose(other.nodes[swapped], body.nodes * (-1, 1, 1))


def test_positive_pitch_leans_the_head_to_the_camera_and_positive_roll_is_clockwise():
    leaning = pose_body(AVERAGE, STILL, 0, 30, 0)
    assert node(leaning, "head_top")[2] < 0
    rolled = pose_body(AVERAGE, STILL, 0, 0, 90)
    assert node(rolled, "head_top")[0] > 0.3
    assert abs(node(rolled, "head_top")[1]) < 1e-9


def test_named_movements_go_where_their_names_say():
    arm = (80.0, 0.0, 0.0, 0.0, 0.0)
    forwards = pose_body(AVERAGE, STILL._replace(left_arm=arm), 0, 0, 0)
    assert node(forwards, "left_wrist")[2] < -0.25
    outwards = pose_body(AVERAGE, STILL._replace(right_arm=(0.0, 90.0, 0.0, 0.0, 0.0)), 0, 0, 0)
    assert node(outwards, "right_wrist")[0] < -0.35
    inwards = pose_body(AVERAGE, STILL._replace(left_arm=(0.0, 0.0, 90.0, 90.0, 0.0)), 0, 0, 0)
    assert node(inwards, "left_wrist")[0] < node(inwards, "left_elbow")[0] - 0.1
    bowed = pose_body(AVERAGE, STILL._replace(spine=(60.0, 0.0, 0.0)), 0, 0, 0)
    assert node(bowed, "thorax")[2] < -0.1
    to_the_left = pose_body(AVERAGE, STILL._replace(spine=(0.0, 30.0, 0.0)), 0, 0, 0)
    assert node(to_the_left, "thorax")[0] > 0.05


def test_a_camera_far_away_changes_no_size():
    for pose in poses(10):
        body = pose_body(AVERAGE, pose, 25, 10, 5)
        outline = trace(body, PLAIN, 0.0)
        assert np.allclose(outline.nodes, body.nodes[:, :2])


def test_a_near_camera_enlarges_what_reaches_out_to_it():
    reaching = STILL._replace(left_arm=(90.0, 0.0, 0.0, 0.0, 0.0))
    body = pose_body(AVERAGE, reaching, 0, 0, 0)
    far, near = trace(body, PLAIN, 0.0), trace(body, PLAIN, 0.8)
    hands = [5, 6]  # right, left
    right, left = (near.chains[hands, 2, 2] / far.chains[hands, 2, 2]).tolist()
    assert right == pytest.approx(1.0, abs=0.02)
    assert left > 1.3
    # The arm points at the camera: what was a limb is little more than a hand.
    elbow, wrist = NODES.index("left_elbow"), NODES.index("left_wrist")
    assert np.linalg.norm(far.nodes[wrist] - far.nodes[elbow]) < 1e-9
