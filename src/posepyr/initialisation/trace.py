"""Tracing of a network's graph by one pass on the meta device, where tensors have shapes and no values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from traceback import walk_tb
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.func import functional_call
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

# Called below autograd, where x + y, torch.add(x, y) and x.add(y) are one operation; Torch has no public name.
from torch.utils._python_dispatch import TorchDispatchMode

from posepyr.initialisation import graph
from posepyr.initialisation.graph import Graph, Kind, Node
from posepyr.initialisation.schemes import Layer

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def trace(model: nn.Module, inputs: Sequence[Any]) -> Graph:
    """Return the graph of ``model(*inputs)``; only the inputs' shapes and types matter.

    The pass runs on Torch's meta device and in the mode, training or evaluation, that the model is in. Weights, running
    statistics and generators are left as they are. Python's own control flow is followed; a network whose control flow
    depends on values of tensors cannot be traced, nor can one with an operation that combines them in an unknown way.
    """
    parameters = {name: parameter.detach().to("meta") for name, parameter in model.named_parameters()}
    # Buffers keep their values: they are small, and Torch is far quicker with real ones.
    buffers = {name: _copied(buffer) for name, buffer in model.named_buffers()}
    given = [value.to("meta") if isinstance(value, Tensor) else value for value in inputs]
    recorder = _Recorder(parameters, [value for value in given if isinstance(value, Tensor)])
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), recorder.calls(), recorder:
            outputs = functional_call(model, parameters | buffers, tuple(given))
    except Exception as error:
        shapes = ", ".join(" x ".join(map(str, value.shape)) for value in given if isinstance(value, Tensor))
        raise ValueError(
            f"the network must run on shapes alone for its branches to be counted, here with an input of {shapes} (the "
            f"argument image gives another); {recorder.operation(error)}{_module(error, model)} stopped it: {error}"
        ) from error
    return Graph(recorder.nodes, recorder.known(_tensors(outputs)), recorder.called)


Geometry = tuple[int, tuple[int, ...], tuple[int, ...]]


@dataclass
class _Content:
    """The content of one storage. The storage is kept alive here, so that no later one gets its address."""

    storage: torch.UntypedStorage
    node: Node | None = None
    weights: frozenset[str] = frozenset()
    parts: dict[Geometry, Node] = field(default_factory=dict)


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # not annotated in Torch
    """Records every operation of a pass as nodes of a graph.

    Torch calls :meth:`__torch_dispatch__` for every inner operation. A node is kept for each storage, the memory that
    a tensor and its views share, rather than for each tensor object: so views and operations in place need no rules
    of their own. Example: after ``y = x.view(-1); y += z``, ``x`` too is a sum, since both are one storage.
    """

    def __init__(self, parameters: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # not annotated in Torch
        self.nodes: list[Node] = []
        self.called: dict[int, nn.Module] = {}
        self._contents: dict[int, _Content] = {}
        self._calls: list[tuple[int, nn.Module]] = []
        self._number = 0
        self._stopped: tuple[Exception | None, str] = (None, "")
        for name, parameter in parameters.items():
            if parameter.ndim >= 2:  # biases and the scales of norms do not make a layer
                self._content(parameter).weights = frozenset([name])
        for value in inputs:
            self._content(value).node = self._add(Kind.INPUT, ())

    @contextmanager
    def calls(self) -> Iterator[None]:
        """Keep track of the modules that are being called."""

        def enter(module: nn.Module, _inputs: Any) -> None:
            self._number += 1
            self.called[self._number] = module
            self._calls.append((self._number, module))

        def leave(_module: nn.Module, _inputs: Any, _output: Any) -> None:
            self._calls.pop()

        hooks = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def operation(self, error: Exception) -> str:
        """Return the operation that raised the error, if one did, as the beginning of a sentence."""
        name = self._stopped[1] if self._stopped[0] is error else ""
        return f"{graph.WORDS.get(name, name)} in " if name else ""

    def known(self, tensors: Iterable[Tensor]) -> list[Node]:
        """Return the nodes of tensors, each once; constants have none."""
        nodes = (self._node(tensor) for tensor in tensors)
        return list(dict.fromkeys(node for node in nodes if node is not None))

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        try:
            result = _run(func, args, given)
            self._follow(func, args, given, result)
        except Exception as error:
            self._stopped = (error, graph.name_of(func))
            raise
        return result

    def _follow(self, func: OpOverload, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> None:
        name = graph.name_of(func)
        in_place, name = name.endswith("_"), name.removesuffix("_")
        if graph.depends_on_shapes_alone(name):
            return
        written = _tensors(args[0] if in_place else given.get("out"))
        old = written if not in_place or name in graph.OVERWRITTEN else []
        read = [tensor for tensor in _tensors((args, given)) if not any(tensor is other for other in old)]
        written = written or self._new(read, _tensors(result))
        if written:
            node, weights = self._made(func, name, args, read, written)
            for tensor in written:
                self._write(tensor, node, weights)

    def _new(self, read: list[Tensor], results: list[Tensor]) -> list[Tensor]:
        """Return the results that have a storage of their own; record the others, which are views."""
        viewed = {id(self._content(tensor)): tensor for tensor in read}
        new = []
        for result in results:
            if id(self._content(result)) in viewed:
                self._view(viewed[id(self._content(result))], result)
            else:
                new.append(result)
        # Results of comparisons and positions of maxima are not feature maps.
        features = any(_is_real(tensor) for tensor in read if self._node(tensor) is not None)
        return [tensor for tensor in new if _is_real(tensor) or not features]

    def _view(self, viewed: Tensor, view: Tensor) -> None:
        node, parts = self._node(viewed), self._content(view).parts
        if node is None or _geometry(view) in parts:
            return
        if view.numel() < viewed.numel():
            parts[_geometry(view)] = self._add(Kind.PART, (node,))
        elif _geometry(viewed) in parts:
            parts[_geometry(view)] = node

    def _made(
        self, func: OpOverload, name: str, args: tuple[Any, ...], read: list[Tensor], written: list[Tensor]
    ) -> tuple[Node | None, frozenset[str]]:
        """Return the node of an operation's result, or the weights in it where no node is: made of weights alone."""
        weights = frozenset(chain.from_iterable(self._content(tensor).weights for tensor in read))
        nodes = self.known(read)
        if name in graph.MATRIX and weights:
            nodes = nodes or self._constant(read)
            if len(nodes) > 1:
                raise ValueError(f"{name} combines {len(nodes)} tensors with weights in a way that is not known")
            return (self._add(Kind.LAYER, nodes, weights), frozenset()) if nodes else (None, weights)
        if not nodes:
            return None, weights
        if name in graph.RESAMPLED:
            return self._add(Kind.LINEAR, self.known([args[0]]) or nodes), frozenset()
        if name in graph.REDUCTIONS and nodes[0].axis in _axes(args):
            return self._add(Kind.SUM, nodes[0].inputs), frozenset()
        if len({node.source for node in nodes}) == 1:
            # One tensor several times, as in x * sigmoid(x): an activation or a norm that is written out.
            return self._add(graph.kind_of_one(func, name) if len(nodes) == 1 else Kind.CURVED, nodes), frozenset()
        kind = graph.kind_of_several(name)
        if kind is None:
            raise ValueError(f"{name} combines {len(nodes)} tensors in a way that is not known")
        node = self._add(kind, nodes)
        if name == "stack":
            node.axis = (args[1] if len(args) > 1 else 0) % written[0].ndim
        return node, frozenset()

    def _constant(self, read: list[Tensor]) -> list[Node]:
        """Return the input of a layer that reads a constant, as a grid of coordinates."""
        for tensor in read:
            content = self._content(tensor)
            if tensor.ndim >= 2 and not content.weights:
                content.node = self._add(Kind.INPUT, ())
                return [content.node]
        return []

    def _write(self, tensor: Tensor, node: Node | None, weights: frozenset[str]) -> None:
        content = self._content(tensor)
        partial = tensor.numel() * tensor.element_size() < content.storage.nbytes()
        if partial and content.node is not None:
            node = self._add(Kind.JOIN, (content.node, node)) if node is not None else content.node
        content.node, content.weights = node, weights
        content.parts.clear()

    def _add(self, kind: Kind, inputs: Sequence[Node], weights: frozenset[str] = frozenset()) -> Node:
        apart = (*CONTAINERS, Layer)
        block = next((number for number, module in reversed(self._calls) if not isinstance(module, apart)), 0)
        self.nodes.append(Node(kind, tuple(inputs), block, weights))
        return self.nodes[-1]

    def _content(self, tensor: Tensor) -> _Content:
        storage = tensor.untyped_storage()
        return self._contents.setdefault(int(storage._cdata), _Content(storage))

    def _node(self, tensor: Tensor) -> Node | None:
        content = self._content(tensor)
        return content.parts.get(_geometry(tensor), content.node) if content.parts else content.node


