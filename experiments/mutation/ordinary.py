"""Ordinary operators: signs, arithmetic, constants, comparisons, conditions, defaults and statements."""

import ast
from collections.abc import Iterator

from sources import Function, Mutant, Source, defaults, dotted, is_text

ARITHMETIC: dict[type[ast.operator], tuple[str, ...]] = {
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("/",),
    ast.Div: ("*",),
    ast.FloorDiv: ("*",),
    ast.Mod: ("*",),
    ast.Pow: ("*",),
}

COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
}

TWINS = (
    *(("min", "max"), ("minimum", "maximum"), ("amin", "amax"), ("floor", "ceil"), ("sum", "mean"), ("any", "all")),
    *(("argmax", "argmin"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("cos", "sin"), ("clamp_min", "clamp_max")),
    *(("exp", "log"), ("unsqueeze", "squeeze"), ("sqrt", "exp")),
)
"""Functions of which each may have been meant for the other."""

BUILT_IN_TWINS = (("min", "max"), ("any", "all"))

FLAGS = {"strict", "inplace", "non_blocking", "frozen"}
"""Arguments that only guard or speed up."""


def ordinary_mutants(source: Source) -> Iterator[Mutant]:
    """Iterate over the ordinary mutants of a file."""
    skipped = set(_skipped(source))
    for node in ast.walk(source.tree):
        if node in skipped:
            continue
        if isinstance(node, ast.stmt):
            yield from _statements(source, node)
        elif isinstance(node, ast.expr):
            yield from _expressions(source, node)
        if isinstance(node, ast.arguments):
            yield from _defaults(source, node)


def _skipped(source: Source) -> Iterator[ast.AST]:
    """Iterate over nodes that are no behaviour: annotations, messages, docstrings, decorators and guards."""
    for node in ast.walk(source.tree):
        dropped: list[ast.AST] = []
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            dropped = [node.annotation]
        elif isinstance(node, ast.Raise | ast.JoinedStr):
            dropped = [*ast.iter_child_nodes(node)]
        elif isinstance(node, Function | ast.ClassDef):
            dropped = [*node.decorator_list, *([node.returns] if isinstance(node, Function) and node.returns else [])]
        elif _is_guard(node):
            dropped = [node]
        for part in dropped:
            yield from ast.walk(part)


def _is_guard(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg in FLAGS
    return (isinstance(node, ast.Expr) and is_text(node)) or (isinstance(node, ast.Assign) and _is_type(node))


def _is_type(node: ast.Assign) -> bool:
    """Return True for an alias of types and for a list of public names."""
    value = node.value.value if isinstance(node.value, ast.Subscript) else None
    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    return "__all__" in names or (value is not None and dotted(value) in {"Literal", "Callable", "tuple", "dict"})


def _expressions(source: Source, node: ast.expr) -> Iterator[Mutant]:
    if isinstance(node, ast.BinOp):
        yield from _arithmetic(source, node)
    elif isinstance(node, ast.UnaryOp):
        yield from _unary(source, node)
    elif isinstance(node, ast.Constant):
        yield from _constants(source, node)
    elif isinstance(node, ast.Compare):
        yield from _comparisons(source, node)
    elif isinstance(node, ast.BoolOp):
        word = "or" if isinstance(node.op, ast.And) else "and"
        parts = f" {word} ".join(f"({source.text(part)})" for part in node.values)
        yield source.mutant(node, f"({parts})", "boolean")
    elif isinstance(node, ast.IfExp):
        for chosen in (node.body, node.orelse):
            yield source.mutant(node, f"({source.text(chosen)})", "condition")
    elif isinstance(node, ast.Name | ast.Attribute):
        yield from _twins(source, node)


def _arithmetic(source: Source, node: ast.BinOp) -> Iterator[Mutant]:
    if any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in (node.left, node.right)):
        return
    for sign in ARITHMETIC.get(type(node.op), ()):
        kind = "sign" if sign in "+-" else "factor"
        yield source.mutant(node, f"({_operand(source, node.left)} {sign} {_operand(source, node.right)})", kind)


def _operand(source: Source, node: ast.expr) -> str:
    text = source.text(node)
    return f"({text})" if isinstance(node, ast.BinOp | ast.IfExp | ast.BoolOp | ast.Compare | ast.UnaryOp) else text


def _unary(source: Source, node: ast.UnaryOp) -> Iterator[Mutant]:
    if isinstance(node.op, ast.USub) and not _is_axis(source, node):
        yield source.mutant(node, f"({source.text(node.operand)})", "sign")
    elif isinstance(node.op, ast.Not):
        yield source.mutant(node, f"({source.text(node.operand)})", "boolean")


def _is_axis(source: Source, node: ast.UnaryOp) -> bool:
    """Return True for a whole number as an index or an argument: of -2, another axis is -3, and 2 is often the same."""
    whole = isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int)
    return whole and isinstance(source.above[node], ast.Subscript | ast.Slice | ast.Call | ast.keyword)


