"""A network's weights by name, handed to an oracle that must read each of them exactly once.

The oracles are written from the papers, so a convolution, bias or norm too many leaves a weight unread, one too few
asks for a weight that is not there, and a wrong width meets the wrong shape. No oracle sees a module.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from torch import Tensor, nn

from support.naive_layers import convolution, double


@dataclass(frozen=True)
class Weights:
    """The weights below ``prefix``, of those that are still unread."""

    unread: dict[str, Tensor]
    training: bool
    prefix: str = ""

    def at(self, name: str | int) -> "Weights":
        return replace(self, prefix=f"{self.prefix}{name}.")

    def take(self, name: str) -> Tensor:
        return self.unread.pop(self.prefix + name)


@contextmanager
def read_once(module: nn.Module) -> Iterator[Weights]:
    """Give the state dict and the offsets of pooling regions, as copies, and see that nothing is left at the end."""
    offsets = {name: buffer for name, buffer in module.named_buffers() if name.endswith("pools.regions")}
    state = module.state_dict() | offsets
    assert len({value.data_ptr() for value in state.values()}) == len(state), "one weight in two places"
    unread = {name: double(value) for name, value in state.items()}
    yield Weights(unread, module.training)
    assert list(unread) == [], "weights that the oracle has no use for"


def conv(x: Tensor, w: Weights, outputs: int, kernel: int, *, stride=1, dilation=1, bias=True) -> Tensor:
    """A convolution that keeps the size, or divides it by ``stride``."""
    weight = w.take("weight")
    assert weight.shape == (outputs, x.shape[1], kernel, kernel)
    out = convolution(x, weight, stride, dilation)
    return out + w.take("bias")[:, None, None] if bias else out


def norm(x: Tensor, w: Weights) -> Tensor:
    """Batch norm by the batch's statistics in training, by the running ones otherwise."""
    running = w.take("running_mean"), w.take("running_var")
    assert w.take("num_batches_tracked") >= 0
    mean, variance = (x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)) if w.training else running
    scale = w.take("weight") / (variance + 1e-5).sqrt()
    return (x - mean[:, None, None]) * scale[:, None, None] + w.take("bias")[:, None, None]


def relu(x: Tensor) -> Tensor:
    return x * (x > 0)


def norm_relu(x: Tensor, w: Weights) -> Tensor:
    return relu(norm(x, w))


def linear(x: Tensor, w: Weights, outputs: int) -> Tensor:
    weight = w.take("weight")
    assert weight.shape == (outputs, x.shape[1])
    return x @ weight.mT + w.take("bias")
