"""The joints of a body by name: what a data set labels and a network predicts."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of named joints with pairs, limbs, sigmas and unit.

    Everything that refers to joints elsewhere does so by name, so that two skeletons can be mapped on each
    other; the order of ``joints`` is the order of every tensor's joint axis.
    """

    name: str
    joints: tuple[str, ...]
    flip_pairs: tuple[tuple[str, str], ...] = ()
    """Pairs of joints that a mirror swaps."""
    limbs: tuple[tuple[str, str], ...] = ()
    """Joints to connect when drawing."""
    sigmas: tuple[float, ...] = ()
    """Spread of each joint's annotation for object keypoint similarity, in the order of ``joints``."""
    unit: tuple[str, str] | None = None
    """The two joints whose distance is the length that PCK's threshold is a share of."""
    lower_body: tuple[str, ...] = ()
    """The joints from the hips down."""

    def __post_init__(self) -> None:
        # Configuration files bring lists; the skeleton itself is hashable.
        object.__setattr__(self, "joints", tuple(self.joints))
        object.__setattr__(self, "flip_pairs", tuple(_pair(self.name, "flip_pairs", p) for p in self.flip_pairs))
        object.__setattr__(self, "limbs", tuple(_pair(self.name, "limbs", p) for p in self.limbs))
        object.__setattr__(self, "sigmas", tuple(float(sigma) for sigma in self.sigmas))
        if self.unit is not None:
            object.__setattr__(self, "unit", _pair(self.name, "unit", self.unit))
        object.__setattr__(self, "lower_body", tuple(self.lower_body))
        self._check()

    def _check(self) -> None:
        where = f"skeleton {self.name!r}"
        if not self.joints or len(set(self.joints)) != len(self.joints):
            raise ValueError(f"{where}: joints must be distinct names, got {list(self.joints)}")
        for key, pairs in (("flip_pairs", self.flip_pairs), ("limbs", self.limbs)):
            for joint in (joint for pair in pairs for joint in pair):
                self._check_known(key, joint)
        paired = [joint for pair in self.flip_pairs for joint in pair]
        if len(set(paired)) != len(paired):
            raise ValueError(f"{where}: flip_pairs must name each joint at most once, got {paired}")
        for joint in self.unit or ():
            self._check_known("unit", joint)
        for joint in self.lower_body:
            self._check_known("lower_body", joint)
        if self.sigmas and len(self.sigmas) != len(self.joints):
            raise ValueError(
                f"{where}: sigmas must hold one number for each of the {len(self.joints)} joints, "
                f"got {len(self.sigmas)}"
            )
        if any(sigma <= 0 for sigma in self.sigmas):
            raise ValueError(f"{where}: sigmas must be positive, got {list(self.sigmas)}")

    def _check_known(self, key: str, joint: str) -> None:
        if joint not in self.joints:
            raise ValueError(
                f"skeleton {self.name!r}: {key} must name joints of it, got {joint!r}; "
                f"its joints are {', '.join(self.joints)}"
            )

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Return the position of a joint in every tensor's joint axis."""
        self._check_known("index", joint)
        return self.joints.index(joint)

    @cached_property
    def flip_order(self) -> tuple[int, ...]:
        """Return the source of each joint of a mirrored body: ``mirrored = keypoints[flip_order]``."""
        partner = {a: b for pair in self.flip_pairs for a, b in (pair, pair[::-1])}
        return tuple(self.joints.index(partner.get(joint, joint)) for joint in self.joints)

    @cached_property
    def limb_indices(self) -> tuple[tuple[int, int], ...]:
        """Return the limbs as positions in the joint axis."""
        return tuple((self.joints.index(a), self.joints.index(b)) for a, b in self.limbs)

    @cached_property
    def unit_indices(self) -> tuple[int, int] | None:
        """Return the two joints of the unit as positions in the joint axis."""
        return None if self.unit is None else (self.joints.index(self.unit[0]), self.joints.index(self.unit[1]))


def _pair(name: str, key: str, pair: object) -> tuple[str, str]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError(f"skeleton {name!r}: {key} must hold pairs of joint names, got {pair!r}")
    return str(pair[0]), str(pair[1])


# The joint orders of the benchmarks' own files. Each stands in conf/skeleton/ as well, where users see it with sigmas
# and limbs; a test holds the two equal.
MPII_JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax", "neck",
    "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip
COCO_JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
LSP_JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist",
    "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head_top",
)  # fmt: skip
POSETRACK_JOINTS = (
    "nose", "head_bottom", "head_top", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Those that are annotated, in the order of the 2018 files, which also name two ears that never are."""
AI_CHALLENGER_JOINTS = (
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", "right_hip",
    "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "head_top", "neck",
)  # fmt: skip
