"""Colours, patterns of cloth and walls, and what people's clothes look like."""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from posepyr.figures import RandomStream
from posepyr.records import Pixels

Colour = tuple[int, int, int]
Greys = npt.NDArray[np.uint8]

TILE = 256
_STEPS = np.linspace(0.0, 1.0, 256)
_SKIN = ((255, 222, 196), (244, 202, 168), (230, 180, 140), (208, 152, 110), (176, 120, 82), (140, 92, 62),
         (104, 68, 48), (74, 48, 36))  # fmt: skip
_HAIR = ((28, 22, 20), (58, 38, 26), (96, 62, 34), (150, 104, 52), (206, 168, 96), (168, 74, 36), (150, 150, 150),
         (226, 222, 214))  # fmt: skip


@cache
def patterns() -> Greys:
    """Return ``T 256 256``: tiles that repeat without a seam, from dark to light; the first is plain."""
    y, x = np.mgrid[:TILE, :TILE].astype(np.float64)
    turn = 2.0 * np.pi / TILE
    generator = np.random.Generator(np.random.PCG64(20190720))
    waves = [
        np.zeros((TILE, TILE)),
        np.sign(np.sin(turn * 16 * y)),
        np.sign(np.sin(turn * 28 * x)),
        np.sign(np.sin(turn * 12 * (x + y))),
        np.sign(np.sin(turn * 14 * x)) * 0.5 + np.sign(np.sin(turn * 14 * y)) * 0.5,
        np.where(np.sin(turn * 18 * x) * np.sin(turn * 18 * y) > 0.45, 1.0, -1.0),
        np.sign(np.sin(turn * 40 * y)) * np.where(np.sin(turn * 10 * y) > 0.2, 1.0, -1.0),
        _smooth_noise(generator, 4.0),
        np.clip(3.0 * _smooth_noise(generator, 9.0), -1.0, 1.0),
        np.clip(generator.standard_normal((TILE, TILE)) * 0.4, -1.0, 1.0),
        np.sign(np.sin(turn * 10 * y + 2.2 * np.sin(turn * 12 * x))),
    ]
    return np.round(127.5 + 127.5 * np.stack(waves)).clip(0, 255).astype(np.uint8)


@cache
def grain() -> Pixels:
    """Return ``5 512 512 3``: a camera's noise in five strengths, to be added; the first is none."""
    generator = np.random.Generator(np.random.PCG64(20190721))
    noise = generator.standard_normal((512, 512, 3))
    strengths = np.array([0.0, 2.0, 4.0, 7.0, 11.0])[:, None, None, None]
    return np.round(strengths * (1.8 + noise)).clip(0, 255).astype(np.uint8)


def _smooth_noise(generator: np.random.Generator, cycles: float) -> npt.NDArray[np.float64]:
    """Return noise without a seam whose features are about a ``cycles``-th of the tile, from -1 to 1."""
    frequency = np.fft.fftfreq(TILE) * TILE
    falloff = np.exp(-(frequency[:, None] ** 2 + frequency**2) / (2.0 * cycles**2))
    noise = np.fft.ifft2(np.fft.fft2(generator.standard_normal((TILE, TILE))) * falloff).real
    return np.asarray(noise / np.abs(noise).max())


def coloured(greys: Greys, dark: Colour, light: Colour) -> Pixels:
    """Turn a pattern ``H W`` into two colours, ``H W 3``."""
    channels = [cv2.LUT(greys, (_STEPS * (b - a) + a).astype(np.uint8)) for a, b in zip(dark, light, strict=True)]
    return np.asarray(cv2.merge(channels), dtype=np.uint8)


class Cloth(NamedTuple):
    """A material."""

    piece: Pixels
    colour: Colour
    """What it looks like from afar."""


