"""Operators for networks: one ReLU, norm, bias or branch more or less, another order, sign or factor.

They work on two sorts of expressions: those that build a layer, and those that are a map in a forward pass. Signs and
factors count with the ordinary mutants, of which a sample is run; all the others are structural.
"""

import ast
from collections.abc import Iterator
from itertools import chain

from sources import NETWORKS, Function, Mutant, Source, dotted

WEIGHTED = {"nn.Conv2d", "nn.ConvTranspose2d", "nn.Linear", "Pointwise"}
"""Layers that have a ``bias``."""

PLAIN = {*WEIGHTED, "nn.BatchNorm2d", "nn.ReLU", "nn.MaxPool2d", "nn.Upsample", "nn.Identity"}

BUILT_BY_ARGUMENT = {"block", "chosen.block", "head", "join", "path", "pyramid", "module"}
"""Callables that a constructor is given or defines, and that build layers."""

POOLS = {"level_pools", "FractionalMaxPools", "FixedPools"}

WITHOUT_RELU = {*PLAIN, *POOLS, "PointwiseHead", "Normalise", "ascent", "head"}
"""Builders in whose layers no ReLU is."""

WITHOUT_CONVOLUTION = {*POOLS, "Normalise", "activation", "_leading"}

WITHOUT_NORM = WITHOUT_RELU - {"ascent"}

RECTIFIED = {
    *("nn.ReLU", "activation", "doubling", "_activated", "_reduction", "Bottleneck", "BasicBlock", "BareBottleneck"),
    *("Fusion", "Exchange", "GroupedBlock", "residual_module", "stage", "ResNet"),
}
"""Builders whose layers end in a ReLU: another one behind it changes nothing."""

COMPUTED = {
    *("torch.cat", "torch.maximum", "torch.stack", "F.interpolate", "F.max_pool2d", "F.linear"),
    *("resize", "_enlarged"),
}
"""Functions that make a map of maps."""

NO_MAPS = {"check_divisible", "zip", "len", "range", "enumerate", "tuple", "list", "sorted", "str", "int", "cast"}


def structural_mutants(files: list[Source]) -> Iterator[Mutant]:
    """Iterate over all structural mutants of the networks' files."""
    builders = {*PLAIN, *BUILT_BY_ARGUMENT, *chain.from_iterable(map(defined_builders, files))}
    for source in files:
        if source.file.split("/")[0] in NETWORKS:
            for node in ast.walk(source.tree):
                yield from _layers(source, node, builders)
                yield from _maps(source, node)


def defined_builders(source: Source) -> Iterator[str]:
    """Iterate over the functions and classes of a file whose calls build a layer."""
    for node in ast.walk(source.tree):
        if isinstance(node, Function) and node.returns is not None:
            returned = ast.unparse(node.returns)
            if any(word in returned for word in ("nn.Module", "nn.Sequential", "LevelPools", "Bottleneck")):
                yield node.name
        elif isinstance(node, ast.ClassDef) and any(_is_layer(base) for base in node.bases):
            yield node.name


def _is_layer(base: ast.expr) -> bool:
    return dotted(base) in {"nn.Module", "nn.Sequential", "nn.Conv2d", "Pointwise", "LevelPools"}


def _layers(source: Source, node: ast.AST, builders: set[str]) -> Iterator[Mutant]:
    if isinstance(node, ast.IfExp) and (_in_forward(source, node) or _builds(node, builders)):
        for chosen in (node.body, node.orelse):
            yield source.mutant(node, f"({source.text(chosen)})", "branch", True)
    if not isinstance(node, ast.Call) or _in_message(source, node):
        return
    name, text = dotted(node.func), source.text(node)
    if name == "nn.Sequential":
        yield from _swaps(source, node)
        if not node.args or not all(isinstance(part, ast.Starred) for part in node.args):
            return
    elif name not in builders or _in_forward(source, node):
        return
    if not _ends_rectified(name, node) and not _before_relu(source, node):
        yield source.mutant(node, f"surgery.with_relu({text})", "relu", True)
    yield source.mutant(node, f"surgery.with_norm({text})", "norm", True)
    yield source.mutant(node, f"surgery.with_factor({text}, 2)", "factor")
    yield source.mutant(node, f"surgery.with_factor({text}, -1)", "sign")
    yield from _removals(source, node, name, text)
    yield from _biases(source, node, name, text)


def _builds(node: ast.AST, builders: set[str]) -> bool:
    return any(isinstance(part, ast.Call) and dotted(part.func) in builders for part in ast.walk(node))


def _removals(source: Source, node: ast.Call, name: str, text: str) -> Iterator[Mutant]:
    starred = isinstance(source.above[node], ast.Starred)
    if name != "nn.Identity" and not starred:
        kind = {"nn.ReLU": "relu", "nn.BatchNorm2d": "norm"}.get(name, "branch")
        yield source.mutant(node, "nn.Identity()", kind, True)
    if name == "nn.BatchNorm2d" or name not in WITHOUT_NORM:
        yield source.mutant(node, f"surgery.without_norm({text})", "norm", True)
    if name not in WITHOUT_RELU and not (name == "convolution" and _given(node, "relu")):
        yield source.mutant(node, f"surgery.without_relu({text})", "relu", True)


def _biases(source: Source, node: ast.Call, name: str, text: str) -> Iterator[Mutant]:
    if name not in WEIGHTED:
        if name not in PLAIN and name not in WITHOUT_CONVOLUTION:
            yield source.mutant(node, f"surgery.with_bias_toggled({text})", "bias", True)
        return
    given = _given(node, "bias")
    if given is None:
        yield source.mutant(node, f"{text[:-1].rstrip().rstrip(',')}, bias=False)", "bias", True)
    else:
        yield source.mutant(given, f"not ({source.text(given)})", "bias", True)


