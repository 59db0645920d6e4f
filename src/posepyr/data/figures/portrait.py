"""A person onto pixels."""

from typing import NamedTuple

import cv2
import numpy as np

from posepyr.data.figures.body import NODES
from posepyr.data.figures.brush import SHIFT, paint_surface, plan, rounded
from posepyr.data.figures.dress import LENGTH, WIDTH, Dress
from posepyr.data.figures.head import paint_head
from posepyr.data.figures.outline import CHAINS, PARTS
from posepyr.data.figures.scene import Person
from posepyr.data.figures.textures import Cloth, Colour, shaded
from posepyr.data.figures.trim import paint_chest, paint_hips, paint_pack, paint_sole, paint_thumb
from posepyr.records import FloatArray, Pixels

_RIM = 0.55
"""Light on a part's rim."""
_AXES = {
    "pelvis": ("waist", "pelvis"),
    "chest": ("thorax", "waist"),
    "head": ("head_top", "neck"),
    "skirt": ("waist", "pelvis"),
    "mane": ("head_top", "thorax"),
    "backpack": ("thorax", "waist"),
}
_HULL_AXES = tuple(_AXES.get(part, ("pelvis", "pelvis")) for part in PARTS[len(CHAINS) :])
_AXIS_STARTS = np.array([NODES.index(start) for start, _ in _HULL_AXES])
_AXIS_ENDS = np.array([NODES.index(end) for _, end in _HULL_AXES])
_FOOT_LINE = np.array([[0.0, 0.0, 0.02], [0.0, 0.03, -0.1]])
_FEET = tuple((part - len(CHAINS), PARTS[part]) for part in range(len(PARTS)) if PARTS[part].endswith("_foot"))

# Joints where two parts meet: whichever is painted first gets a round rim under both, so that limbs look whole.
# (the parts, the chain whose end it is, which end)
_MEETINGS = tuple(
    ((first.format(side), second.format(side)), chain.format(side), end)
    for side in ("right", "left")
    for first, second, chain, end in (
        ("chest", "{}_upper_arm", "{}_upper_arm", 0),
        ("{}_upper_arm", "{}_forearm", "{}_forearm", 0),
        ("{}_forearm", "{}_hand", "{}_hand", 0),
        ("{}_hand", "{}_hand", "{}_hand", 4),
        ("pelvis", "{}_thigh", "{}_thigh", 0),
        ("{}_thigh", "{}_shin", "{}_shin", 0),
        ("{}_shin", "{}_foot", "{}_shin", 4),
    )
)
_MEETINGS_OF = {
    part: tuple((number, CHAINS.index(chain), end) for number, (parts, chain, end) in enumerate(_MEETINGS) if part in parts)
    for part in PARTS
}


class _Surface(NamedTuple):
    patch: Pixels
    rim: Colour


def paint_person(canvas: Pixels, person: Person, dress: Dress, sun: tuple[float, float]) -> None:
    """Every part of a person, far ones first."""
    outline = person.outline
    surfaces = _surfaces(person, dress)
    shapes = np.array([surfaces[part].patch.shape[1::-1] for part in PARTS])
    strokes = plan(outline, _axes(person), shapes, sun, canvas.shape[0])
    met: set[int] = set()
    for part in outline.worn():
        name = PARTS[part]
        for number, chain, end in _MEETINGS_OF[name]:
            if number not in met:
                met.add(number)
                _paint_joint(canvas, outline.chains[chain, end], surfaces[CHAINS[chain]].rim)
        surface = surfaces[name]
        paint_surface(canvas, strokes, part, surface.patch, surface.rim)
        _finish(canvas, person, dress, name)


def _paint_joint(canvas: Pixels, circle: FloatArray, rim: Colour) -> None:
    x, y, radius = circle.tolist()
    cv2.circle(canvas, (round(x * 16), round(y * 16)), round(radius * 16 + 4), rim, -1, cv2.LINE_AA, SHIFT)


def _finish(canvas: Pixels, person: Person, dress: Dress, name: str) -> None:
    """What belongs on a part once it is painted."""
    if name == "head":
        paint_head(canvas, person, dress)
    elif name == "chest":
        paint_chest(canvas, person, dress)
    elif name == "pelvis":
        paint_hips(canvas, person, dress)
    elif name == "backpack":
        paint_pack(canvas, person, dress)
    elif name.endswith("_foot"):
        paint_sole(canvas, person, dress, name)
    elif name.endswith("_hand"):
        paint_thumb(canvas, person, dress, name)


def _axes(person: Person) -> tuple[FloatArray, FloatArray]:
    """The lines that the parts' surfaces follow, from ``P 2`` to ``P 2``."""
    outline = person.outline
    starts = np.concatenate([outline.chains[:, 0, :2], outline.nodes[_AXIS_STARTS]])
    ends = np.concatenate([outline.chains[:, -1, :2], outline.nodes[_AXIS_ENDS]])
    for hull, name in _FEET:
        row = len(CHAINS) + hull
        starts[row], ends[row] = person.at(name.replace("foot", "ankle"), name, _FOOT_LINE)
    return starts, ends


def _surfaces(person: Person, dress: Dress) -> dict[str, _Surface]:
    outfit = person.outfit
    covered = outfit.hem if outfit.lower != "skirt" else 0.0
    arm, leg = _limb(dress.shirt, dress.skin, outfit.sleeves), _limb(dress.lower, dress.skin, covered)
    shirt_rim, lower_rim = shaded(dress.shirt.colour, _RIM), shaded(dress.lower.colour, _RIM)
    skin, shoe = _plain(dress.skin), _plain(dress.shoes)
    lower = _Surface(rounded(dress.lower.piece), lower_rim)
    surfaces = {
        "neck": skin,
        "head": skin,
        "pelvis": lower,
        "skirt": lower,
        "chest": _Surface(rounded(dress.shirt.piece), shirt_rim),
        "mane": _plain(dress.hair),
        "backpack": _plain(dress.pack),
    }
    for side in ("right", "left"):
        surfaces[f"{side}_upper_arm"] = _Surface(arm[:LENGTH], shirt_rim if outfit.sleeves > 0.2 else skin.rim)
        surfaces[f"{side}_forearm"] = _Surface(arm[LENGTH:], shirt_rim if outfit.sleeves > 0.6 else skin.rim)
        surfaces[f"{side}_hand"] = skin
        surfaces[f"{side}_thigh"] = _Surface(leg[:LENGTH], lower_rim if covered > 0.2 else skin.rim)
        surfaces[f"{side}_shin"] = _Surface(leg[LENGTH:], lower_rim if covered > 0.6 else skin.rim)
        surfaces[f"{side}_foot"] = shoe
    return surfaces


def _limb(cloth: Cloth, skin: Colour, covered: float) -> Pixels:
    """``128 32 3``: an arm's or leg's surface, covered from its top on."""
    patch = np.empty((2 * LENGTH, WIDTH, 3), dtype=np.uint8)
    end = round(covered * 2 * LENGTH)
    patch[:LENGTH], patch[LENGTH:] = cloth.piece[:, :WIDTH], cloth.piece[:, WIDTH:]
    patch[end:] = skin
    if 0 < end < 2 * LENGTH:
        patch[end - 3 : end - 1] = shaded(cloth.colour, 0.7)
    return rounded(patch)


def _plain(colour: Colour) -> _Surface:
    return _Surface(rounded(np.full((8, WIDTH, 3), colour, dtype=np.uint8)), shaded(colour, _RIM))
