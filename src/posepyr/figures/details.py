"""Details of people: faces, hair and hats, and what tells a front from a back."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from posepyr.figures.body import FRAMES
from posepyr.figures.brush import SHIFT, Fixed, fill, fixed, line, sketch
from posepyr.figures.scene import Person
from posepyr.figures.textures import Colour, Dress, mix, shaded
from posepyr.records import FloatArray, Pixels

_SKULL = np.array([0.0, -0.088, 0.004])
_RADII = np.array([0.059, 0.070, 0.068])


def _sphere(count: int) -> FloatArray:
    """Return points spread evenly over the unit sphere."""
    step = np.arange(count) + 0.5
    height, turn = 1.0 - 2.0 * step / count, step * math.pi * (3.0 - math.sqrt(5.0))
    radius = np.sqrt(1.0 - height**2)
    return np.stack([radius * np.cos(turn), height, radius * np.sin(turn)], axis=1)


def _cap(normal: tuple[float, float], offset: float) -> FloatArray:
    """Return points of the unit sphere on one side of a plane that is level from ear to ear, its edge included."""
    plane = np.array([0.0, *normal]) / math.hypot(*normal)
    points = _sphere(120)
    turn = np.linspace(0.0, 2.0 * math.pi, 40, endpoint=False)
    other = np.array([0.0, plane[2], -plane[1]])
    ring = plane * offset + math.sqrt(1.0 - offset**2) * (
        np.cos(turn)[:, None] * [1, 0, 0] + np.sin(turn)[:, None] * other
    )
    return np.concatenate([points[points @ plane > offset], ring])


_HAIR = _cap((-0.80, 0.60), 0.02)
_CAP = _cap((-0.96, 0.22), 0.22)
_BEANIE = _cap((-0.88, 0.46), 0.02)
_BAND = _cap((-0.88, 0.46), 0.30)


def _disc(x: float, y: float, width: float, height: float) -> FloatArray:
    turn = np.linspace(0.0, 2.0 * math.pi, 10, endpoint=False)
    return _onto_face(np.stack([x + width * np.cos(turn), y + height * np.sin(turn)], axis=1))


def _onto_face(points: npt.ArrayLike) -> FloatArray:
    """Put places on the front of the head, ``N 2`` to ``N 3``: the skull above, the jaw below."""
    flat = np.asarray(points, dtype=np.float64)
    skull = 1.0 - (flat[:, 0] / _RADII[0]) ** 2 - ((flat[:, 1] - _SKULL[1]) / _RADII[1]) ** 2
    jaw = 0.040**2 - flat[:, 0] ** 2 - (flat[:, 1] + 0.036) ** 2
    depth = np.minimum(0.004 - _RADII[2] * np.sqrt(skull.clip(0.05)), -0.022 - np.sqrt(jaw.clip(0.0)))
    return np.column_stack([flat, depth])


_BROW = _onto_face([(0.011, -0.090), (0.024, -0.095), (0.035, -0.090)])
_MIRROR = np.array([-1.0, 1.0, 1.0])
_EAR_TURN = np.linspace(0.0, 2.0 * math.pi, 8, endpoint=False)
_EAR = np.stack([np.full(8, 0.060), -0.070 + 0.017 * np.cos(_EAR_TURN), 0.008 + 0.011 * np.sin(_EAR_TURN)], axis=1)
_FACE = sketch("neck", "head", {
    "left_eye": _disc(0.023, -0.074, 0.0115, 0.0095),
    "right_eye": _disc(-0.023, -0.074, 0.0115, 0.0095),
    "left_pupil": _disc(0.023, -0.073, 0.0062, 0.0072),
    "right_pupil": _disc(-0.023, -0.073, 0.0062, 0.0072),
    "left_brow": _BROW,
    "right_brow": _BROW * _MIRROR,
    "left_ear": _EAR,
    "right_ear": _EAR * _MIRROR,
    "mouth": _onto_face([(-0.017, -0.029), (-0.008, -0.025), (0.0, -0.024), (0.008, -0.025), (0.017, -0.029)]),
    "left_nose": [(0.0, -0.070, -0.066), (0.0, -0.047, -0.084), (0.009, -0.043, -0.066)],
    "right_nose": [(0.0, -0.070, -0.066), (0.0, -0.047, -0.084), (-0.009, -0.043, -0.066)],
    "beard": _onto_face([(-0.036, -0.040), (-0.020, -0.032), (0.0, -0.034), (0.020, -0.032), (0.036, -0.040),
                         (0.027, -0.012), (0.0, 0.000), (-0.027, -0.012)]),
    "brim": [(-0.052, -0.108, -0.045), (-0.046, -0.103, -0.085), (-0.022, -0.100, -0.116), (0.022, -0.100, -0.116),
             (0.046, -0.103, -0.085), (0.052, -0.108, -0.045)],
})  # fmt: skip


def paint_head(canvas: Pixels, person: Person, dress: Dress) -> None:
    """Paint face, hair and hat on a head whose bare shape is painted."""
    outfit, turn = person.outfit, person.body.frames[FRAMES.index("head"), 2].tolist()
    shapes = _FACE.on(person, _FACE.points * person.body.build.head)
    if turn[2] > -0.45:
        _paint_face(canvas, person, dress, shapes)
    if outfit.hair != "bald":
        _paint_cap(canvas, person, _HAIR, 1.02, dress.hair)
    for ear, beyond in (("left_ear", turn[0]), ("right_ear", -turn[0])):
        if beyond < 0.15 and outfit.hair != "long":
            fill(canvas, shapes[ear], shaded(dress.skin, 0.86), shaded(dress.skin, 0.5))
    if outfit.hat == "cap":
        if turn[2] > 0.0:
            _paint_cap(canvas, person, _CAP, 1.05, dress.hat)
        fill(canvas, shapes["brim"], shaded(dress.hat, 0.72), shaded(dress.hat, 0.45))
        if turn[2] <= 0.0:
            _paint_cap(canvas, person, _CAP, 1.05, dress.hat)
    elif outfit.hat == "beanie":
        _paint_cap(canvas, person, _BEANIE, 1.06, shaded(dress.hat, 0.8))
        _paint_cap(canvas, person, _BAND, 1.05, dress.hat)


def _paint_face(canvas: Pixels, person: Person, dress: Dress, shapes: dict[str, Fixed]) -> None:
    turn = person.body.frames[FRAMES.index("head"), 2].tolist()
    pixel = max(1, round(person.scale * person.body.build.head / 150.0))
    if dress.beard:
        fill(canvas, shapes["beard"], dress.hair, shaded(dress.hair, 0.7))
    for side, out in (("left", 0.42), ("right", -0.42)):
        if turn[0] * out - turn[2] * 0.9 < 0.05:
            fill(canvas, shapes[f"{side}_eye"], (250, 250, 250), shaded(dress.skin, 0.55))
            fill(canvas, shapes[f"{side}_pupil"], (24, 20, 24))
            line(canvas, shapes[f"{side}_brow"], mix(dress.hair, (20, 16, 16), 0.5), pixel)
            if dress.glasses:
                line(canvas, shapes[f"{side}_eye"], dress.trim, pixel, closed=True)
    if turn[2] > -0.25:
        line(canvas, shapes["mouth"], mix(dress.skin, (150, 30, 40), 0.55), pixel)
        fill(canvas, shapes["left_nose"], shaded(dress.skin, 0.80))
        fill(canvas, shapes["right_nose"], shaded(dress.skin, 0.93))


def _paint_cap(canvas: Pixels, person: Person, points: FloatArray, size: float, colour: Colour) -> None:
    """Paint the part of a close cap that is towards the camera."""
    facing = (points / _RADII) @ person.body.frames[FRAMES.index("head"), 2] < 0.6
    seen = points[facing]
    if len(seen) < 3:
        return
    flat = person.at("neck", "head", (_SKULL + seen * _RADII * size) * person.body.build.head)
    outline = cv2.convexHull(flat.astype(np.float32))[:, 0].astype(np.float64)
    cv2.fillConvexPoly(canvas, fixed(outline), shaded(colour, 0.55), cv2.LINE_AA, SHIFT)
    middle = outline.mean(axis=0)
    inner = middle + (outline - middle) * max(0.0, 1.0 - 3.0 / max(1.0, float(np.ptp(outline[:, 0]))))
    cv2.fillConvexPoly(canvas, fixed(inner), colour, cv2.LINE_AA, SHIFT)


_STRAP = np.array([[0.062, -0.006, -0.010], [0.064, 0.045, -0.048], [0.078, 0.120, -0.042]])
_FRONT = sketch("thorax", "chest", {
    "collar": [(-0.036, -0.012, -0.022), (-0.024, 0.0, -0.046), (0.0, 0.0, -0.054),
               (0.024, 0.0, -0.046), (0.036, -0.012, -0.022)],
    "zip": [(0.0, 0.0, -0.055), (0.0, 0.10, -0.064), (0.0, 0.18, -0.052)],
    "buttons": [(0.0, 0.075, -0.062), (0.0, 0.105, -0.062), (0.0, 0.135, -0.062)],
    "logo": [(-0.03, 0.075, -0.062), (0.03, 0.075, -0.062), (0.02, 0.115, -0.064), (-0.02, 0.115, -0.064)],
    "right_strap": _STRAP * (-1, 1, 1),
    "left_strap": _STRAP,
})  # fmt: skip
_COLLAR_DEPTH = np.zeros((len(_FRONT.points), 3))
_COLLAR_DEPTH[1:6, 1] = 0.6, 1.0, 0.6, 0.0, 1.0
_BACK = sketch("thorax", "chest", {
    "one": [(-0.032, 0.065, 0.056), (-0.014, 0.050, 0.056), (-0.014, 0.120, 0.058)],
    "seven": [(0.008, 0.050, 0.056), (0.036, 0.050, 0.056), (0.018, 0.120, 0.058)],
    "yoke": [(-0.095, 0.040, 0.030), (-0.05, 0.048, 0.050), (0.0, 0.052, 0.055),
             (0.05, 0.048, 0.050), (0.095, 0.040, 0.030)],
})  # fmt: skip
_PACK = sketch("thorax", "chest", {
    "pocket": [(-0.045, 0.135, 0.14), (0.045, 0.135, 0.14), (0.040, 0.180, 0.14), (-0.040, 0.180, 0.14)],
    "flap": [(-0.060, 0.085, 0.11), (0.0, 0.100, 0.13), (0.060, 0.085, 0.11)],
})  # fmt: skip
_FLY = sketch("waist", "pelvis", {"fly": [(0.0, 0.045, -0.06), (0.002, 0.085, -0.064), (0.0, 0.115, -0.056)],
                                  "right": [(-0.075, 0.052, -0.03), (-0.05, 0.075, -0.052)],
                                  "left": [(0.075, 0.052, -0.03), (0.05, 0.075, -0.052)]})  # fmt: skip
_SEAT = sketch("waist", "pelvis", {
    "right": [(-0.062, 0.075, 0.055), (-0.025, 0.075, 0.062), (-0.027, 0.110, 0.064), (-0.060, 0.108, 0.058)],
    "left": [(0.062, 0.075, 0.055), (0.025, 0.075, 0.062), (0.027, 0.110, 0.064), (0.060, 0.108, 0.058)],
})  # fmt: skip


def paint_chest(canvas: Pixels, person: Person, dress: Dress) -> None:
    """Paint neckline, buttons, logo or zip and a backpack's straps in front; a number or a yoke behind."""
    front = _towards(person, "chest")
    if front > 0.3:
        _paint_front(canvas, person, dress)
    elif front < -0.3 and dress.back == 1:
        shapes = _BACK.on(person)
        for digit in ("one", "seven"):
            line(canvas, shapes[digit], dress.trim, _width(person, 80))
    elif front < -0.3 and dress.back == 2:
        line(canvas, _BACK.on(person)["yoke"], shaded(dress.trim, 0.8))