def _geometry(tensor: Tensor) -> Geometry:
    return int(tensor.storage_offset()), tuple(tensor.shape), tuple(tensor.stride())


def _is_real(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _axes(args: tuple[Any, ...]) -> list[int]:
    """Return the axes that a sum or a mean runs over."""
    given = args[1] if len(args) > 1 else None
    chosen = range(args[0].ndim) if given is None else given
    return [axis % args[0].ndim for axis in chosen]


def _tensors(value: Any) -> list[Tensor]:
    """Return all tensors, also those in tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return list(chain.from_iterable(map(_tensors, value))) if isinstance(value, list | tuple) else []


def _copied(buffer: Tensor) -> Tensor:
    return buffer.detach().clone() if buffer.is_meta else buffer.detach().to("cpu", copy=True)


def _run(func: OpOverload, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
    """Run an operation, on the meta device as soon as one of its tensors is there."""
    tensors = _tensors((args, given))
    if not any(tensor.is_meta for tensor in tensors):
        return func(*args, **given)
    if not all(tensor.is_meta for tensor in tensors):
        args, given = _on_meta(args), _on_meta(given)
    return graph.QUICK.get(func, func)(*args, **given)


def _on_meta(value: Any) -> Any:
    """Move tensors to the meta device; scalars may stay, which Torch combines with any device."""
    if isinstance(value, Tensor):
        return value.to("meta") if value.ndim else value
    if isinstance(value, dict):
        return {key: _on_meta(inner) for key, inner in value.items()}
    return type(value)(map(_on_meta, value)) if isinstance(value, list | tuple) else value


def _module(error: Exception, model: nn.Module) -> str:
    """Return the innermost module of the model in an error's traceback."""
    names = {id(module): name for name, module in model.named_modules()}
    owners = [frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__)]
    name = next((names[id(owner)] for owner in reversed(owners) if id(owner) in names), "")
    return f"module {name}" if name else "the network itself"
