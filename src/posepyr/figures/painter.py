"""Scenes and people painted onto pixels, from far to near."""

from typing import NamedTuple

import cv2
import numpy as np

from posepyr.figures import random_streams
from posepyr.figures.backdrop import paint_backdrop, paint_light, paint_occluder
from posepyr.figures.body import FRAMES, NODES
from posepyr.figures.brush import SHIFT, fixed, paint_surface, plan, rounded
from posepyr.figures.details import paint_chest, paint_head, paint_hips, paint_pack, paint_sole, paint_thumb
from posepyr.figures.outline import CHAINS, PARTS, Outline
from posepyr.figures.scene import Person, Scene
from posepyr.figures.textures import LENGTH, WIDTH, Cloth, Colour, Dress, sample_dress, shaded
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
# On each foot the line that its surface follows and its sole, on each hand the thumb.
_FOOT = ((0.0, 0.0, 0.02), (0.0, 0.03, -0.1), (0.0, 0.042, 0.034), (0.0, 0.045, -0.05), (0.0, 0.042, -0.100))
_THUMB = ((0.0, 0.012, -0.012), (0.0, 0.038, -0.024))
_TIPS = tuple(
    (f"{side}_{node}", f"{side}_{part}", points)
    for side in ("right", "left")
    for node, part, points in (("ankle", "foot", _FOOT), ("wrist", "hand", _THUMB))
)
_TIP_NODES = np.array([NODES.index(node) for node, _, points in _TIPS for _ in points])
_TIP_FRAMES = np.array([FRAMES.index(part) for _, part, points in _TIPS for _ in points])
_TIP_POINTS = np.array([point for *_, points in _TIPS for point in points])[:, :, None]
_TIP_SPANS = {
    "right_foot": slice(0, 5),
    "right_hand": slice(5, 7),
    "left_foot": slice(7, 12),
    "left_hand": slice(12, 14),
}


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
_FEET = tuple((row, part) for row, part in enumerate(PARTS) if part.endswith("_foot"))
_MEETINGS_OF = {
    part: tuple(
        (number, CHAINS.index(chain), end) for number, (parts, chain, end) in enumerate(_MEETINGS) if part in parts
    )
    for part in PARTS
}


class _Surface(NamedTuple):
    patch: Pixels
    rim: Colour


def paint_person(canvas: Pixels, person: Person, dress: Dress, sun: tuple[float, float]) -> None:
    """Paint every part of a person, far ones first."""
    outline = person.outline
    surfaces = _surfaces(person, dress)
    shapes = np.array([surfaces[part].patch.shape[1::-1] for part in PARTS])
    tips = _tips(person)
    strokes = plan(outline, _axes(outline, tips), shapes, sun, canvas.shape[0])
    met: set[int] = set()
    for part in outline.worn():
        name = PARTS[part]
        for number, chain, end in _MEETINGS_OF[name]:
            if number not in met:
                met.add(number)
                _paint_joint(canvas, outline.chains[chain, end], surfaces[CHAINS[chain]].rim)
        surface = surfaces[name]
        paint_surface(canvas, strokes, part, surface.patch, surface.rim)
        _finish(canvas, person, dress, name, tips)


def _paint_joint(canvas: Pixels, circle: FloatArray, rim: Colour) -> None:
    x, y, radius = circle.tolist()
    cv2.circle(canvas, (round(x * 16), round(y * 16)), round(radius * 16 + 4), rim, -1, cv2.LINE_AA, SHIFT)


def _finish(canvas: Pixels, person: Person, dress: Dress, name: str, tips: dict[str, FloatArray]) -> None:
    """Paint the details that belong on a part once it is painted."""
    if name == "head":
        paint_head(canvas, person, dress)
    elif name == "chest":
        paint_chest(canvas, person, dress)
    elif name == "pelvis":
        paint_hips(canvas, person, dress)
    elif name == "backpack":
        paint_pack(canvas, person, dress)
    elif name.endswith("_foot"):
        paint_sole(canvas, person, dress, fixed(tips[name][2:]))
    elif name.endswith("_hand"):
        paint_thumb(canvas, person, dress, fixed(tips[name]))