def sample_cloth(stream: RandomStream, height: int, width: int, plain: float) -> Cloth:
    """Sample a piece of cloth in random colours, without a pattern with probability ``plain``."""
    base, other = sample_colour(stream), sample_colour(stream)
    other = mix(base, other, stream.between(0.3, 1.0))
    bank = patterns()
    kind = 0 if stream.chance(plain) else 1 + int(stream.uniform() * (len(bank) - 1))
    step = 1 + int(stream.uniform() * 2.0)
    if kind == 0:
        return Cloth(np.full((height, width, 3), base, dtype=np.uint8), base)
    piece = bank[kind, : height * step : step, : width * step : step]
    return Cloth(coloured(piece, base, other), mix(base, other, 0.5))


def sample_colour(stream: RandomStream) -> Colour:
    """Sample a colour for any garment, object or wall; some are pale or like skin, as cloth often is."""
    kind, hue, saturation, value = stream.uniform(), stream.uniform(), stream.uniform(), stream.uniform()
    if kind < 0.15:
        return shaded(skin_colour(hue), 0.8 + 0.25 * value)
    return hsv(hue, saturation**0.8 * (0.95 if kind < 0.8 else 0.15), 0.14 + 0.84 * value**0.8)


def skin_colour(tone: float) -> Colour:
    """Return a skin colour from a tone of 0 (light) to 1 (dark)."""
    place = tone * (len(_SKIN) - 1.001)
    low = int(place)
    return mix(_SKIN[low], _SKIN[low + 1], place - low)


def sample_hair_colour(stream: RandomStream) -> Colour:
    """Sample a hair colour, dyed for some."""
    natural, dyed = stream.pick(_HAIR), sample_colour(stream)
    return dyed if stream.chance(0.15) else natural


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return a colour from hue, saturation and value, each from 0 to 1."""
    red, green, blue = (
        value * (1.0 - saturation * (1.0 - min(1.0, max(0.0, abs((hue * 6.0 + shift) % 6.0 - 3.0) - 1.0))))
        for shift in (0.0, 4.0, 2.0)
    )
    return round(red * 255), round(green * 255), round(blue * 255)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return a colour between two."""
    (r, g, b), (red, green, blue) = one, other
    return round(r + (red - r) * share), round(g + (green - g) * share), round(b + (blue - b) * share)


def shaded(colour: Colour, factor: float) -> Colour:
    """Return a colour in more or less light."""
    red, green, blue = colour
    return min(255, round(red * factor)), min(255, round(green * factor)), min(255, round(blue * factor))


LENGTH, WIDTH = 64, 32
"""Rows along and columns across a limb's patch of cloth."""


class Dress(NamedTuple):
    """A person's colours. Left and right, arm and leg draw from the same ones."""

    skin: Colour
    hair: Colour
    shirt: Cloth
    """``64 64 3``, to cut limbs' patches from."""
    lower: Cloth
    """``64 64 3``."""
    shoes: Colour
    hat: Colour
    trim: Colour
    """Of buttons, soles, logos."""
    pack: Colour
    seam: Colour
    neckline: float
    """Depth of the neckline."""
    front: int
    """What is on the chest: 0 nothing, 1 buttons, 2 a logo, 3 a zip."""
    back: int
    """What is on the back: 0 nothing, 1 a number, 2 a yoke."""
    glasses: bool
    beard: bool


def sample_dress(stream: RandomStream, difficulty: float) -> Dress:
    """Sample somebody's colours, more patterned with difficulty."""
    plain = 0.75 - 0.45 * difficulty
    skin = skin_colour(stream.uniform())
    hair = sample_hair_colour(stream)
    shirt = sample_cloth(stream, LENGTH, 2 * WIDTH, plain)
    lower = shirt if stream.chance(0.08) else sample_cloth(stream, LENGTH, 2 * WIDTH, plain + 0.15)
    shoes, hat, trim, pack = (sample_colour(stream) for _ in range(4))
    shoes = mix(skin, shoes, 0.15) if stream.chance(0.08) else shoes
    seam = shaded(lower.colour, 0.6)
    front, back = int(stream.uniform() * 4.0), int(stream.uniform() * 3.0)
    neckline = stream.between(0.012, 0.055)
    return Dress(
        skin,
        hair,
        shirt,
        lower,
        shoes,
        hat,
        trim,
        pack,
        seam,
        neckline,
        front,
        back,
        stream.chance(0.15),
        stream.chance(0.15),
    )
