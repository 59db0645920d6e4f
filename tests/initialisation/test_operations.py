"""The short ways to a shape lead where Torch's own lead."""

import pytest
import torch
from torch.nn import functional as F

from posepyr.initialisation.graph import QUICK

X = torch.empty(2, 3, 8, 6, device="meta")
ATEN = torch.ops.aten

CALLS = {
    ATEN.native_batch_norm.default: (X, None, None, None, None, True, 0.1, 1e-5),
    ATEN.upsample_bilinear2d.default: (X, [5, 9], True),
    ATEN.upsample_nearest2d.default: (X, [16, 12], 2.0, 2.0),
    ATEN.relu.default: (X,),
    ATEN.relu_.default: (X,),
}


def described(result):
    results = result if isinstance(result, tuple) else (result,)
    return [(tuple(tensor.shape), tensor.dtype, tensor.device) for tensor in results]


@pytest.mark.parametrize("operation", QUICK, ids=str)
def test_shapes_are_torchs(operation):
    quick, own = QUICK[operation](*CALLS[operation]), operation(*CALLS[operation])
    assert described(quick) == described(own)
    assert (quick is X) == (own is X)


def test_torch_comes_down_to_them():
    seen = set()

    class Listen(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.add(func)
            return func(*args, **(kwargs or {}))

    with torch.no_grad(), Listen():
        F.batch_norm(X, None, None, training=True)
        F.interpolate(X, size=(5, 9), mode="bilinear", align_corners=True)
        F.interpolate(X, scale_factor=2)
        F.relu(F.relu(X), inplace=True)
    assert set(QUICK) <= seen
