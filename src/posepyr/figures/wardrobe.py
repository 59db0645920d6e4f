"""What people wear, as far as it changes their outline."""

from typing import Literal, NamedTuple

from posepyr.figures.draws import Draws

Hat = Literal["none", "cap", "beanie"]
Hair = Literal["bald", "short", "long"]
Lower = Literal["trousers", "shorts", "skirt"]

HATS: tuple[Hat, ...] = ("none", "none", "none", "cap", "beanie")
HAIR: tuple[Hair, ...] = ("short", "short", "short", "long", "long", "bald")
LOWER: tuple[Lower, ...] = ("trousers", "trousers", "trousers", "shorts", "shorts", "skirt")


class Outfit(NamedTuple):
    """One person's clothes and hair."""

    hat: Hat
    hair: Hair
    lower: Lower
    sleeves: float
    """Share of the arm that is covered: up to 0.5 of the upper arm alone."""
    hem: float
    """Share of the leg that trousers or a skirt cover."""
    looseness: float
    """Factor of clothed limbs' thickness."""
    backpack: bool


def draw_outfit(draws: Draws) -> Outfit:
    """Someone's clothes: any garment goes with any other."""
    hat, hair, lower = draws.pick(HATS), draws.pick(HAIR), draws.pick(LOWER)
    sleeves = draws.pick((0.0, 0.28, 0.34, 1.0, 1.0))
    short, long = draws.between(0.28, 0.46), draws.between(0.9, 0.98)
    hem = {"trousers": long, "shorts": short, "skirt": draws.between(0.22, 0.38)}[lower]
    return Outfit(hat, hair, lower, sleeves, hem, draws.between(1.04, 1.22), draws.chance(0.2))
