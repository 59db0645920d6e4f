"""The sources that are mutated, and a mutant: a piece of one of them and the text that takes its place."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "posepyr"

NETWORKS = ("layers", "models")
"""Folders whose structural mutants are all run."""

MUTATED = (*NETWORKS, "losses.py", "codec.py", "geometry.py", "initialisation")

Function = ast.FunctionDef


@dataclass(frozen=True)
class Mutant:
    """One change of one source file."""

    name: str
    """A hash of what changes and where, by the names around it: other lines may move without renaming it."""
    file: str
    """The path below the package."""
    scope: str
    line: int
    kind: str
    """The thing that changes: relu, norm, bias, branch, order, sign, factor, or one of the ordinary operators."""
    structural: bool
    before: str
    after: str
    span: tuple[int, int]
    """The bytes of the source that are replaced."""
    lines: tuple[int, int]
    """The lines that a test has to run to notice the change; (0, 0) stands for any line of the file's functions."""

    def text(self) -> str:
        """Return the whole changed source."""
        source = (PACKAGE / self.file).read_bytes()
        changed = source[: self.span[0]] + self.after.encode() + source[self.span[1] :]
        if "surgery." not in self.after:
            return changed.decode()
        # In front of everything, on the line of the docstring's beginning, so that no line moves.
        return "import surgery; " + changed.decode()


class Source:
    """A parsed file: its nodes, and for each of them the one above it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.relative_to(PACKAGE).as_posix()
        self.bytes = path.read_bytes()
        self.tree = ast.parse(self.bytes)
        self.above = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def starts(self) -> list[int]:
        """Return the offset of each line in bytes."""
        offsets = [0]
        for line in self.bytes.splitlines(keepends=True):
            offsets.append(offsets[-1] + len(line))
        return offsets

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return the bytes of a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt) -> str:
        """Return a node as it is written."""
        first, end = self.span(node)
        return self.bytes[first:end].decode()

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Iterate over the nodes above one, the nearest first."""
        while node in self.above:
            node = self.above[node]
            yield node

    def functions(self, node: ast.AST) -> list[Function]:
        """Return the functions around a node, the nearest first."""
        return [above for above in self.ancestors(node) if isinstance(above, Function)]

    def scope(self, node: ast.AST) -> str:
        """Return the names of the classes and functions around a node, joined by dots."""
        kinds = (ast.FunctionDef, ast.ClassDef)
        return ".".join(above.name for above in reversed([*self.ancestors(node)]) if isinstance(above, kinds))

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the statement that a node is in."""
        return next(above for above in (node, *self.ancestors(node)) if isinstance(above, ast.stmt))

    def lines(self, node: ast.AST) -> tuple[int, int]:
        """Return the lines to be run for a change of a node to matter."""
        function = self._function_of_default(node)
        if function is not None:
            first = next(part for part in function.body if not is_text(part))
            return first.lineno, first.end_lineno or first.lineno
        if not self.functions(node):
            return 0, 0
        statement = self.statement(node)
        body = getattr(statement, "body", None)
        end = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
        return statement.lineno, max(end, statement.lineno)

    def _function_of_default(self, node: ast.AST) -> Function | None:
        below = node
        for above in self.ancestors(node):
            if isinstance(above, ast.arguments):
                function = self.above[above]
                return function if isinstance(function, Function) and below in defaults(above) else None
            if isinstance(above, ast.stmt):
                return None
            below = above
        return None

    def mutant(self, node: ast.expr | ast.stmt, after: str, kind: str, structural: bool = False) -> Mutant:
        """Return the mutant in which a node is replaced by a text."""
        return Mutant(
            name="",
            file=self.file,
            scope=self.scope(node),
            line=node.lineno,
            kind=kind,
            structural=structural,
            before=self.text(node),
            after=after,
            span=self.span(node),
            lines=self.lines(node),
        )


def sources() -> list[Source]:
    """Return all mutated files."""
    paths = [PACKAGE / name for name in MUTATED]
    files = [path for part in paths for path in (sorted(part.rglob("*.py")) if part.is_dir() else [part])]
    return [Source(path) for path in files]


def defaults(arguments: ast.arguments) -> list[ast.expr]:
    """Return the default values of a function."""
    return [*arguments.defaults, *(value for value in arguments.kw_defaults if value is not None)]


def is_text(statement: ast.stmt) -> bool:
    """Return True for a docstring."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def dotted(node: ast.expr) -> str:
    """Return the dotted name of an expression, as ``nn.Conv2d``; empty where it is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        front = dotted(node.value)
        return f"{front}.{node.attr}" if front else ""
    return ""


def named(mutants: Iterable[Mutant]) -> list[Mutant]:
    """Return mutants with their names; of those that change the same text alike, only the first."""
    seen: set[tuple[str, tuple[int, int], str]] = set()
    counts: dict[str, int] = {}
    result = []
    for mutant in mutants:
        key = (mutant.file, mutant.span, " ".join(mutant.after.split()))
        if key in seen or mutant.after == mutant.before:
            continue
        seen.add(key)
        content = "|".join((mutant.file, mutant.scope, mutant.before, mutant.after))
        counts[content] = counts.get(content, 0) + 1
        digest = hashlib.sha256(f"{content}|{counts[content]}".encode()).hexdigest()[:10]
        result.append(replace(mutant, name=digest))
    return result
