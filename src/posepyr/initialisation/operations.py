"""What Torch's operations do with the branches of a network: which add them, and which only hand them on.

Names are those of Torch's inner operations, to which all ways of writing one come down; ``add_``, in place, is ``add``.
"""

import torch
from torch._ops import OpOverload

from posepyr.initialisation.graph import Kind

MATRIX = {"convolution", "linear", "mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "addbmm"}
"""Matrix products. With learned weights they are layers, with constants resampling, as in a blur or by a matrix."""

SUMS = {"add", "sub", "rsub", "lerp", "index_add", "scatter_add"}
PRODUCTS = {"mul", "div"}
JOINS = {"cat", "stack", "where", "maximum", "minimum", "copy", "index_put", "index_copy", "scatter", "masked_scatter"}
JOINS |= {"slice_scatter", "select_scatter"}

REDUCTIONS = {"sum", "mean"}
"""Along the axis of a stack they add up what was stacked."""

RESAMPLED = {"grid_sampler_2d", "grid_sampler_3d"}
"""The first tensor at places that the second one gives."""

OVERWRITTEN = {"copy", "fill", "zero", "bernoulli", "normal", "uniform", "random", "exponential"}
"""In place, these leave nothing of what was there."""

SPOKEN = {"_local_scalar_dense": "item(), or an if on what a tensor holds"}
"""What people write for operations that they would not recognise."""

_STRAIGHT = SUMS | PRODUCTS | {"neg", "clone"}
_CURVED = {"hardswish", "_prelu_kernel", "glu"}


def name_of(operation: OpOverload) -> str:
    """Its name, without a package and the overload: ``aten.add_.Tensor`` is ``add_``."""
    return str(operation.overloadpacket.__name__)


def depends_on_shapes_alone(name: str) -> bool:
    """Whether the values that it reads leave no trace in the result."""
    return name.endswith("_like") or name.startswith("new_")


def of_one(operation: OpOverload, name: str) -> Kind:
    """What an operation makes of a single tensor; what curves with each number does more than resample."""
    curved = torch.Tag.pointwise in operation.tags and name not in _STRAIGHT
    return Kind.CURVED if curved or name in _CURVED or "norm" in name or "softmax" in name else Kind.LINEAR


def of_several(name: str) -> Kind | None:
    """What an operation makes of different tensors; None where that is not known."""
    if name in SUMS:
        return Kind.SUM
    if name in PRODUCTS or name in MATRIX:
        return Kind.PRODUCT
    return Kind.JOIN if name in JOINS else None
