"""What tells a front from a back: collars, buttons, logos, numbers, straps, belts, soles, thumbs."""

import cv2
import numpy as np

from posepyr.figures.body import FRAMES
from posepyr.figures.brush import SHIFT, Fixed
from posepyr.figures.dress import Dress
from posepyr.figures.scene import Person
from posepyr.figures.sketch import fill, line, sketch
from posepyr.figures.textures import shaded
from posepyr.records import Pixels

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
    """Neckline, buttons, logo or zip and a backpack's straps in front; a number or a yoke behind."""
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
    """Trousers' fly and side pockets in front, pockets behind."""
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
    """A backpack's pocket, if it is towards the camera."""
    if _towards(person, "chest") < -0.25:
        shapes = _PACK.on(person)
        fill(canvas, shapes["pocket"], shaded(dress.pack, 0.8), shaded(dress.pack, 0.5))
        line(canvas, shapes["flap"], shaded(dress.pack, 0.5))


def paint_sole(canvas: Pixels, person: Person, dress: Dress, sole: Fixed) -> None:
    """A shoe's sole, from heel to toe."""
    line(canvas, sole, shaded(dress.trim, 0.9), _width(person, 90))


def paint_thumb(canvas: Pixels, person: Person, dress: Dress, thumb: Fixed) -> None:
    """A thumb, on the hand's front edge."""
    line(canvas, thumb, shaded(dress.skin, 0.8), _width(person, 80))


def _towards(person: Person, frame: str) -> float:
    """How far a frame's front points towards the camera, from -1 to 1."""
    return float(person.body.frames[FRAMES.index(frame), 2, 2])


def _width(person: Person, share: float) -> int:
    return max(1, round(person.scale / share))