def _constants(source: Source, node: ast.Constant) -> Iterator[Mutant]:
    value = node.value
    if isinstance(value, bool):
        yield source.mutant(node, str(not value), "boolean")
    elif isinstance(value, int):
        yield source.mutant(node, str(value + 1), "constant")
        if value > 1:
            yield source.mutant(node, str(2 * value), "factor")
    elif isinstance(value, float):
        yield source.mutant(node, repr(2 * value if value else 1.0), "factor")


def _comparisons(source: Source, node: ast.Compare) -> Iterator[Mutant]:
    operands = [node.left, *node.comparators]
    words = [COMPARISONS[type(operation)] for operation in node.ops]
    own = [_word(operation) for operation in node.ops]
    for number, others in enumerate(words):
        for other in others:
            signs = [*own[:number], other, *own[number + 1 :]]
            rest = (f" {sign} {_operand(source, part)}" for sign, part in zip(signs, operands[1:], strict=True))
            yield source.mutant(node, f"({_operand(source, operands[0])}{''.join(rest)})", "comparison")


def _word(operation: ast.cmpop) -> str:
    words = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
    words |= {ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not"}
    return words[type(operation)]


def _twins(source: Source, node: ast.Name | ast.Attribute) -> Iterator[Mutant]:
    above = source.above[node]
    if not isinstance(above, ast.Call) or above.func is not node:
        return
    method = isinstance(node, ast.Attribute)
    name = node.attr if isinstance(node, ast.Attribute) else node.id
    for one, other in TWINS if method else BUILT_IN_TWINS:
        if name in (one, other):
            front = source.text(node).removesuffix(name)
            yield source.mutant(node, f"{front}{other if name == one else one}", "function")


def _defaults(source: Source, node: ast.arguments) -> Iterator[Mutant]:
    for value in defaults(node):
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield source.mutant(value, '"mutant"', "default")
        elif isinstance(value, ast.Name):
            yield source.mutant(value, "None", "default")


def _statements(source: Source, node: ast.stmt) -> Iterator[Mutant]:
    if isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare):
        yield source.mutant(node.test, f"(not ({source.text(node.test)}))", "boolean")
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield source.mutant(node, "return None", "return")
    elif _can_be_dropped(source, node):
        yield source.mutant(node, "pass", "statement")
    elif isinstance(node, ast.Continue | ast.Break):
        yield source.mutant(node, "break" if isinstance(node, ast.Continue) else "continue", "statement")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _can_be_dropped(source: Source, node: ast.stmt) -> bool:
    """Return True for what is done for its effect, and for a value given to a name that has one."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    functions = source.functions(node)
    if not isinstance(node, ast.Assign) or not functions:
        return isinstance(node, ast.Raise | ast.AugAssign)
    target = node.targets[0]
    if not isinstance(target, ast.Name):
        return isinstance(target, ast.Attribute | ast.Subscript)
    arguments = functions[0].args
    known = {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)}
    stores = (part for part in ast.walk(functions[0]) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    return target.id in known | {store.id for store in stores if store.lineno < node.lineno}
