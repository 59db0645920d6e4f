"""The content of a picture, before anything is painted: people, poses, places and objects."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.figures import RandomStream, random_streams
from posepyr.figures.body import FRAMES, NODES, Body, Outfit, pose_body, sample_build, sample_outfit
from posepyr.figures.occluders import Occluder, sample_cover, sample_occluders
from posepyr.figures.outline import PARTS, Outline, trace
from posepyr.figures.pose import sample_pose
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray
from posepyr.skeleton import MPII_JOINTS

_JOINT_NODES = np.array([NODES.index(joint) for joint in MPII_JOINTS])

_OWNERS: dict[str, tuple[str, ...]] = {
    "ankle": ("shin", "foot"),
    "knee": ("thigh", "shin"),
    "hip": ("thigh",),
    "wrist": ("forearm", "hand"),
    "elbow": ("upper_arm", "forearm"),
    "shoulder": ("upper_arm",),
}
_BULK = {
    "pelvis": ("pelvis", "chest", "skirt", "backpack", "right_thigh", "left_thigh"),
    "thorax": ("chest", "neck", "mane", "backpack"),
    "neck": ("neck", "mane", "backpack"),
    "head_top": ("head", "mane"),
}
# A joint at the edge of something bulky belongs to it too, unless it lies this far behind its middle.
_EDGES = tuple(
    (MPII_JOINTS.index(joint), NODES.index(joint), NODES.index(middle), [PARTS.index(part) for part in parts], limit)
    for joint, middle, parts, limit in (
        ("right_shoulder", "thorax", ("chest", "backpack", "mane"), 0.075),
        ("left_shoulder", "thorax", ("chest", "backpack", "mane"), 0.075),
        ("right_hip", "pelvis", ("pelvis", "chest", "skirt"), 0.042),
        ("left_hip", "pelvis", ("pelvis", "chest", "skirt"), 0.042),
        ("neck", "thorax", ("chest",), 0.042),
        ("neck", "head_top", ("head",), 0.115),
    )
)


def _owners() -> npt.NDArray[np.bool_]:
    owners = np.zeros((len(MPII_JOINTS), len(PARTS)), dtype=np.bool_)
    for row, joint in enumerate(MPII_JOINTS):
        side, _, kind = joint.partition("_")
        names = _BULK[joint] if joint in _BULK else tuple(f"{side}_{part}" for part in _OWNERS[kind])
        owners[row, [PARTS.index(name) for name in names]] = True
    return owners


_ALWAYS_OWNED = _owners()


class Person(NamedTuple):
    """Somebody in the picture."""

    body: Body
    outfit: Outfit
    outline: Outline
    """In the picture's pixels."""
    nearness: float
    scale: float
    """Pixels per body height, at the pelvis's depth."""
    rotation: float
    """Degrees by which the person is turned in the picture, clockwise."""
    yaw: float

    @property
    def faces_away(self) -> bool:
        """Return True if the back is towards the camera."""
        return bool(self.body.frames[0, 2, 2] < 0.0)

    @property
    def joints(self) -> FloatArray:
        """Return the joints ``16 2`` in the picture."""
        joints: FloatArray = self.outline.nodes[_JOINT_NODES]
        return joints

    def at(self, node: str, frame: str, points: FloatArray) -> FloatArray:
        """Project points that move with a body part, ``N 3`` from a node along a frame's axes, to ``N 2``."""
        body = self.body
        return self.flatten(points @ body.frames[FRAMES.index(frame)].T + body.nodes[NODES.index(node)])

    def flatten(self, points: FloatArray) -> FloatArray:
        """Project points in the body's space, ``N 3``, to the picture: ``N 2``."""
        scales = self.scale / (1.0 + self.nearness * points[:, 2:])
        return np.asarray(points[:, :2] * scales + self.outline.nodes[0])

    def owners(self) -> npt.NDArray[np.bool_]:
        """Return a mask ``16 P`` of the parts that a joint belongs to, so that they never hide it."""
        owners = _ALWAYS_OWNED.copy()
        depths = self.body.nodes[:, 2].tolist()
        for joint, node, middle, parts, limit in _EDGES:
            if depths[node] - depths[middle] <= limit:
                owners[joint, parts] = True
        return owners


class Scene(NamedTuple):
    """Everything in a picture; what is in front comes later."""

    size: int
    behind: tuple[Person, ...]
    person: Person
    """Whom the annotation is about."""
    before: tuple[Person, ...]
    occluders: tuple[Occluder, ...]
    """Objects in front of everybody."""

    @property
    def others(self) -> tuple[Person, ...]:
        """Return the other people."""
        return self.behind + self.before

    def box(self) -> FloatArray:
        """Return the tight box of all of the person that is in the picture: ``(x, y, width, height)``."""
        left, top, right, bottom = (min(max(edge, 0.0), self.size - 1.0) for edge in self.person.outline.extent)
        return np.array([left, top, right - left, bottom - top])

    def visibility(self) -> npt.NDArray[np.uint8]:
        """Return the state of each joint: what is painted last where it lies must belong to it."""
        joints, outline = self.person.joints, self.person.outline
        order = outline.worn()
        inside = outline.contains(joints)[:, order[::-1]]
        owned = self.person.owners()[:, order[::-1]]
        nearest = inside.argmax(axis=1)
        rows = np.arange(len(joints))
        hidden = inside[rows, nearest] & ~owned[rows, nearest]
        for other in self.before:
            worn = other.outline.worn()
            hidden |= other.outline.contains(joints)[:, worn].any(axis=1)
        for occluder in self.occluders:
            hidden |= occluder.contains(joints)
        states = np.where(hidden, OCCLUDED, VISIBLE).astype(np.uint8)
        states[((joints < 0.0) | (joints > self.size - 1.0)).any(axis=1)] = NOT_LABELLED
        return states


