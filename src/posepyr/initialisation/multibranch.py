"""Initialisation by the number of branches before and behind a layer (PyraNet, section 4.1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import nn

from posepyr.initialisation.branches import Branches, Scope, count_branches, example
from posepyr.initialisation.schemes import Fan, fan_of, fill, layers_of

Mode = Literal["forward", "backward", "both"]
Activation = Literal["relu", "leaky_relu", "tanh", "sigmoid", "linear"]

ALPHA: dict[Activation, float] = {
    "relu": 1 / 2,
    "leaky_relu": (1 + 0.01**2) / 2,  # with Torch's slope
    "tanh": 1.0,
    "sigmoid": 1.0,
    "linear": 1.0,
}
"""The factor by which an activation changes the second moment of a response, and its gradient's variance."""


class LayerInit(NamedTuple):
    """A layer's branches, its fan, and the standard deviation that follows from them."""

    layer: str
    branches: Branches
    fan: Fan
    std: float


@dataclass(frozen=True)
class MultiBranch:
    """Variance by the branches C_i that a layer's input sums and the layers C_o that read it; n_i, n_o are the fan.

    :func:`~posepyr.initialisation.schemes.fan_of` counts the fan, strides and transposition included.

    PyraNet, section 4.1. ``forward`` is ``1 / (alpha C_i n_i)``, which keeps the responses' variance (equation 10),
    ``backward`` is ``1 / (alpha C_o n_o)``, which keeps the gradients' (equations 13 and 14), and ``both`` lies
    between. Alpha follows from ``activation``, a half for ReLU, and holds for all layers, as in the paper: also for
    those that read the image or a map that is not rectified. ``scope`` and the counts: see
    :func:`~posepyr.initialisation.branches.count_branches`. ``image`` is the ``channels, height, width`` that the
    network is traced with, by default RGB and 256 a side.

    Deviation: equation 15's ``1 / (alpha^2 (C_i n_i + C_o n_o))`` holds for ReLU. Here the compromise is
    ``2 / (alpha (C_i n_i + C_o n_o))``, the harmonic mean of the two conditions. It is equation 15 for alpha 1/2, and
    for alpha 1 and one branch it is Glorot's variance, which the text names and the printed factor misses by two.

    Equation 9 assumes branches of zero mean. This holds for sums before an activation; of maps that are summed after
    a ReLU the means add up too. Under ``forward`` the variance of C of them then still grows by
    ``1 + (C - 1) / pi`` a layer; without the count it grows by C times that.
    """

    mode: Mode = "both"
    activation: Activation = "relu"
    scope: Scope = "graph"
    image: Sequence[int] | None = None

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("mode", self.mode, get_args(Mode)),
            ("activation", self.activation, get_args(Activation)),
            ("scope", self.scope, get_args(Scope)),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value}")
        if self.image is not None and (len(self.image) != 3 or min(self.image) < 1):
            raise ValueError(f"image must be channels, height and width, got {[*self.image]}")

    def __call__(
        self, model: nn.Module, generator: torch.Generator | None = None, inputs: Sequence[Any] | None = None
    ) -> None:
        fill(model, {row.layer: row.std**2 for row in self.table(model, inputs)}, generator)

    def table(self, model: nn.Module, inputs: Sequence[Any] | None = None) -> list[LayerInit]:
        """Return a row for every layer, in the model's order; ``inputs`` are for networks that take no picture."""
        counts = count_branches(model, example(model, self.image) if inputs is None else inputs, self.scope)
        fans = {name: fan_of(layer) for name, layer in layers_of(model).items()}
        return [
            LayerInit(name, branches, fans[name], math.sqrt(self.variance(branches, fans[name])))
            for name, branches in counts.items()
        ]

    def variance(self, branches: Branches, fan: Fan) -> float:
        """Return the variance of a layer's weights."""
        arriving, leaving = branches.inputs * fan.inputs, branches.outputs * fan.outputs
        parts = {"forward": arriving, "backward": leaving, "both": (arriving + leaving) / 2}
        return 1 / (ALPHA[self.activation] * parts[self.mode])