def _swaps(source: Source, node: ast.Call) -> Iterator[Mutant]:
    """Iterate over swaps of neighbours; behind a starred argument nobody knows which they are."""
    text = source.text(node)
    starred = [number for number, part in enumerate(node.args) if isinstance(part, ast.Starred)]
    known = min(starred, default=len(node.args))
    for first in range(known - 1):
        yield source.mutant(node, f"surgery.with_swapped({text}, {first})", "order", True)


def _ends_rectified(name: str, node: ast.Call) -> bool:
    return name in RECTIFIED or (name == "convolution" and _given(node, "relu") is None)


def _before_relu(source: Source, node: ast.Call) -> bool:
    """Return True where the next layer in a row is a ReLU."""
    below: ast.AST = node
    above = source.above[node]
    if isinstance(above, ast.Starred):
        below, above = above, source.above[above]
    row = above.args if isinstance(above, ast.Call) else above.elts if isinstance(above, ast.List) else []
    following = row[row.index(below) + 1 :] if below in row else []
    return bool(following) and isinstance(following[0], ast.Call) and dotted(following[0].func) == "nn.ReLU"


def _given(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _maps(source: Source, node: ast.AST) -> Iterator[Mutant]:
    """Iterate over mutants of a map in a forward pass."""
    if not isinstance(node, ast.expr) or not _in_forward(source, node) or _in_message(source, node):
        return
    if isinstance(node, ast.Call):
        yield from _calls(source, node)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from _summands(source, node)
    if _is_whole(source, node):
        yield from _changed(source, node, relu=True)


def _is_whole(source: Source, node: ast.expr) -> bool:
    """Return True for what a forward pass returns or gives a name, and for a summand."""
    above = source.above[node]
    if isinstance(above, ast.BinOp):
        return isinstance(above.op, ast.Add) and not isinstance(node, ast.Constant)
    return isinstance(above, ast.Return) and isinstance(node, ast.Name | ast.BinOp | ast.Call | ast.Subscript)


def _calls(source: Source, node: ast.Call) -> Iterator[Mutant]:
    name = dotted(node.func)
    if name == "F.relu":
        yield source.mutant(node, source.text(node.args[0]), "relu", True)
        yield from _changed(source, node, relu=False)
    elif name == "sum":
        yield source.mutant(node, source.text(node.keywords[0].value), "branch", True)
    elif _is_map(source, node, name):
        yield from _changed(source, node, relu=True)
        if name not in COMPUTED:
            yield from _arguments(source, node)
    if name == "torch.cat" and isinstance(node.args[0], ast.List):
        parts = ", ".join(source.text(part) for part in reversed(node.args[0].elts))
        yield source.mutant(node.args[0], f"[{parts}]", "order", True)


def _arguments(source: Source, node: ast.Call) -> Iterator[Mutant]:
    """Iterate over a layer left out, and its two arguments swapped."""
    if node.args and not isinstance(node.args[0], ast.Starred | ast.GeneratorExp):
        yield source.mutant(node, f"({source.text(node.args[0])})", "branch", True)
    if len(node.args) == 2:
        one, other = map(source.text, node.args)
        yield source.mutant(node, f"{source.text(node.func)}({other}, {one})", "order", True)


def _is_map(source: Source, node: ast.Call, name: str) -> bool:
    """Return True where a call of a layer or a function gives a map."""
    if name in COMPUTED:
        return True
    if name in NO_MAPS or (isinstance(node.func, ast.Attribute) and not name.startswith("self.")):
        return False
    if isinstance(node.func, ast.Subscript) or name.startswith("self."):
        return name not in {"self.sizes", "self.regions.float", "self.mean", "self.targets.values", "self.trunk.items"}
    variables = {
        inner.id
        for function in source.functions(node)
        for part in ast.walk(function)
        for inner in ast.walk(part)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    }
    return name in variables


def _changed(source: Source, node: ast.expr, relu: bool) -> Iterator[Mutant]:
    text = source.text(node)
    if relu:
        yield source.mutant(node, f"surgery.rectified({text})", "relu", True)
    yield source.mutant(node, f"surgery.normalised({text})", "norm", True)
    yield source.mutant(node, f"surgery.scaled({text}, 2)", "factor")
    yield source.mutant(node, f"surgery.scaled({text}, -1)", "sign")


def _summands(source: Source, node: ast.BinOp) -> Iterator[Mutant]:
    left, right = source.text(node.left), source.text(node.right)
    yield source.mutant(node, f"({left})", "branch", True)
    yield source.mutant(node, f"({right})", "branch", True)
    sign = "-" if isinstance(node.op, ast.Add) else "+"
    yield source.mutant(node, f"(({left}) {sign} ({right}))", "sign")


def _in_forward(source: Source, node: ast.AST) -> bool:
    """Return True inside a function that takes or returns maps; starts of regions are places."""
    function = next(iter(source.functions(node)), None)
    if function is None or function.name in {"__init__", "region_starts"} or source.lines(node) == (0, 0):
        return False
    annotations = [function.returns, *(argument.annotation for argument in function.args.args)]
    return any(part is not None and "Tensor" in ast.unparse(part) for part in annotations) and _in_body(source, node)


def _in_body(source: Source, node: ast.AST) -> bool:
    statement = source.statement(node)
    return not isinstance(statement, Function | ast.ClassDef)


def _in_message(source: Source, node: ast.AST) -> bool:
    return any(isinstance(above, ast.JoinedStr | ast.Raise) for above in source.ancestors(node))
