"""Everything around people: walls, landscapes and clutter behind them, objects before them, light."""

import cv2
import numpy as np

from posepyr.figures import RandomStream
from posepyr.figures.brush import SHIFT, fixed
from posepyr.figures.occluders import Occluder
from posepyr.figures.textures import TILE, Colour, coloured, grain, mix, patterns, sample_colour, shaded
from posepyr.records import Pixels


def paint_backdrop(canvas: Pixels, stream: RandomStream, difficulty: float) -> None:
    """Paint a wall, a room, a landscape or a texture, with more and more in it as difficulty grows."""
    size = canvas.shape[0]
    kind = stream.uniform()
    one, other = sample_colour(stream), sample_colour(stream)
    other = mix(one, other, 0.15 + 0.85 * difficulty)
    texture, level = stream.uniform(), size * stream.between(0.5, 0.9)
    strength = stream.uniform() * min(1.0, 0.1 + 1.1 * difficulty)
    if kind < 0.25 + 0.35 * difficulty:
        _paint_texture(canvas, stream, 1 + int(texture * (len(patterns()) - 1)), one, mix(one, other, strength))
    else:
        _paint_gradient(canvas, stream, one, mix(one, other, 0.4))
    if kind > 0.45:
        ground = shaded(other, 0.8)
        _paint_ground(canvas, stream, ground, level, tilted=kind > 0.75)
    for _ in range(round(14.0 * difficulty * stream.uniform())):
        _paint_clutter(canvas, stream)


def _paint_gradient(canvas: Pixels, stream: RandomStream, one: Colour, other: Colour) -> None:
    corners = np.array(
        [[one, mix(one, other, stream.uniform())], [other, mix(one, other, stream.uniform())]], dtype=np.uint8
    )
    cv2.resize(corners, canvas.shape[1::-1], dst=canvas, interpolation=cv2.INTER_LINEAR)


def _paint_texture(canvas: Pixels, stream: RandomStream, kind: int, one: Colour, other: Colour) -> None:
    height, width = canvas.shape[:2]
    part = stream.pick((64, 96, 160, 256))
    x, y = int(stream.uniform() * (TILE - part + 1)), int(stream.uniform() * (TILE - part + 1))
    piece = cv2.resize(patterns()[kind, y : y + part, x : x + part], (width, height))
    canvas[:] = coloured(np.asarray(piece, dtype=np.uint8), one, other)


def _paint_ground(canvas: Pixels, stream: RandomStream, colour: Colour, level: float, tilted: bool) -> None:
    size = canvas.shape[0]
    slope = stream.between(-0.15, 0.15) * size if tilted else 0.0
    corners = np.array([[0.0, level - slope], [size, level + slope], [size, size], [0.0, size]])
    cv2.fillConvexPoly(canvas, fixed(corners), colour, cv2.LINE_AA, SHIFT)
    if stream.chance(0.5):
        edge = np.array([[0.0, level - slope], [size, level + slope]])
        cv2.polylines(canvas, [fixed(edge)], False, shaded(colour, 0.6), 2, cv2.LINE_AA, SHIFT)


def _paint_clutter(canvas: Pixels, stream: RandomStream) -> None:
    """Paint one distracting shape: a panel, a ball, or something like a limb."""
    size = canvas.shape[0]
    colour = sample_colour(stream)
    kind, x, y = stream.uniform(), stream.between(0, size), stream.between(0, size)
    length, width, angle = size * stream.between(0.08, 0.4), size * stream.between(0.02, 0.09), stream.between(0, 6.3)
    way = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-way[1], way[0]])
    middle = np.array([x, y])
    if kind < 0.45:
        thin = width * stream.between(0.6, 1.0)
        end = middle + way * length
        sides = np.array([middle + across * width, end + across * thin, end - across * thin, middle - across * width])
        for centre, radius in ((middle, width), (end, thin)):
            spot = fixed(centre)
            cv2.circle(canvas, (int(spot[0]), int(spot[1])), round(radius * 16), colour, -1, cv2.LINE_AA, SHIFT)
        cv2.fillConvexPoly(canvas, fixed(sides), colour, cv2.LINE_AA, SHIFT)
    elif kind < 0.8:
        tilt = way if kind > 0.7 else np.array([1.0, 0.0])
        up = np.array([-tilt[1], tilt[0]]) * length * 0.7
        panel = np.array([middle, middle + tilt * length, middle + tilt * length + up, middle + up])
        cv2.fillConvexPoly(canvas, fixed(panel), colour, cv2.LINE_AA, SHIFT)
        cv2.polylines(canvas, [fixed(panel)], True, shaded(colour, 0.6), 1, cv2.LINE_AA, SHIFT)
    else:
        spot = fixed(middle)
        cv2.circle(canvas, (int(spot[0]), int(spot[1])), round(width * 24), colour, -1, cv2.LINE_AA, SHIFT)


def paint_occluder(canvas: Pixels, occluder: Occluder, stream: RandomStream) -> None:
    """Paint an object before everybody."""
    colour, other = sample_colour(stream), sample_colour(stream)
    for number, corners in enumerate(occluder.polygons):
        main = colour if occluder.kind != "plant" or number < len(occluder.polygons) - 1 else other
        shade = shaded(main, 0.8 + 0.07 * (number % 4))
        cv2.fillPoly(canvas, [fixed(corners)], shade, cv2.LINE_AA, SHIFT)
        cv2.polylines(canvas, [fixed(corners)], True, shaded(main, 0.5), 1, cv2.LINE_AA, SHIFT)


def paint_light(canvas: Pixels, stream: RandomStream, difficulty: float) -> Pixels:
    """Light the picture: a gradient, a cast, the camera's noise and blur, more of each with difficulty."""
    size = canvas.shape[0]
    depth = 0.25 + 0.75 * difficulty
    dim = np.array([[1.0 - 0.5 * depth * stream.uniform() for _ in range(2)] for _ in range(2)])
    cast = 1.0 - 0.22 * depth * np.array([stream.uniform(), stream.uniform(), stream.uniform()])
    blurred, strength = stream.chance(0.3 * difficulty), round(5.9 * difficulty * stream.uniform() - 0.5)
    x, y = int(stream.uniform() * 256), int(stream.uniform() * 256)
    light = np.round(255.0 * dim[:, :, None] / dim.max() * (cast / cast.max())).astype(np.uint8)
    cv2.multiply(canvas, cv2.resize(light, (size, size)), dst=canvas, scale=1.06 / 255.0)
    if blurred:
        cv2.GaussianBlur(canvas, (3, 3), 0, dst=canvas)
    if strength > 0:
        noise = grain()[min(strength, 4)]
        repeats = (size + 255) // len(noise) + 1
        if repeats > 1:
            noise = np.tile(noise, (repeats, repeats, 1))
        cv2.add(canvas, noise[y : y + size, x : x + size], dst=canvas)
    return canvas
