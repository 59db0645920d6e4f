"""Poses: joint angles in degrees, within the limits of a body."""

from typing import NamedTuple

from posepyr.figures import RandomStream

Angles = tuple[float, ...]
"""Of a spine or neck: forward bend, side bend to the person's left, twist to the left.
Of an arm: shoulder forward, outward, twisted inward; elbow's bend; wrist's bend.
Of a leg: hip forward, outward, twisted inward; knee's bend; toes down."""

SPINE_LIMITS = ((-25.0, 80.0), (-32.0, 32.0), (-45.0, 45.0))
NECK_LIMITS = ((-35.0, 40.0), (-30.0, 30.0), (-65.0, 65.0))
ARM_LIMITS = ((-55.0, 170.0), (-8.0, 170.0), (-90.0, 95.0), (0.0, 145.0), (-50.0, 55.0))
LEG_LIMITS = ((-35.0, 125.0), (-12.0, 65.0), (-40.0, 35.0), (0.0, 142.0), (-22.0, 48.0))
ARM_REACH = 178.0
"""Forward and outward together turn an arm no further than straight up."""

SPINE_SPREAD = (6.0, 6.0, 9.0)
NECK_SPREAD = (10.0, 7.0, 22.0)
ARM_SPREAD = (17.0, 11.0, 22.0, 20.0, 14.0)
LEG_SPREAD = (9.0, 6.0, 9.0, 10.0, 8.0)


class Pose(NamedTuple):
    """Joint angles of a body; sides are the person's own."""

    spine: Angles
    neck: Angles
    right_arm: Angles
    left_arm: Angles
    right_leg: Angles
    left_leg: Angles


class Activity(NamedTuple):
    """Something that people do: the middle of a range of poses."""

    spine: Angles
    arms: tuple[Angles, Angles]
    legs: tuple[Angles, Angles]
    looseness: float = 1.0
    """How far poses stray from the middle."""


_HANG: Angles = (4, 10, 5, 16, 0)
_STAND: Angles = (0, 4, -8, 3, 0)

ACTIVITIES = {
    "stand": Activity((2, 0, 0), (_HANG, _HANG), (_STAND, _STAND)),
    "wave": Activity((0, 0, 0), ((8, 100, -80, 75, 0), _HANG), (_STAND, _STAND)),
    "walk": Activity(
        (5, 0, 6), ((30, 8, 10, 25, 0), (-26, 8, 10, 20, 0)), ((-18, 2, 0, 14, 18), (27, 2, 0, 10, -5))
    ),
    "cheer": Activity((0, 0, 0), ((20, 140, 0, 25, 0), (20, 140, 0, 25, 0)), ((0, 12, -8, 5, 0), (0, 12, -8, 5, 0))),
    "hands on hips": Activity((0, 0, 0), ((-12, 48, 80, 95, 0), (-12, 48, 80, 95, 0)), (_STAND, (0, 12, -15, 6, 0))),
    "spread": Activity((0, 0, 0), ((5, 88, 0, 12, 0), (5, 88, 0, 12, 0)), ((0, 18, -12, 5, 0), (0, 18, -12, 5, 0))),
    "run": Activity(
        (16, 0, 10), ((38, 10, 20, 92, 0), (-46, 10, 10, 88, 0)), ((-22, 0, 0, 72, 28), (66, 0, 0, 80, 0))
    ),
    "reach": Activity((6, 0, 10), ((85, 8, 10, 10, 0), (10, 14, 10, 30, 0)), (_STAND, (14, 5, -5, 8, 0))),
    "arms crossed": Activity((3, 0, 0), ((40, 6, 80, 98, 0), (34, 6, 85, 100, 0)), (_STAND, _STAND), 0.6),
    "throw": Activity((-6, 8, -20), ((-15, 96, -80, 85, -20), (70, 25, 0, 20, 0)),
                      ((-18, 8, -10, 15, 10), (38, 6, 0, 25, 0))),
    "kick": Activity((-4, 0, 8), ((-22, 50, 0, 30, 0), (42, 55, 0, 30, 0)),
                     ((78, 14, 0, 16, 30), (-6, 6, 0, 10, 0))),
    "lunge": Activity((12, 0, 0), ((45, 20, 10, 60, 0), (-10, 30, 20, 60, 0)),
                      ((78, 8, 0, 76, 0), (-24, 6, 0, 38, 20))),
    "sit": Activity((6, 0, 0), ((28, 12, 30, 55, 0), (28, 12, 30, 55, 0)),
                    ((86, 10, -4, 86, 0), (86, 10, -4, 86, 0))),
    "jump": Activity((8, 0, 0), ((30, 115, -20, 40, 0), (30, 115, -20, 40, 0)),
                     ((42, 28, -10, 75, 38), (15, 24, -8, 80, 38)), 1.3),
    "crouch": Activity((32, 0, 0), ((48, 16, 25, 60, 0), (48, 16, 25, 60, 0)),
                       ((104, 18, -12, 122, -14), (104, 18, -12, 122, -14))),
    "lean": Activity((10, 22, 12), ((35, 70, 0, 30, 0), (5, 40, 30, 60, 0)),
                     ((4, 18, -8, 18, 0), (4, 14, -8, 6, 0)), 1.2),
    "bend": Activity((62, 0, 6), ((72, 12, 5, 16, 0), (60, 14, 10, 25, 0)),
                     ((38, 6, -4, 20, 0), (38, 6, -4, 20, 0))),
    "dance": Activity((5, 0, 0), ((45, 75, 0, 65, 0), (20, 70, 0, 65, 0)),
                      ((45, 18, -8, 60, 15), (2, 10, -5, 18, 0)), 2.2),
}  # fmt: skip
"""By name, from the plain to the unusual: an easy data set knows the first of them only."""


def sample_pose(stream: RandomStream, difficulty: float, foreshortening: float) -> Pose:
    """Sample a pose; what people do becomes rarer and freer with difficulty, arms reach out with foreshortening."""
    activities = tuple(ACTIVITIES.values())
    known = 5.0 + (len(activities) - 5.0) * min(1.0, 0.2 + 1.2 * difficulty)
    activity = activities[int(stream.uniform() * known)]
    freedom = (0.35 + 0.9 * difficulty) * activity.looseness
    spine = _near(stream, activity.spine, SPINE_SPREAD, SPINE_LIMITS, freedom)
    neck = _near(stream, (0.0, 0.0, 0.0), NECK_SPREAD, NECK_LIMITS, freedom)
    arms = [_near(stream, arm, ARM_SPREAD, ARM_LIMITS, freedom) for arm in activity.arms]
    legs = [_near(stream, leg, LEG_SPREAD, LEG_LIMITS, freedom) for leg in activity.legs]
    reaching = stream.chance(0.3 * foreshortening)
    reach: Angles = (
        stream.between(65, 105),
        stream.between(0, 25),
        stream.between(-10, 30),
        stream.between(0, 25),
        0.0,
    )
    if reaching:
        arms[0] = reach
    arms = [(min(arm[0], ARM_REACH - max(arm[1], 0.0)), *arm[1:]) for arm in arms]
    if stream.chance(0.5):
        return Pose((spine[0], -spine[1], -spine[2]), neck, arms[1], arms[0], legs[1], legs[0])
    return Pose(spine, neck, arms[0], arms[1], legs[0], legs[1])


def _near(
    stream: RandomStream, centre: Angles, spread: Angles, limits: tuple[tuple[float, float], ...], freedom: float
) -> Angles:
    return tuple(
        min(max(stream.around(middle, width * freedom), low), high)
        for middle, width, (low, high) in zip(centre, spread, limits, strict=True)
    )
