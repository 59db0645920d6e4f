"""Drawing of poses and heatmaps on pictures, and sheets of them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from posepyr.files import whole
from posepyr.records import Pixels
from posepyr.skeleton import Skeleton

RIGHT, LEFT, MIDDLE, TRUTH = (255, 112, 67), (41, 182, 246), (156, 204, 101), (245, 245, 245)
"""Colours in RGB: the person's own right, the person's own left, neither, and what was annotated."""

PAPER, INK = (24, 26, 31), (225, 228, 235)
_SHIFT = 4
"""Fractional bits of OpenCV's coordinates: lines are placed to a sixteenth of a pixel."""


def draw_pose(
    pixels: Pixels,
    keypoints: npt.NDArray[np.floating],
    skeleton: Skeleton,
    shown: npt.NDArray[np.bool_] | None = None,
    colour: tuple[int, int, int] | None = None,
    thickness: int | None = None,
) -> Pixels:
    """Return a copy of the picture with a person's limbs and joints ``K 2`` drawn on it.

    ``shown`` leaves joints out, and the limbs that end in them. Limbs are coloured by side unless ``colour`` is given.
    """
    picture = np.ascontiguousarray(pixels).copy()
    width = thickness or max(1, round(max(picture.shape[:2]) / 110))
    finite = np.isfinite(keypoints).all(-1)
    drawn = finite if shown is None else finite & shown
    places = np.rint(np.where(finite[:, None], keypoints, 0).clip(-1e4, 1e4) * 2**_SHIFT).astype(int)
    for first, second in skeleton.limb_indices:
        if drawn[first] and drawn[second]:
            tint = colour or _side(skeleton.joints[first], skeleton.joints[second])
            ends = tuple(places[first].tolist()), tuple(places[second].tolist())
            cv2.line(picture, *ends, tint, width, cv2.LINE_AA, _SHIFT)
    for index, joint in enumerate(skeleton.joints):
        if drawn[index]:
            radius = round((width * 0.9 + 0.6) * 2**_SHIFT)
            centre = tuple(places[index].tolist())
            cv2.circle(picture, centre, radius, colour or _side(joint), -1, cv2.LINE_AA, _SHIFT)
    return picture


def name_joints(
    pixels: Pixels, keypoints: npt.NDArray[np.floating], names: Sequence[str], shown: npt.NDArray[np.bool_]
) -> Pixels:
    """Return a copy of the picture with names written beside the joints ``K 2`` that are ``shown``."""
    picture = np.ascontiguousarray(pixels).copy()
    for (x, y), name in zip(keypoints[shown].tolist(), np.asarray(names)[shown].tolist(), strict=True):
        (width, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.36, 1)
        # To the joint's right, where that leaves room.
        left = round(x) + 5 if x + 5 + width < picture.shape[1] else round(x) - 5 - width
        for tint, thickness in ((PAPER, 3), (INK, 1)):
            where = left, round(y) + 4
            cv2.putText(picture, name, where, cv2.FONT_HERSHEY_SIMPLEX, 0.36, tint, thickness, cv2.LINE_AA)
    return picture


def _side(*joints: str) -> tuple[int, int, int]:
    if any(joint.startswith("right_") for joint in joints):
        return RIGHT
    if any(joint.startswith("left_") for joint in joints):
        return LEFT
    return MIDDLE


def overlay(pixels: Pixels, heatmaps: npt.NDArray[np.floating]) -> Pixels:
    """Return the picture dimmed, with the highest of the heatmaps ``K h w`` glowing over it."""
    height, width = pixels.shape[:2]
    strongest = np.clip(heatmaps.max(0), 0, 1).astype(np.float32)
    glow = cv2.resize(strongest, (width, height), interpolation=cv2.INTER_LINEAR)
    tinted = cv2.applyColorMap(np.rint(glow * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    share = glow[..., None] * 0.85
    mixed = pixels * 0.45 * (1 - share) + tinted * share
    glowing: Pixels = mixed.clip(0, 255).astype(np.uint8)
    return glowing


def enlarge(pixels: Pixels, side: int) -> tuple[Pixels, float]:
    """Return the picture with its longer side at ``side`` pixels, and the factor of its coordinates."""
    factor = side / max(pixels.shape[:2])
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    kind = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    return cv2.resize(pixels, size, interpolation=kind).astype(np.uint8), factor


def place(keypoints: npt.NDArray[np.floating], factor: float) -> npt.NDArray[np.float64]:
    """Return keypoints in a picture enlarged by ``factor``: pixel centres stay pixel centres."""
    return (np.asarray(keypoints, np.float64) + 0.5) * factor - 0.5


def sheet(tiles: Sequence[Pixels], captions: Sequence[str] | None = None, columns: int = 4) -> Pixels:
    """Return pictures of one size laid out in rows, each with a line of text under it."""
    if not tiles:
        raise ValueError("tiles must hold at least one picture, got none")
    band, gap = (22 if captions else 0), 6
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    paper = np.full((rows * (height + band + gap) + gap, columns * (width + gap) + gap, 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        top = gap + number // columns * (height + band + gap)
        left = gap + number % columns * (width + gap)
        paper[top : top + height, left : left + width] = tile
        if captions:
            where = left + 3, top + height + 15
            cv2.putText(paper, captions[number], where, cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)
    return paper


def save(pixels: Pixels, path: Path) -> None:
    """Write a picture, whole or not at all."""
    written, data = cv2.imencode(path.suffix, np.ascontiguousarray(pixels[..., ::-1]))
    if not written:
        raise ValueError(f"{path} must end in a picture format such as .png or .jpg")
    with whole(path) as part:
        part.write_bytes(data.tobytes())
