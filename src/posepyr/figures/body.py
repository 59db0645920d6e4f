"""A body in space: bone lengths, joint angles, where that puts every node.

Axes: x to the right of the picture, y down, z away from the camera. A body with all angles zero stands upright
and faces the camera, so that its front is -z and its own left is +x. Lengths are shares of the body's height.
"""

from typing import Literal, NamedTuple

import numpy as np

from posepyr.figures import RandomStream
from posepyr.figures.pose import Pose
from posepyr.records import FloatArray

Hat = Literal["none", "cap", "beanie"]
Hair = Literal["bald", "short", "long"]
Lower = Literal["trousers", "shorts", "skirt"]

HATS: tuple[Hat, ...] = ("none", "none", "none", "cap", "beanie")
HAIR: tuple[Hair, ...] = ("short", "short", "short", "long", "long", "bald")
LOWER: tuple[Lower, ...] = ("trousers", "trousers", "trousers", "shorts", "shorts", "skirt")


class Outfit(NamedTuple):
    """One person's clothes and hair."""

    hat: Hat
    hair: Hair
    lower: Lower
    sleeves: float
    """Share of the arm that is covered: up to 0.5 of the upper arm alone."""
    hem: float
    """Share of the leg that trousers or a skirt cover."""
    looseness: float
    """Factor of clothed limbs' thickness."""
    backpack: bool


def sample_outfit(stream: RandomStream) -> Outfit:
    """Sample someone's clothes: any garment goes with any other."""
    hat, hair, lower = stream.pick(HATS), stream.pick(HAIR), stream.pick(LOWER)
    sleeves = stream.pick((0.0, 0.28, 0.34, 1.0, 1.0))
    short, long = stream.between(0.28, 0.46), stream.between(0.9, 0.98)
    hem = {"trousers": long, "shorts": short, "skirt": stream.between(0.22, 0.38)}[lower]
    return Outfit(hat, hair, lower, sleeves, hem, stream.between(1.04, 1.22), stream.chance(0.2))


NODES = (
    "pelvis", "waist", "thorax", "neck", "head_top", "right_shoulder", "left_shoulder", "right_elbow",
    "left_elbow", "right_wrist", "left_wrist", "right_fingers", "left_fingers", "right_hip", "left_hip",
    "right_knee", "left_knee", "right_ankle", "left_ankle",
)  # fmt: skip
FRAMES = (
    "pelvis", "chest", "neck", "head", "right_upper_arm", "left_upper_arm", "right_forearm", "left_forearm",
    "right_hand", "left_hand", "right_thigh", "left_thigh", "right_shin", "left_shin", "right_foot", "left_foot",
)  # fmt: skip
PARENTS = (-1, 0, 1, 2, 1, 1, 4, 5, 6, 7, 0, 0, 10, 11, 12, 13)
"""Frame that each frame turns with."""
LEVELS = tuple(
    (np.array(level), np.array([PARENTS[frame] for frame in level]))
    for level in ((1, 10, 11), (2, 4, 5, 12, 13), (3, 6, 7, 14, 15), (8, 9))
)
"""Frames whose parents are known, step by step, and those parents."""

# node: (node it hangs on, frame it turns with, offset in that frame)
_BONES = {
    "pelvis": ("", "pelvis", (0.0, 0.0, 0.0)),
    "waist": ("pelvis", "pelvis", (0.0, -0.105, 0.0)),
    "thorax": ("waist", "chest", (0.0, -0.165, 0.0)),
    "neck": ("thorax", "neck", (0.0, -0.058, 0.0)),
    "head_top": ("neck", "head", (0.0, -0.158, 0.0)),
    "right_shoulder": ("thorax", "chest", (-0.103, 0.018, 0.0)),
    "left_shoulder": ("thorax", "chest", (0.103, 0.018, 0.0)),
    "right_elbow": ("right_shoulder", "right_upper_arm", (0.0, 0.162, 0.0)),
    "left_elbow": ("left_shoulder", "left_upper_arm", (0.0, 0.162, 0.0)),
    "right_wrist": ("right_elbow", "right_forearm", (0.0, 0.138, 0.0)),
    "left_wrist": ("left_elbow", "left_forearm", (0.0, 0.138, 0.0)),
    "right_fingers": ("right_wrist", "right_hand", (0.0, 0.062, 0.0)),
    "left_fingers": ("left_wrist", "left_hand", (0.0, 0.062, 0.0)),
    "right_hip": ("pelvis", "pelvis", (-0.055, 0.0, 0.0)),
    "left_hip": ("pelvis", "pelvis", (0.055, 0.0, 0.0)),
    "right_knee": ("right_hip", "right_thigh", (0.0, 0.238, 0.0)),
    "left_knee": ("left_hip", "left_thigh", (0.0, 0.238, 0.0)),
    "right_ankle": ("right_knee", "right_shin", (0.0, 0.228, 0.0)),
    "left_ankle": ("left_knee", "left_shin", (0.0, 0.228, 0.0)),
}