def compose(
    numbers: tuple[int, int, int],
    difficulty: float,
    foreshortening: float,
    size: int,
    covered: Sequence[str] = (),
) -> Scene:
    """Compose the scene of some numbers, with an object before each of the person's joints that are ``covered``."""
    place, somebody, crowd, other, clutter, *covers = random_streams((*numbers, 0), 5 + len(covered))
    person = _sample_person(somebody, difficulty, foreshortening)
    person = _place_person(place, person, difficulty, size)
    behind: tuple[Person, ...] = ()
    before: tuple[Person, ...] = ()
    company, in_front = crowd.chance(0.6 * difficulty), crowd.chance(0.3)
    if company:
        guest = _sample_person(other, difficulty, foreshortening)
        guest = _place_guest(crowd, guest, person, in_front, size)
        behind, before = ((), (guest,)) if in_front else ((guest,), ())
    occluders = sample_occluders(clutter, difficulty, size, person.outline.extent)
    joints = zip(covered, covers, strict=True)
    occluders += tuple(sample_cover(stream, size, person.joints[MPII_JOINTS.index(joint)]) for joint, stream in joints)
    return Scene(size, behind, person, before, occluders)


def _sample_person(stream: RandomStream, difficulty: float, foreshortening: float) -> Person:
    any_way = stream.chance(0.8 * difficulty)
    towards, around = stream.between(-1.0, 1.0) * (22.0 + 45.0 * difficulty), stream.between(-180.0, 180.0)
    yaw = around if any_way else towards
    pitch = stream.around(0.03, 0.2) * (20.0 + 70.0 * difficulty)
    rotation = stream.around(0.0, 1.0) * (4.0 + 27.0 * difficulty)
    nearness = foreshortening * stream.between(0.3, 0.95)
    build, outfit = sample_build(stream), sample_outfit(stream)
    pose = sample_pose(stream, difficulty, foreshortening)
    body = pose_body(build, pose, yaw, pitch, rotation)
    return Person(body, outfit, trace(body, outfit, nearness), nearness, 1.0, rotation, yaw)


def _place_person(stream: RandomStream, person: Person, difficulty: float, size: int) -> Person:
    """Place somebody near the picture's middle, filling most of it and sometimes reaching out of it."""
    left, top, right, bottom = person.outline.extent
    fill = stream.between(0.82 - 0.2 * difficulty, 0.9)
    cut = stream.chance(0.2 * difficulty)
    closer, beyond_x, beyond_y = stream.between(1.1, 1.35), stream.between(-0.15, 0.15), stream.between(-0.2, 0.2)
    scale = size * fill / max(right - left, bottom - top) * (closer if cut else 1.0)
    room_x, room_y = size - scale * (right - left), size - scale * (bottom - top)
    x = size * 0.5 + stream.between(-0.35, 0.35) * max(room_x, 0.0) + (beyond_x * size if cut else 0.0)
    y = size * 0.5 + stream.between(-0.4, 0.4) * max(room_y, 0.0) + (beyond_y * size if cut else 0.0)
    return _moved(person, scale, x - 0.5 - scale * (left + right) * 0.5, y - 0.5 - scale * (top + bottom) * 0.5)


def _place_guest(stream: RandomStream, guest: Person, person: Person, in_front: bool, size: int) -> Person:
    """Place somebody beside, behind or before the person, often in part only."""
    left, top, right, bottom = person.outline.extent
    own_left, own_top, own_right, own_bottom = guest.outline.extent
    height = max(right - left, bottom - top)
    ratio = stream.between(0.9, 1.25) if in_front else stream.between(0.55, 1.0)
    scale = height * ratio / max(own_right - own_left, own_bottom - own_top)
    side = 1.0 if stream.chance(0.5) else -1.0
    away = (right - left) * 0.5 + scale * (own_right - own_left) * 0.5
    away *= stream.between(0.75, 1.1) if in_front else stream.between(0.5, 1.0)
    x = (left + right) * 0.5 + side * away
    y = (top + bottom) * 0.5 + stream.between(-0.12, 0.12) * size
    return _moved(guest, scale, x - scale * (own_left + own_right) * 0.5, y - scale * (own_top + own_bottom) * 0.5)


def _moved(person: Person, scale: float, x: float, y: float) -> Person:
    return person._replace(outline=person.outline.placed(scale, x, y), scale=scale)
