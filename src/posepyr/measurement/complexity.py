"""A network's cost: parameters, operations and memory, counted on the meta device without computing anything."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from posepyr.configuration.networks import Config, is_classification, network_group
from posepyr.configuration.papers import Counting
from posepyr.layers.pooling import LevelPools
from posepyr.nodes import build

UNITS: dict[Counting, str] = {
    "HRNet": "2^30 multiply-adds",
    "PyraNet": "10^9 operations",
    "PyraNet CIFAR": "10^9 operations, groups as dense",
}
"""The papers' GFLOPs. HRNet and PPNet: the multiply-adds of convolutions and linear layers, a transposed
convolution's at its output pixels (four times too many at stride 2). PyraNet: two operations each multiply-add and one
each element of biases, batch norms and ReLUs; in its table 3 no such terms, and grouped convolutions as if dense."""

Convolution = nn.Conv2d | nn.ConvTranspose2d
ELEMENTWISE = (nn.modules.batchnorm._BatchNorm, nn.ReLU)


class Cost(NamedTuple):
    """The cost of one pass of one picture."""

    parameters: int
    multiply_adds: int
    """Of convolutions and linear layers."""
    at_output: int
    """The same with each transposed convolution's weights taken once for each of its output pixels."""
    dense: int
    """The same with every grouped convolution as if it had one group."""
    elementwise: int
    """Elements that biases, batch norms and ReLUs touch."""
    activations: int
    """Elements that convolutions and linear layers put out."""
    stages: dict[str, int]
    """Multiply-adds by the module of the network they belong to."""

    def gflops(self, counting: Counting) -> float:
        """Return the figure that a paper would print."""
        if counting == "HRNet":
            return self.at_output / 2**30
        if counting == "PyraNet":
            return (2 * self.multiply_adds + self.elementwise) / 1e9
        return 2 * self.dense / 1e9


def build_on_meta(node: Mapping[str, Any], **extra: Any) -> nn.Module:
    """Build the network that a node describes, with shapes and without numbers."""
    with torch.device("meta"):
        network: nn.Module = build(node, **extra)
    return network


def network_on_meta(config: Config) -> nn.Module:
    """Build the network of a configuration, with shapes and without numbers."""
    joints = {} if is_classification(config) else {"joints": len(config["skeleton"]["joints"])}
    return build_on_meta(config[network_group(config)], **joints)


def count(network: nn.Module, size: tuple[int, ...], depth: int = 1) -> Cost:
    """Count the cost of a network on the meta device for one input of ``channels, height, width``.

    Hooks on the modules count. Modules without weights to multiply with are cut short meanwhile, since a meta device
    would spend most of its time on them. ``stages`` go by the first ``depth`` parts of the modules' names.
    """
    totals: dict[str, int] = defaultdict(int)
    stages: dict[str, int] = defaultdict(int)
    hooks = []
    for name, module in network.named_modules():
        stage = ".".join(name.split(".")[:depth])
        if isinstance(module, Convolution | nn.Linear):
            hooks.append(module.register_forward_hook(_weighted(totals, stages, stage)))
        elif isinstance(module, ELEMENTWISE):
            hooks.append(module.register_forward_hook(_elementwise(totals)))
    try:
        with torch.no_grad(), _cut_short(network), _EmptyResize():
            network(torch.empty(1, *size, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    return Cost(
        sum(parameter.numel() for parameter in network.parameters()),
        totals["multiply_adds"],
        totals["at_output"],
        totals["dense"],
        totals["elementwise"],
        totals["activations"],
        dict(stages),
    )


Hook = Callable[[nn.Module, tuple[Any, ...], Any], None]


def _weighted(totals: dict[str, int], stages: dict[str, int], stage: str) -> Hook:
    def add(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        weights = layer.get_parameter("weight").numel()
        transposed = isinstance(layer, nn.ConvTranspose2d)
        exact = weights * _uses(inputs[0] if transposed else output)
        totals["multiply_adds"] += exact
        totals["at_output"] += weights * _uses(output)
        totals["dense"] += exact * int(getattr(layer, "groups", 1))
        totals["elementwise"] += 0 if layer.bias is None else output.numel()
        totals["activations"] += output.numel()
        stages[stage] += exact

    return add


def _uses(x: Tensor) -> int:
    """Return the number of times that a layer's weights are used on a batch of one: its pixels, once for a vector."""
    return x.shape[-2] * x.shape[-1] if x.ndim == 4 else 1


def _elementwise(totals: dict[str, int]) -> Hook:
    def add(_layer: nn.Module, _inputs: tuple[Any, ...], output: Any) -> None:
        totals["elementwise"] += output.numel()

    return add


@contextmanager
def _cut_short(network: nn.Module) -> Iterator[None]:
    """Let element-wise modules return their input, and the pools of pyramids empty maps of the right sizes."""
    passive: list[nn.Module] = []
    for module in network.modules():
        if isinstance(module, ELEMENTWISE):
            module.__dict__["forward"] = _identity
            passive.append(module)
        elif isinstance(module, LevelPools):
            module.__dict__["forward"] = partial(_pooled, module)
            passive.append(module)
    try:
        yield
    finally:
        for module in passive:
            del module.__dict__["forward"]


def _pooled(pools: LevelPools, *maps: Tensor) -> list[Tensor]:
    x = maps[0]
    sizes = zip(pools.sizes(x.shape[-2]), pools.sizes(x.shape[-1]), strict=True)
    return [x.new_empty(*x.shape[:2], height, width) for height, width in sizes]


def _identity(x: Tensor) -> Tensor:
    return x


class _EmptyResize(TorchFunctionMode):
    """Resizing to a fixed size as an empty map of that size."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        arguments = kwargs or {}
        if func is F.interpolate and arguments.get("size") is not None:
            return args[0].new_empty(*args[0].shape[:2], *arguments["size"])
        return func(*args, **arguments)


class Memory(NamedTuple):
    """Bytes that a training step of a batch takes at its peak, in single precision."""

    weights: int
    gradients: int
    activations: int
    """Kept by the forward pass for the backward pass."""

    @property
    def peak(self) -> int:
        """All of it: at the end of the forward pass, with the gradients of the step before still there."""
        return self.weights + self.gradients + self.activations


def training_memory(network: nn.Module, size: tuple[int, ...], batch: int) -> Memory:
    """Estimate the memory of a network on the meta device: what autograd saves, each piece of memory once.

    An optimiser's own state and a kernel's workspace come on top.
    """
    own = {_memory(tensor) for tensor in (*network.parameters(), *network.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if _memory(tensor) not in own:
            kept[_memory(tensor)] = tensor
        return tensor

    mode = network.training
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, _identity):
        network.train()(torch.empty(batch, *size, device="meta"))
    network.train(mode)
    weights = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    gradients = sum(parameter.nbytes for parameter in network.parameters() if parameter.requires_grad)
    return Memory(weights, gradients, sum(tensor.untyped_storage().nbytes() for tensor in kept.values()))


def _memory(tensor: Tensor) -> int:
    """Return the identity of a tensor's piece of memory: on the meta device all have the address 0."""
    return int(tensor.untyped_storage()._cdata)