def _ancestors() -> FloatArray:
    reach = np.zeros((len(NODES), len(NODES)))
    for index, (parent, _, _) in enumerate(_BONES.values()):
        if parent:
            reach[index] = reach[NODES.index(parent)]
        reach[index, index] = 1.0
    return reach


_OFFSETS = np.array([offset for _, _, offset in _BONES.values()])
_NODE_FRAMES = np.array([FRAMES.index(frame) for _, frame, _ in _BONES.values()])
_ANCESTORS = _ancestors()


class Build(NamedTuple):
    """A person's proportions, as factors on the average."""

    legs: float
    arms: float
    shoulders: float
    hips: float
    head: float
    girth: float


class Body(NamedTuple):
    """A posed body in space, turned as the camera sees it."""

    build: Build
    nodes: FloatArray
    """``19 3``: positions of ``NODES``."""
    frames: FloatArray
    """``16 3 3``: rotations of ``FRAMES``, from the frame's axes to the camera's."""


def sample_build(stream: RandomStream) -> Build:
    """Sample a person's proportions."""
    return Build(
        legs=stream.around(1.0, 0.05),
        arms=stream.around(1.0, 0.05),
        shoulders=stream.around(1.0, 0.08),
        hips=stream.around(1.0, 0.08),
        head=stream.around(1.06, 0.06),
        girth=stream.around(1.06, 0.09),
    )


def pose_body(build: Build, pose: Pose, yaw: float, pitch: float, roll: float) -> Body:
    """Put a person into a pose and turn the whole: about the vertical, towards the camera, in the picture.

    Angles in degrees. Yaw 0 faces the camera and positive yaw turns the front to the picture's left; positive
    pitch leans the top towards the camera; positive roll is clockwise as seen.
    """
    turns = _rotations(np.radians([(0.0, roll, 0.0), (pitch, 0.0, yaw), *_euler_angles(pose)]))
    local = turns[2:]
    frames = np.empty_like(local)
    frames[0] = turns[0] @ turns[1] @ local[0]
    for level, parents in LEVELS:
        frames[level] = frames[parents] @ local[level]
    offsets = _OFFSETS * _bone_factors(build)
    turned = np.matmul(frames[_NODE_FRAMES], offsets[:, :, None])[:, :, 0]
    return Body(build, _ANCESTORS @ turned, frames)


def _bone_factors(build: Build) -> FloatArray:
    factors = np.ones((len(NODES), 3))
    factors[4] = build.head
    factors[5:7, 0] = build.shoulders
    factors[7:13] = build.arms
    factors[13:15, 0] = build.hips
    factors[15:] = build.legs
    return factors


def _euler_angles(pose: Pose) -> list[tuple[float, float, float]]:
    """Return degrees about x, z and y for each frame; the mirrored side turns the other way about z and y."""
    spine, neck = pose.spine, pose.neck
    angles = [(0.0, 0.0, 0.0), (spine[0], spine[1], -spine[2])]
    angles += [(neck[0] * 0.5, neck[1] * 0.5, -neck[2] * 0.5)] * 2
    arms, legs = (pose.right_arm, pose.left_arm), (pose.right_leg, pose.left_leg)
    signs = (1.0, -1.0)
    upper = [(-arm[0], sign * arm[1], -sign * arm[2]) for arm, sign in zip(arms, signs, strict=True)]
    thighs = [(-leg[0], sign * leg[1], -sign * leg[2]) for leg, sign in zip(legs, signs, strict=True)]
    return [
        *angles,
        *upper,
        *((-arm[3], 0.0, 0.0) for arm in arms),
        *((-arm[4], 0.0, 0.0) for arm in arms),
        *thighs,
        *((leg[3], 0.0, 0.0) for leg in legs),
        *((leg[4], 0.0, 0.0) for leg in legs),
    ]


def _rotations(angles: FloatArray) -> FloatArray:
    """Turn ``N 3`` angles about x, z and y into rotations ``N 3 3``, the turn about y first."""
    cosine, sine = np.cos(angles), np.sin(angles)
    cx, cz, cy = cosine.T
    sx, sz, sy = sine.T
    matrices = np.empty((len(angles), 3, 3))
    matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 0, 2] = cz * cy, -sz, cz * sy
    middle = sz * cy, cz, sz * sy
    last = -sy, 0.0, cy
    for column, (m, n) in enumerate(zip(middle, last, strict=True)):
        matrices[:, 1, column] = cx * m - sx * n
        matrices[:, 2, column] = sx * m + cx * n
    return matrices
