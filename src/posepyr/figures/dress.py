"""What people's clothes, skin and hair look like."""

from typing import NamedTuple

from posepyr.figures.draws import Draws
from posepyr.figures.textures import Cloth, Colour, cloth, draw_colour, hair_colour, mix, shaded, skin_colour

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


def draw_dress(draws: Draws, difficulty: float) -> Dress:
    """Somebody's colours, more patterned with difficulty."""
    plain = 0.75 - 0.45 * difficulty
    skin = skin_colour(draws.uniform())
    hair = hair_colour(draws)
    shirt = cloth(draws, LENGTH, 2 * WIDTH, plain)
    lower = shirt if draws.chance(0.08) else cloth(draws, LENGTH, 2 * WIDTH, plain + 0.15)
    shoes, hat, trim, pack = (draw_colour(draws) for _ in range(4))
    shoes = mix(skin, shoes, 0.15) if draws.chance(0.08) else shoes
    seam = shaded(lower.colour, 0.6)
    front, back = int(draws.uniform() * 4.0), int(draws.uniform() * 3.0)
    neckline = draws.between(0.012, 0.055)
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
        draws.chance(0.15),
        draws.chance(0.15),
    )
