"""Initialisation by the number of branches before and behind a layer, counted in its graph (PyraNet, section 4.1).

Branches before a layer are those summed into its input; branches behind it are the layers that read its output.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from posepyr.initialisation.graph import Graph, Kind, Node
from posepyr.initialisation.schemes import Fan, fan_of, fill, layers_of
from posepyr.initialisation.trace import trace

Scope = Literal["graph", "module"]

SIDE = 256
"""Pixels a side of the picture with which networks are traced."""


class Branches(NamedTuple):
    """A layer's ``C_i``, the number of branches summed in its input, and ``C_o``, that of the layers that read it."""

    inputs: int
    outputs: int


def count_branches(
    model: nn.Module, inputs: Sequence[Any] | None = None, scope: Scope = "graph"
) -> dict[str, Branches]:
    """Count the branches of every layer of a model, by the layer's name, on the graph of ``model(*inputs)``.

    PyraNet, equations 7 and 11. Both are counted through norms, activations, pooling and resampling:

    - C_i is the number of terms of the sum that a layer reads. A term that is itself a sum gives all of its terms if
      nothing else reads it, and one if something does, or if a norm or an activation lies between the two: a norm sets
      the variance back to one branch's, and the ReLU of two branches has one branch's second moment.
    - C_o is the number of layers that read the tensor. One that reads it through a sum reads another tensor: an
      identity shortcut does not count.
    - Concatenation changes the fan and no count: of parts that differ the largest counts, and a layer that reads the
      whole reads each part. A tensor cut in parts is read part by part.
    - Counts of factors multiply, as variances of independent factors do. A tensor that is added to itself or multiplied
      with itself, as in an activation written out, stays one. Scales, constant or learned, are ignored.
    - Of a layer that is used several times the largest counts hold, and each use reads its input. A layer that is never
      used has one branch.

    With ``scope="module"`` sums and readers count only where they stand in the same call of a module as the layer:
    the innermost that is no container. PyraNet's release marks branches within its pyramid modules alone.
    """
    graph = trace(model, example(model) if inputs is None else inputs)
    uses = list(_uses(graph, scope))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found: dict[str, Branches] = {}
    for layer_name, layer in layers_of(model).items():
        own = {names[id(parameter)] for parameter in layer.parameters()}
        counts = [branches for weights, branches in uses if weights & own] or [Branches(1, 1)]
        found[layer_name] = Branches(*map(max, zip(*counts, strict=True)))
    return found


def example(model: nn.Module, image: Sequence[int] | None = None) -> list[Tensor]:
    """Return two pictures without pixels, on the meta device: of ``channels, height, width``, or RGB and 256 a side.

    Where the model's ``divisor`` does not divide 256, the side is the next larger multiple.
    """
    divisor = int(getattr(model, "divisor", 1))
    side = -(-SIDE // divisor) * divisor
    floating = (parameter.dtype for parameter in model.parameters() if parameter.is_floating_point())
    return [torch.empty(2, *(image or (3, side, side)), dtype=next(floating, None), device="meta")]


def _uses(graph: Graph, scope: Scope) -> Iterator[tuple[frozenset[str], Branches]]:
    """Yield every use of a layer: its weights' names and its counts."""
    counting = _Counting(graph, scope)
    layers = [node for node in graph.nodes if node.kind is Kind.LAYER]
    tensors = {layer: _tensors_of(layer.inputs[0]) for layer in layers}
    readers = Counter((tensor, counting.block(layer)) for layer in layers for tensor in tensors[layer])
    for layer in layers:
        block = counting.block(layer)
        outputs = max(readers[tensor, block] for tensor in tensors[layer])
        yield layer.weights, Branches(counting.summed(layer.inputs[0], block), outputs)


class _Counting:
    """Counting of summed branches on a graph."""

    def __init__(self, graph: Graph, scope: Scope) -> None:
        self.scope = scope
        reads = chain(graph.outputs, chain.from_iterable(node.inputs for node in graph.nodes))
        self.reads = Counter(reads)

    def block(self, node: Node) -> int | None:
        """Return the call in which a sum must stand to count for this node; None for anywhere."""
        return node.block if self.scope == "module" else None

    def summed(self, node: Node, block: int | None) -> int:
        """Count the branches that a layer in the block reads at this node."""
        node = node.source
        if node.kind is Kind.SUM:
            seen = block in (None, node.block)
            return sum(self._as_term(term, block) for term in node.inputs) if seen else 1
        if node.kind in (Kind.LAYER, Kind.INPUT):
            return 1
        counts = [self.summed(other, block) for other in node.inputs]
        return prod(counts) if node.kind is Kind.PRODUCT else max(counts)

    def _as_term(self, node: Node, block: int | None) -> int:
        if self.reads[node] > 1:
            return 1
        if node.kind is Kind.SUM:
            return self.summed(node, block)
        if node.kind in (Kind.LINEAR, Kind.JOIN):
            return max(self._as_term(other, block) for other in node.inputs)
        return 1


def _tensors_of(node: Node) -> set[Node]:
    """Return the tensors that a layer reads when it reads this node: the parts of a concatenation, or itself."""
    node = node.source
    if node.parts or node.kind is Kind.JOIN:
        return set().union(*map(_tensors_of, node.parts or node.inputs))
    return {node}


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
    :func:`~posepyr.initialisation.multibranch.count_branches`. ``image`` is the ``channels, height, width`` that the
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
