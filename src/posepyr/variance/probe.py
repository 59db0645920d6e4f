"""Measuring the variance of responses and gradients through a network's depth (PyraNet, sections 4.1 and 4.2)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from posepyr.initialisation.graph import Kind
from posepyr.initialisation.schemes import NORMS, layers_of
from posepyr.initialisation.trace import trace

At = Literal["blocks", "convolutions", "all"]
"""The outputs to measure: of blocks (modules that sum), of convolutions and linear layers, or of both."""

Place = Literal["block", "convolution"]
"""The kind of a measured module."""


class Moments(NamedTuple):
    """Mean and variance of all elements of a tensor."""

    mean: float
    variance: float

    def scaled(self, factor: float) -> "Moments":
        """Return the moments of the same elements times a factor."""
        return Moments(self.mean * factor, self.variance * factor**2)


class OutputMoments(NamedTuple):
    """Moments of one output of one call of a module."""

    name: str
    """The module's name; ``[i]`` behind it for output i of several from 0, `` (n)`` for call n of several from 1."""
    place: Place
    response: Moments
    gradient: Moments | None
    """Moments of the loss's gradient by the output; None where no gradient came back."""


def places(model: nn.Module, inputs: Sequence[Any], at: At) -> dict[str, Place]:
    """Return the modules to measure, by name.

    A block is a module in whose own forward pass different maps are added up: a residual, whose output is the response
    of PyraNet's figure 5, or an hourglass, where two of them are summed (figure 6). They are read off the graph of
    ``model(*inputs)``. Sums of the outermost module are left out: they are not the output of a module within it.
    """
    found: dict[str, Place] = dict.fromkeys(layers_of(model), "convolution") if at != "blocks" else {}
    if at != "convolutions":
        found |= dict.fromkeys(_summing(model, inputs), "block")
    if not found:
        raise ValueError(f"at must be convolutions where no module of a network sums, got {at}")
    return found


def _summing(model: nn.Module, inputs: Sequence[Any]) -> list[str]:
    names = {module: name for name, module in model.named_modules()}
    try:
        graph = trace(model, inputs)
    except ValueError as error:
        raise ValueError(f"at must be convolutions where sums cannot be found: {error}") from error
    modules = (graph.calls.get(node.block, model) for node in graph.nodes if node.kind is Kind.SUM)
    return [names[module] for module in modules if module is not model]


class Profile:
    """Moments of a pass's outputs, in the order of execution."""

    def __init__(self) -> None:
        self.passing = False
        """True while the model is in its forward pass."""
        self._outputs: list[_Output] = []

    def note(self, name: str, place: Place, output: Any) -> None:
        """Measure a module's output now and, in the backward pass, the gradient by it."""
        tensors = _tensors(output)
        for index, tensor in enumerate(tensors):
            measured = _Output(f"{name}[{index}]" if len(tensors) > 1 else name, place, _moments(tensor))
            self._outputs.append(measured)
            if tensor.requires_grad:
                # On the tensor itself: a change in place afterwards, as by ReLU, does not change the hook's gradient.
                tensor.register_hook(measured.on_gradient)  # type: ignore[no-untyped-call]  # not annotated in Torch

    def rows(self) -> list[OutputMoments]:
        """Return a row for each output of each call."""
        totals = Counter(output.name for output in self._outputs)
        calls: Counter[str] = Counter()
        rows = []
        for output in self._outputs:
            calls[output.name] += 1
            call = f" ({calls[output.name]})" if totals[output.name] > 1 else ""
            gradient = None if output.gradient is None else _read(output.gradient)
            rows.append(OutputMoments(output.name + call, output.place, _read(output.response), gradient))
        return rows


@contextmanager
def watched(model: nn.Module, where: Mapping[str, Place]) -> Iterator[Profile]:
    """Measure the outputs of the modules named and their gradients, in the passes within this context.

    Only moments are kept. The passes compute the same as before, except that a compiled model is run as it was
    written. Outputs that are recomputed for the backward pass are not measured twice.
    """
    profile = Profile()
    modules = dict(model.named_modules())

    def note(name: str, place: Place, _module: nn.Module, _inputs: Any, output: Any) -> None:
        if profile.passing:
            profile.note(name, place, output)

    def passing(now: bool, *_: Any) -> None:
        profile.passing = now

    hooks = [model.register_forward_pre_hook(partial(passing, True))]
    hooks += [modules[name].register_forward_hook(partial(note, name, place)) for name, place in where.items()]
    hooks += [model.register_forward_hook(partial(passing, False), always_call=True)]
    try:
        with torch.compiler.set_stance("force_eager"):
            yield profile
    finally:
        for handle in hooks:
            handle.remove()


class Unnormalised(nn.Module):
    """Identity in the place of a norm; a copy, since an activation in place may follow."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def remove_norms(model: nn.Module) -> None:
    """Remove all norms of a model, so that variances depend on its first weights alone (equations 10 to 15)."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, NORMS):
                setattr(module, name, Unnormalised())


@dataclass(eq=False)
class _Output:
    """Moments still on the device: reading their values would make the CPU wait for a GPU."""

    name: str
    place: Place
    response: Tensor
    gradient: Tensor | None = None

    def on_gradient(self, gradient: Tensor) -> None:
        self.gradient = _moments(gradient)


def _moments(tensor: Tensor) -> Tensor:
    variance, mean = torch.var_mean(tensor.detach().float(), correction=0)
    return torch.stack([mean, variance])


def _read(moments: Tensor) -> Moments:
    mean, variance = moments.tolist()
    return Moments(mean, variance)


def _tensors(output: Any) -> list[Tensor]:
    """Return the floating-point tensors of an output, also those in tuples, lists and dictionaries."""
    if isinstance(output, Tensor):
        return [output] if output.is_floating_point() else []
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, list | tuple) else ()
    return [tensor for part in parts for tensor in _tensors(part)]
