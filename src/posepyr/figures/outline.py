"""The outline of a person in the picture: every body part as a flat shape with a depth.

Two kinds of shape carry everything. A chain is a limb: circles along a bone and what lies between neighbours. A
hull is what a tight band around several ellipsoids encloses, as its support in 24 directions. The same shapes are
painted, give the box, and decide which joints are hidden.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.figures.body import FRAMES, NODES, Body, Outfit
from posepyr.records import FloatArray

STATIONS = np.linspace(0.0, 1.0, 5)
# part: (from node, to node, radii at the stations)
_CHAINS = {
    "neck": ("thorax", "neck", (0.036, 0.031, 0.029, 0.029, 0.030)),
    "right_upper_arm": ("right_shoulder", "right_elbow", (0.037, 0.036, 0.033, 0.029, 0.026)),
    "left_upper_arm": ("left_shoulder", "left_elbow", (0.037, 0.036, 0.033, 0.029, 0.026)),
    "right_forearm": ("right_elbow", "right_wrist", (0.026, 0.028, 0.025, 0.021, 0.017)),
    "left_forearm": ("left_elbow", "left_wrist", (0.026, 0.028, 0.025, 0.021, 0.017)),
    "right_hand": ("right_wrist", "right_fingers", (0.017, 0.021, 0.023, 0.021, 0.014)),
    "left_hand": ("left_wrist", "left_fingers", (0.017, 0.021, 0.023, 0.021, 0.014)),
    "right_thigh": ("right_hip", "right_knee", (0.058, 0.056, 0.050, 0.043, 0.037)),
    "left_thigh": ("left_hip", "left_knee", (0.058, 0.056, 0.050, 0.043, 0.037)),
    "right_shin": ("right_knee", "right_ankle", (0.037, 0.040, 0.035, 0.027, 0.022)),
    "left_shin": ("left_knee", "left_ankle", (0.037, 0.040, 0.035, 0.027, 0.022)),
}
# (part, node, frame, centre, radii)
_ELLIPSOIDS = (
    ("pelvis", "waist", "pelvis", (0.0, 0.0, 0.0), (0.074, 0.030, 0.053)),
    ("pelvis", "pelvis", "pelvis", (0.0, -0.022, 0.004), (0.092, 0.050, 0.066)),
    ("pelvis", "pelvis", "pelvis", (0.0, 0.028, 0.004), (0.060, 0.030, 0.050)),
    ("chest", "waist", "pelvis", (0.0, 0.022, 0.0), (0.078, 0.028, 0.056)),
    ("chest", "thorax", "chest", (0.0, 0.085, -0.004), (0.094, 0.050, 0.064)),
    ("chest", "thorax", "chest", (0.0, 0.030, 0.0), (0.108, 0.034, 0.050)),
    ("chest", "thorax", "chest", (0.0, 0.004, 0.004), (0.060, 0.018, 0.036)),
    ("head", "neck", "head", (0.0, -0.088, 0.004), (0.059, 0.070, 0.068)),
    ("head", "neck", "head", (0.0, -0.036, -0.022), (0.040, 0.040, 0.040)),
    ("right_foot", "right_ankle", "right_foot", (0.0, 0.020, 0.016), (0.026, 0.026, 0.026)),
    ("right_foot", "right_ankle", "right_foot", (0.0, 0.026, -0.050), (0.029, 0.019, 0.026)),
    ("right_foot", "right_ankle", "right_foot", (0.0, 0.032, -0.090), (0.022, 0.013, 0.020)),
    ("left_foot", "left_ankle", "left_foot", (0.0, 0.020, 0.016), (0.026, 0.026, 0.026)),
    ("left_foot", "left_ankle", "left_foot", (0.0, 0.026, -0.050), (0.029, 0.019, 0.026)),
    ("left_foot", "left_ankle", "left_foot", (0.0, 0.032, -0.090), (0.022, 0.013, 0.020)),
    ("skirt", "waist", "pelvis", (0.0, 0.010, 0.0), (0.077, 0.018, 0.056)),
    ("skirt", "right_hip", "right_thigh", (-0.012, 0.0, 0.0), (0.070, 0.020, 0.074)),
    ("skirt", "left_hip", "left_thigh", (0.012, 0.0, 0.0), (0.070, 0.020, 0.074)),
    ("mane", "neck", "head", (0.0, -0.090, 0.020), (0.066, 0.066, 0.062)),
    ("mane", "neck", "head", (0.0, 0.020, 0.044), (0.066, 0.040, 0.030)),
    ("backpack", "thorax", "chest", (0.0, 0.035, 0.088), (0.062, 0.040, 0.040)),
    ("backpack", "thorax", "chest", (0.0, 0.140, 0.096), (0.076, 0.060, 0.054)),
)
CHAINS = tuple(_CHAINS)
HULLS = tuple(dict.fromkeys(part for part, *_ in _ELLIPSOIDS))
PARTS = CHAINS + HULLS
OPTIONAL = ("skirt", "mane", "backpack")

_FROM = np.array([NODES.index(start) for start, _, _ in _CHAINS.values()])
_TO = np.array([NODES.index(end) for _, end, _ in _CHAINS.values()])
_RADII = np.array([radii for _, _, radii in _CHAINS.values()])
_ON_LEG = np.array([[part.endswith(("thigh", "shin"))] for part in CHAINS])
_SHARE_STARTS = {"arm": 0.0, "forearm": 0.5, "thigh": 0.0, "shin": 0.5}
_SHARES = np.stack([_SHARE_STARTS.get(part.rpartition("_")[2], 9.0) + STATIONS * 0.5 for part in CHAINS])
"""``11 5``: how far down an arm or leg each circle lies; what no cloth covers lies far out."""
_ELLIPSOID_NODES = np.array([NODES.index(node) for _, node, *_ in _ELLIPSOIDS])
_ELLIPSOID_FRAMES = np.array([FRAMES.index(frame) for _, _, frame, *_ in _ELLIPSOIDS])
_CENTRES = np.array([centre for *_, centre, _ in _ELLIPSOIDS])
_ELLIPSOID_RADII = np.array([radii for *_, radii in _ELLIPSOIDS])
_ELLIPSOID_PARTS = [part for part, *_ in _ELLIPSOIDS]
_HULL_STARTS = np.array([_ELLIPSOID_PARTS.index(part) for part in HULLS])
_HULL_COUNTS = np.diff(_HULL_STARTS, append=len(_ELLIPSOIDS))
_HEAD_ROWS = np.array([part in ("head", "mane") for part in _ELLIPSOID_PARTS])
_HEM_ROWS = np.array([part == "skirt" and node != "waist" for part, node, *_ in _ELLIPSOIDS])

_ANGLES = np.arange(24) * (2.0 * np.pi / 24)
DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
"""``24 2``: where hulls are supported; the first and every sixth lie along the axes."""
_TANGENTS = np.stack([-np.sin(_ANGLES), np.cos(_ANGLES)], axis=1)
_SQUARES = (DIRECTIONS[:, :, None] * DIRECTIONS[:, None]).reshape(-1, 4).T
"""``4 24``: what turns a 2 by 2 matrix into its squared support in each direction."""
_STEP_COSINE, _STEP_SINE = float(np.cos(_ANGLES[1])), float(np.sin(_ANGLES[1]))

# Where depth alone would let a shirt vanish under trousers or a neck under a collar.
_BIAS = {"neck": -0.012, "head": -0.02, "chest": -0.012, "pelvis": 0.02, "skirt": -0.008, "right_hand": -0.004,
         "left_hand": -0.004, "right_foot": 0.006, "left_foot": 0.006}  # fmt: skip
_BIASES = np.array([_BIAS.get(part, 0.0) for part in PARTS])


class Outline(NamedTuple):
    """A person's shapes, flat. In units of the body's height about its pelvis until placed in a picture."""

    nodes: FloatArray
    """``19 2``."""
    chains: FloatArray
    """``11 5 3``: centre and radius of each chain's circles."""
    supports: FloatArray
    """``H 24``: how far each hull reaches in each of ``DIRECTIONS``."""
    depths: FloatArray
    """Depth of each part, larger is farther; infinite for what the person does not wear."""

    extent: tuple[float, float, float, float]
    """The tight box around all parts that are there: left, top, right, bottom."""

    def placed(self, scale: float, x: float, y: float) -> "Outline":
        """Return the same outline in a picture: enlarged, then moved."""
        chains = self.chains * scale
        chains[:, :, 0] += x
        chains[:, :, 1] += y
        shift = np.array([x, y])
        supports = self.supports * scale + DIRECTIONS @ shift
        left, top, right, bottom = self.extent
        extent = left * scale + x, top * scale + y, right * scale + x, bottom * scale + y
        return Outline(self.nodes * scale + shift, chains, supports, self.depths, extent)

    def worn(self) -> list[int]:
        """Return the parts that are there, as indices of ``PARTS``, from far to near."""
        order: list[int] = np.argsort(-self.depths, kind="stable").tolist()
        return order[int(np.isinf(self.depths).sum()) :]

    def polygons(self, margins: FloatArray) -> FloatArray:
        """Return ``M H 24 2``: corners of the hulls, where neighbouring supports meet, moved out by each margin."""
        supports = self.supports + margins[:, None, None]
        following = np.concatenate([supports[:, :, 1:], supports[:, :, :1]], axis=2)
        along = (following - supports * _STEP_COSINE) / _STEP_SINE
        return np.asarray(supports[..., None] * DIRECTIONS + along[..., None] * _TANGENTS)

    def contains(self, points: FloatArray) -> npt.NDArray[np.bool_]:
        """Return a mask ``N P`` of points inside parts, worn or not."""
        return np.concatenate([in_chains(self.chains, points), in_hulls(self.supports, points)], axis=1)


