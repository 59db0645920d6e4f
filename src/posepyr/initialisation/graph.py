"""A network as a graph of tensors: which layer reads what, and where maps are summed."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from torch import nn


class Kind(Enum):
    """How a tensor came about, as far as branches go."""

    INPUT = auto()
    """It enters the network, or is a constant that a layer reads."""
    LAYER = auto()
    """The product of a tensor and learned weights."""
    SUM = auto()
    """Different tensors added up."""
    PRODUCT = auto()
    """Different tensors multiplied, as by a gate or by attention."""
    JOIN = auto()
    """Different tensors side by side, or one or the other place by place."""
    PART = auto()
    """Less than all of a tensor, as one half of the channels."""
    LINEAR = auto()
    """One tensor pooled, resampled, scaled or put in another order."""
    CURVED = auto()
    """One tensor normalised or activated."""


@dataclass(eq=False)
class Node:
    """A tensor on its way through a network."""

    kind: Kind
    inputs: tuple["Node", ...]
    block: int
    """The call of a module in which it was made: of the innermost that is neither a container nor a layer."""
    weights: frozenset[str] = frozenset()
    """Of a layer: the parameters that it multiplies with, by name."""
    axis: int | None = None
    """Of tensors stacked into one: the new axis."""
    parts: list["Node"] = field(default_factory=list)
    """Parts of this tensor, or of what is made from it alone, that are read by themselves."""

    def __post_init__(self) -> None:
        handed_on = self.kind in (Kind.LINEAR, Kind.CURVED)
        self.source: Node = self.inputs[0].source if handed_on else self
        """Where it comes from when nothing but pooling, resampling, norms and activations is undone."""
        if self.kind is Kind.PART:
            self.inputs[0].source.parts.append(self)


class Graph(NamedTuple):
    """All tensors of a pass, in the order of their making, and those that the network gives back."""

    nodes: list[Node]
    outputs: list[Node]
    calls: dict[int, nn.Module]
    """The module of each call, by the call's number."""