def _paint_front(canvas: Pixels, person: Person, dress: Dress) -> None:
    shapes = _FRONT.on(person, _FRONT.points + dress.neckline * _COLLAR_DEPTH)
    fill(canvas, shapes["collar"], shaded(dress.skin, 0.92), shaded(dress.skin, 0.5))
    if dress.front == 1:
        for x, y in shapes["buttons"].tolist():
            cv2.circle(canvas, (x, y), round(person.scale * 0.08), dress.trim, -1, cv2.LINE_AA, SHIFT)
    elif dress.front == 2:
        fill(canvas, shapes["logo"], dress.trim, shaded(dress.trim, 0.6))
    elif dress.front == 3:
        line(canvas, shapes["zip"], dress.trim)
    if person.outfit.backpack:
        line(canvas, shapes["right_strap"], dress.pack, _width(person, 55))
        line(canvas, shapes["left_strap"], dress.pack, _width(person, 55))


def paint_hips(canvas: Pixels, person: Person, dress: Dress) -> None:
    """Paint trousers' fly and side pockets in front, pockets behind."""
    front = _towards(person, "pelvis")
    if person.outfit.lower == "skirt":
        return
    if front > 0.3:
        for seam in _FLY.on(person).values():
            line(canvas, seam, dress.seam)
    elif front < -0.3:
        for pocket in _SEAT.on(person).values():
            line(canvas, pocket, dress.seam, closed=True)


def paint_pack(canvas: Pixels, person: Person, dress: Dress) -> None:
    """Paint a backpack's pocket, if it is towards the camera."""
    if _towards(person, "chest") < -0.25:
        shapes = _PACK.on(person)
        fill(canvas, shapes["pocket"], shaded(dress.pack, 0.8), shaded(dress.pack, 0.5))
        line(canvas, shapes["flap"], shaded(dress.pack, 0.5))


def paint_sole(canvas: Pixels, person: Person, dress: Dress, sole: Fixed) -> None:
    """Paint a shoe's sole, from heel to toe."""
    line(canvas, sole, shaded(dress.trim, 0.9), _width(person, 90))


def paint_thumb(canvas: Pixels, person: Person, dress: Dress, thumb: Fixed) -> None:
    """Paint a thumb, on the hand's front edge."""
    line(canvas, thumb, shaded(dress.skin, 0.8), _width(person, 80))


def _towards(person: Person, frame: str) -> float:
    """Return by how much a frame's front points towards the camera, from -1 to 1."""
    return float(person.body.frames[FRAMES.index(frame), 2, 2])


def _width(person: Person, share: float) -> int:
    return max(1, round(person.scale / share))