def in_chains(chains: FloatArray, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Return a mask ``N C`` of points inside chains."""
    x, y, radius = chains[:, :-1, 0], chains[:, :-1, 1], chains[:, :-1, 2]
    bone_x, bone_y = chains[:, 1:, 0] - x, chains[:, 1:, 1] - y
    away_x, away_y = points[:, 0, None, None] - x, points[:, 1, None, None] - y
    along = (away_x * bone_x + away_y * bone_y) / np.maximum(bone_x * bone_x + bone_y * bone_y, 1e-12)
    along = np.minimum(np.maximum(along, 0.0), 1.0)
    away_x -= along * bone_x
    away_y -= along * bone_y
    reach = radius + along * (chains[:, 1:, 2] - radius)
    return np.asarray((away_x * away_x + away_y * away_y <= reach * reach).any(axis=2))


def in_hulls(supports: FloatArray, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Return a mask ``N H`` of points inside hulls."""
    within = (points @ DIRECTIONS.T)[:, None] <= supports
    return np.asarray(within.all(axis=2))


def trace(body: Body, outfit: Outfit, nearness: float) -> Outline:
    """Trace the outline of a clothed body.

    ``nearness`` is 1 over the camera's distance in body heights: 0 is a camera so far away that depth changes no
    size; towards 1, what reaches out to the camera grows and what lies behind shrinks.
    """
    scales = 1.0 / (1.0 + nearness * body.nodes[:, 2])
    chains, chain_depths = _trace_chains(body, outfit, nearness)
    supports, hull_depths = _trace_hulls(body, outfit, nearness)
    depths = np.concatenate([chain_depths, hull_depths]) + _BIASES
    _order_clothes(depths, outfit)
    nodes = body.nodes[:, :2] * scales[:, None]
    return Outline(nodes, chains, supports, depths, _extent(nodes, chains, supports, depths))


def _trace_chains(body: Body, outfit: Outfit, nearness: float) -> tuple[FloatArray, FloatArray]:
    start, end = body.nodes[_FROM, None], body.nodes[_TO, None]
    points = start + (end - start) * STATIONS[:, None]
    scales = 1.0 / (1.0 + nearness * points[:, :, 2])
    chains = np.empty((len(CHAINS), len(STATIONS), 3))
    chains[:, :, :2] = points[:, :, :2] * scales[:, :, None]
    chains[:, :, 2] = _RADII * _clothing(outfit) * (body.build.girth * scales)
    return chains, points[:, 2, 2].copy()


def _clothing(outfit: Outfit) -> FloatArray:
    """Return ``11 5``: the factors by which cloth widens each circle of a chain."""
    leg = outfit.hem if outfit.lower != "skirt" else 0.0
    covered = np.where(_ON_LEG, leg, outfit.sleeves)
    return np.where(covered > _SHARES, outfit.looseness, 1.0)


def _trace_hulls(body: Body, outfit: Outfit, nearness: float) -> tuple[FloatArray, FloatArray]:
    build = body.build
    centres, radii = _CENTRES.copy(), _ELLIPSOID_RADII * ((build.girth + 1.0) * 0.5)
    centres[_HEAD_ROWS] *= build.head
    radii[_HEAD_ROWS] = _ELLIPSOID_RADII[_HEAD_ROWS] * build.head
    radii[:3, 0] *= build.hips
    radii[4:6, 0] *= build.shoulders
    centres[_HEM_ROWS, 1] = outfit.hem * 2.0 * 0.238 * build.legs
    frames = body.frames[_ELLIPSOID_FRAMES]
    centres = body.nodes[_ELLIPSOID_NODES] + np.matmul(frames, centres[:, :, None])[:, :, 0]
    scales = 1.0 / (1.0 + nearness * centres[:, 2])
    # An ellipsoid's shadow is an ellipse with support sqrt(u' B B' u), where B = (its axes, flat).
    axes = frames[:, :2] * radii[:, None]
    shadow = np.matmul(axes, axes.transpose(0, 2, 1)).reshape(-1, 4)
    supports = (centres[:, :2] @ DIRECTIONS.T + np.sqrt(shadow @ _SQUARES)) * scales[:, None]
    return np.maximum.reduceat(supports, _HULL_STARTS), np.add.reduceat(centres[:, 2], _HULL_STARTS) / _HULL_COUNTS


def _order_clothes(depths: FloatArray, outfit: Outfit) -> None:
    """Take off what is not worn, and put a skirt over both thighs."""
    skirt, mane, backpack = (PARTS.index(part) for part in OPTIONAL)
    if outfit.lower == "skirt":
        thighs = min(depths[7], depths[8], depths[PARTS.index("pelvis")])
        depths[skirt] = min(depths[skirt], thighs - 1e-3)
    else:
        depths[skirt] = np.inf
    if outfit.hair != "long":
        depths[mane] = np.inf
    if not outfit.backpack:
        depths[backpack] = np.inf


def _extent(
    nodes: FloatArray, chains: FloatArray, supports: FloatArray, depths: FloatArray
) -> tuple[float, float, float, float]:
    there = supports[depths[len(CHAINS) :] < np.inf]
    right, bottom, left, top = there[:, ::6].max(axis=0).tolist()
    # The top of the head lies on the skull's outline: a near camera may push it just beyond.
    x, y = nodes[NODES.index("head_top")].tolist()
    radii = chains[:, :, 2:]
    least_x, least_y = (chains[:, :, :2] - radii).min(axis=(0, 1)).tolist()
    most_x, most_y = (chains[:, :, :2] + radii).max(axis=(0, 1)).tolist()
    return min(-left, least_x, x), min(-top, least_y, y), max(right, most_x, x), max(bottom, most_y, y)
