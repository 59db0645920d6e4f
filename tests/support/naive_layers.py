"""The operations of the papers once more, in plain numpy and loops: what the library is held against.

Written from the papers' equations and the released construction, not from the library's code. Arrays are
``B C H W`` in float64.
"""

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def array(tensor) -> Array:
    return tensor.detach().numpy().astype(np.float64)


def convolution(x: Array, weight: Array, stride: int = 1, dilation: int = 1) -> Array:
    """Each output pixel is a weighted sum of the pixels under the kernel, zeros around the map; no bias."""
    kernel = weight.shape[-1]
    pad = dilation * (kernel // 2)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((len(x), len(weight), *(-(-length // stride) for length in x.shape[2:])))
    for i in range(kernel):
        for j in range(kernel):
            rows = slice(i * dilation, i * dilation + x.shape[2], stride)
            columns = slice(j * dilation, j * dilation + x.shape[3], stride)
            out += np.einsum("oi,bihw->bohw", weight[:, :, i, j], padded[:, :, rows, columns])
    return out


def starts(inputs: int, outputs: int, u: float) -> list[int]:
    """Graham's pseudo-random sequence: where each window of two begins."""
    if outputs == 1:
        return [inputs - 2]
    alpha = (inputs - 2) / (outputs - 1)
    return [int((i + u) * alpha) - int(u * alpha) for i in range(outputs - 1)] + [inputs - 2]


def fractional_max_pool(x: Array, size: tuple[int, int], u: tuple[float, float]) -> Array:
    rows, columns = starts(x.shape[2], size[0], u[1]), starts(x.shape[3], size[1], u[0])
    out = np.empty((*x.shape[:2], *size))
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            out[:, :, i, j] = x[:, :, top : top + 2, left : left + 2].max(axis=(2, 3))
    return out


def adaptive_max_pool(x: Array, size: tuple[int, int]) -> Array:
    """The maxima of cells of equal size, each grown to whole pixels."""
    (h, w), (height, width) = size, x.shape[2:]
    out = np.empty((*x.shape[:2], h, w))
    for i in range(h):
        for j in range(w):
            rows = slice(math.floor(i * height / h), math.ceil((i + 1) * height / h))
            columns = slice(math.floor(j * width / w), math.ceil((j + 1) * width / w))
            out[:, :, i, j] = x[:, :, rows, columns].max(axis=(2, 3))
    return out


def shrunk(x: Array, size: tuple[int, int], pool: str, offsets: tuple[float, float] | None) -> Array:
    """A map as one level of a pyramid sees it; ``offsets`` place the regions of fractional pooling."""
    if pool == "fractional":
        return fractional_max_pool(x, size, offsets)
    return (adaptive_max_pool if pool == "adaptive" else bilinear)(x, size)


def bilinear(x: Array, size: tuple[int, int]) -> Array:
    """Linear interpolation along rows, then along columns, the corner pixels kept."""
    for axis, length in ((2, size[0]), (3, size[1])):
        position = np.linspace(0, x.shape[axis] - 1, length)
        x = np.apply_along_axis(lambda line, p=position: np.interp(p, np.arange(len(line)), line), axis, x)
    return x


def max_pool(x: Array) -> Array:
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def overlapping_max_pool(x: Array) -> Array:
    """The maxima of 3x3 windows around every second pixel."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    shifted = [padded[:, :, i : i + x.shape[2] : 2, j : j + x.shape[3] : 2] for i in range(3) for j in range(3)]
    return np.max(shifted, axis=0)


def pool_rounded_up(x: Array) -> Array:
    """Maxima of windows of two by two; the last row and column may stand alone."""
    height, width = x.shape[2:]
    rows = np.stack([x[:, :, i : i + 2].max(axis=2) for i in range(0, height, 2)], axis=2)
    return np.stack([rows[..., j : j + 2].max(axis=3) for j in range(0, width, 2)], axis=3)


def nearest_twice(x: Array) -> Array:
    return x.repeat(2, axis=2).repeat(2, axis=3)
