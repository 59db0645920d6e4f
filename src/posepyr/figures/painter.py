"""A scene onto pixels: what is far first."""

import numpy as np

from posepyr.figures.backdrop import paint_backdrop, paint_light, paint_thing
from posepyr.figures.draws import numbered_draws
from posepyr.figures.dress import draw_dress
from posepyr.figures.portrait import paint_person
from posepyr.figures.scene import Scene
from posepyr.records import Pixels


def paint(scene: Scene, numbers: tuple[int, int, int], difficulty: float) -> Pixels:
    """The picture of a scene, ``H W 3`` in RGB; ``numbers`` are those that the scene was composed with."""
    wall, clothes, strangers, objects, light = numbered_draws((*numbers, 1), 5, 256)
    canvas = np.empty((scene.size, scene.size, 3), dtype=np.uint8)
    from_left = light.chance(0.5)
    sun = (-0.8 if from_left else 0.8, -0.6)
    paint_backdrop(canvas, wall, difficulty)
    for other in scene.behind:
        paint_person(canvas, other, draw_dress(strangers, difficulty), sun)
    paint_person(canvas, scene.person, draw_dress(clothes, difficulty), sun)
    for other in scene.before:
        paint_person(canvas, other, draw_dress(strangers, difficulty), sun)
    for thing in scene.things:
        paint_thing(canvas, thing, objects)
    return paint_light(canvas, light, difficulty)
