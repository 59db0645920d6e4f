"""A module against its oracle in double precision: its values, and the gradients of all weights and inputs."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from support.naive_layers import double
from support.weights import read_once

Oracle = Callable[..., Tensor | list[Tensor]]
"""``oracle(x, w)``, with the weights of one module; as the module does, it takes and gives one tensor or a list."""

Maps = Tensor | list[Tensor] | tuple[Tensor, ...]


def check(module: nn.Module, given: Tensor | list[Tensor], oracle: Oracle) -> None:
    """Compare outputs, each of which has to reach a tenth somewhere, and the gradients of a weighted sum of them."""
    copies = [double(x) for x in listed(given)]
    moved, moved_copies = [], []
    with read_once(module) as w:
        for name, x, copy in [
            *((name, parameter, w.unread[name]) for name, parameter in module.named_parameters()),
            *(("input", *pair) for pair in zip(listed(given), copies, strict=True)),
        ]:
            if x.is_floating_point():
                moved.append((name, x.requires_grad_()))
                moved_copies.append(copy.requires_grad_())
        expected = listed(oracle(copies[0] if isinstance(given, Tensor) else copies, w))
    found = listed(module(given))
    for mine, theirs in zip(found, expected, strict=True):
        assert theirs.abs().max() > 0.1, "an oracle that gives nothing shows nothing"
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)

    generator = torch.Generator().manual_seed(7)
    weights = [torch.randn(y.shape, generator=generator, dtype=y.dtype) for y in expected]
    mine = torch.autograd.grad(found, [x for _, x in moved], weights)
    theirs = torch.autograd.grad(expected, moved_copies, weights)
    largest = max(gradient.abs().max().item() for gradient in theirs)
    for (name, _), a, b in zip(moved, mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9 * largest, msg=lambda text, name=name: f"{name}: {text}")


def listed(found: Maps) -> list[Tensor]:
    return [found] if isinstance(found, Tensor) else [*found]