def _tips(person: Person) -> dict[str, FloatArray]:
    """Return points on hands and feet, in the picture."""
    body = person.body
    space = np.matmul(body.frames[_TIP_FRAMES], _TIP_POINTS)[:, :, 0] + body.nodes[_TIP_NODES]
    flat = person.flatten(space)
    return {part: flat[span] for part, span in _TIP_SPANS.items()}


def _axes(outline: Outline, tips: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the lines that the parts' surfaces follow, from ``P 2`` to ``P 2``."""
    starts = np.concatenate([outline.chains[:, 0, :2], outline.nodes[_AXIS_STARTS]])
    ends = np.concatenate([outline.chains[:, -1, :2], outline.nodes[_AXIS_ENDS]])
    for row, name in _FEET:
        starts[row], ends[row] = tips[name][:2]
    return starts, ends


def _surfaces(person: Person, dress: Dress) -> dict[str, _Surface]:
    outfit = person.outfit
    covered = outfit.hem if outfit.lower != "skirt" else 0.0
    colours = (dress.skin, dress.shoes, dress.hair, dress.pack)
    rows = np.empty((4 * LENGTH + 8 * len(colours), WIDTH, 3), dtype=np.uint8)
    _dress_limb(rows[: 2 * LENGTH], dress.shirt, dress.skin, outfit.sleeves)
    _dress_limb(rows[2 * LENGTH : 4 * LENGTH], dress.lower, dress.skin, covered)
    rows[4 * LENGTH :].reshape(len(colours), 8 * WIDTH, 3)[:] = np.array(colours)[:, None]
    upper_arm, forearm, thigh, shin, plain = np.split(rounded(rows), np.arange(1, 5) * LENGTH)
    skin, shoe, mane, pack = (
        _Surface(patch, shaded(colour, _RIM)) for patch, colour in zip(np.split(plain, 4), colours, strict=True)
    )
    shirt_rim, lower_rim = shaded(dress.shirt.colour, _RIM), shaded(dress.lower.colour, _RIM)
    lower = _Surface(rounded(dress.lower.piece), lower_rim)
    surfaces = {"neck": skin, "head": skin, "pelvis": lower, "skirt": lower, "mane": mane, "backpack": pack}
    surfaces["chest"] = _Surface(rounded(dress.shirt.piece), shirt_rim)
    for side in ("right", "left"):
        surfaces[f"{side}_upper_arm"] = _Surface(upper_arm, shirt_rim if outfit.sleeves > 0.2 else skin.rim)
        surfaces[f"{side}_forearm"] = _Surface(forearm, shirt_rim if outfit.sleeves > 0.6 else skin.rim)
        surfaces[f"{side}_hand"] = skin
        surfaces[f"{side}_thigh"] = _Surface(thigh, lower_rim if covered > 0.2 else skin.rim)
        surfaces[f"{side}_shin"] = _Surface(shin, lower_rim if covered > 0.6 else skin.rim)
        surfaces[f"{side}_foot"] = shoe
    return surfaces


def _dress_limb(rows: Pixels, cloth: Cloth, skin: Colour, covered: float) -> None:
    """Fill ``128 32 3``, an arm's or leg's surface, covered from its top on."""
    end = round(covered * 2 * LENGTH)
    rows[:LENGTH], rows[LENGTH:] = cloth.piece[:, :WIDTH], cloth.piece[:, WIDTH:]
    rows[end:] = skin
    if 0 < end < 2 * LENGTH:
        rows[end - 3 : end - 1] = shaded(cloth.colour, 0.7)


def paint(scene: Scene, numbers: tuple[int, int, int], difficulty: float) -> Pixels:
    """Paint a scene, ``H W 3`` in RGB; ``numbers`` are those that the scene was composed with."""
    wall, clothes, strangers, objects, light = random_streams((*numbers, 1), 5, 256)
    canvas = np.empty((scene.size, scene.size, 3), dtype=np.uint8)
    from_left = light.chance(0.5)
    sun = (-0.8 if from_left else 0.8, -0.6)
    paint_backdrop(canvas, wall, difficulty)
    for other in scene.behind:
        paint_person(canvas, other, sample_dress(strangers, difficulty), sun)
    paint_person(canvas, scene.person, sample_dress(clothes, difficulty), sun)
    for other in scene.before:
        paint_person(canvas, other, sample_dress(strangers, difficulty), sun)
    for occluder in scene.occluders:
        paint_occluder(canvas, occluder, objects)
    return paint_light(canvas, light, difficulty)
