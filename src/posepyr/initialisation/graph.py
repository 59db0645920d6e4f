"""A network as a graph of tensors, with layers, sums, products and concatenations."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from torch import nn


class Kind(Enum):
    """The origin of a tensor, as far as branches are concerned."""

    INPUT = auto()
    """An input of the network, or a constant that a layer reads."""
    LAYER = auto()
    """The product of a tensor and learned weights."""
    SUM = auto()
    """Different tensors added up."""
    PRODUCT = auto()
    """Different tensors multiplied, as by a gate or by attention."""
    JOIN = auto()
    """Different tensors concatenated, or selected element by element."""
    PART = auto()
    """A part of a tensor, as one half of the channels."""
    LINEAR = auto()
    """One tensor pooled, resampled, scaled or put in another order."""
    CURVED = auto()
    """One tensor normalised or activated."""


@dataclass(eq=False)
class Node:
    """A tensor within a network."""

    kind: Kind
    inputs: tuple["Node", ...]
    block: int
    """The number of the module call that made it: of the innermost module that is neither a container nor a layer."""
    weights: frozenset[str] = frozenset()
    """The names of the layer's parameters, for the output of a layer."""
    axis: int | None = None
    """The axis of the stack, for tensors stacked into one."""
    parts: list["Node"] = field(default_factory=list)
    """Parts of this tensor, or of a tensor made from it alone, that are read separately."""

    def __post_init__(self) -> None:
        passive = self.kind in (Kind.LINEAR, Kind.CURVED)
        self.source: Node = self.inputs[0].source if passive else self
        """The tensor behind all pooling, resampling, norms and activations that led to this one."""
        if self.kind is Kind.PART:
            self.inputs[0].source.parts.append(self)


class Graph(NamedTuple):
    """All tensors of a pass in order of execution, and the network's outputs."""

    nodes: list[Node]
    outputs: list[Node]
    calls: dict[int, nn.Module]
    """The module of each call, by the call's number."""
