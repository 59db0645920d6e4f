"""A network as a graph of tensors: kinds of nodes, and which kind each of Torch's operations makes.

Operations are named as in ATen, Torch's inner operations: ``x + y``, ``torch.add(x, y)`` and ``x.add(y)`` are all
``add``, and ``x += y`` is ``add_``, whose underscore is removed before it is looked up here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._ops import OpOverload


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


MATRIX = {"convolution", "linear", "mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "addbmm"}
"""Matrix products. With learned weights they are layers, with constants resampling, as by a blur."""

SUMS = {"add", "sub", "rsub", "lerp", "index_add", "scatter_add"}
PRODUCTS = {"mul", "div"}
JOINS = {"cat", "stack", "where", "maximum", "minimum", "copy", "index_put", "index_copy", "scatter", "masked_scatter"}
JOINS |= {"slice_scatter", "select_scatter"}

REDUCTIONS = {"sum", "mean"}
"""Sums of different tensors where they run along the axis of a stack: ``torch.stack([a, b]).sum(0)`` is ``a + b``."""

RESAMPLED = {"grid_sampler_2d", "grid_sampler_3d"}
"""The first tensor read at the coordinates in the second one."""

OVERWRITTEN = {"copy", "fill", "zero", "bernoulli", "normal", "uniform", "random", "exponential"}
"""In place, these overwrite all of a tensor."""

WORDS = {"_local_scalar_dense": "item(), or an if on what a tensor holds"}
"""Python's spelling of inner operations whose names say little."""

_STRAIGHT = SUMS | PRODUCTS | {"neg", "clone"}
_CURVED = {"hardswish", "_prelu_kernel", "glu"}


def name_of(operation: OpOverload) -> str:
    """Return an operation's name without package and overload: ``aten.add_.Tensor`` is ``add_``."""
    return str(operation.overloadpacket.__name__)


def depends_on_shapes_alone(name: str) -> bool:
    """Return whether an operation reads only the shape of its tensors, not their values."""
    return name.endswith("_like") or name.startswith("new_")


def kind_of_one(operation: OpOverload, name: str) -> Kind:
    """Return the kind of an operation's result from one tensor: element by element, all but scaling is nonlinear."""
    curved = torch.Tag.pointwise in operation.tags and name not in _STRAIGHT
    return Kind.CURVED if curved or name in _CURVED or "norm" in name or "softmax" in name else Kind.LINEAR


def kind_of_several(name: str) -> Kind | None:
    """Return the kind of an operation's result from different tensors; None where that is not known."""
    if name in SUMS:
        return Kind.SUM
    if name in PRODUCTS or name in MATRIX:
        return Kind.PRODUCT
    return Kind.JOIN if name in JOINS else None


def _normalised(x: Tensor, *_rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    channels = x.new_empty(x.shape[1])
    return torch.empty_like(x), channels, channels


def _resized(x: Tensor, size: Sequence[int], *_rest: Any) -> Tensor:
    return x.new_empty(*x.shape[:2], *size)


def _alike(x: Tensor, *_rest: Any) -> Tensor:
    return torch.empty_like(x)


def _itself(x: Tensor, *_rest: Any) -> Tensor:
    return x


QUICK: dict[OpOverload, Callable[..., Any]] = {
    torch.ops.aten.native_batch_norm.default: _normalised,
    torch.ops.aten.upsample_bilinear2d.default: _resized,
    torch.ops.aten.upsample_nearest2d.default: _resized,
    torch.ops.aten.relu.default: _alike,
    torch.ops.aten.relu_.default: _itself,
}
"""Outputs by operation, on the meta device, where Torch's own rule for the shape is slow."""
