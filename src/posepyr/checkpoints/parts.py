"""Parts: the classes that a recipe may name, and what is built of them.

A checkpoint comes from anywhere, so its recipe must not choose which code runs. It may name classes of the kinds in
:data:`KINDS` where a constructor's argument asks for one, with arguments that fit their annotations. No function is
ever called.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, get_args, get_origin

from posepyr.annotations import Argument, fits, is_node, members, signature_of, spell
from posepyr.checkpoints.recipe import shown
from posepyr.nodes import RESERVED, current_name, find

Due = Literal["model", "classifier", "codec", "skeleton", "block rule", "pyramid", "head", "module"]


class Kind(NamedTuple):
    """Classes that may stand at a place of a recipe."""

    name: str
    base: str
    """The dotted name of the class that all of them derive from, or are."""
    rooms: tuple[str, ...]
    """The modules and packages of posepyr that define them."""
    takes: str | None = None
    """An argument that each of them has."""
    partial: bool = False
    """Whether the network makes the objects itself, so that a node only holds some arguments."""


KINDS: dict[Due, Kind] = {
    "model": Kind("a pose network", "torch.nn.Module", ("posepyr.models",), takes="joints"),
    "classifier": Kind("a classifier", "torch.nn.Module", ("posepyr.models",), takes="classes"),
    "codec": Kind("a codec", "posepyr.codec.Codec", ("posepyr.codec",)),
    "skeleton": Kind("a skeleton", "posepyr.skeleton.Skeleton", ("posepyr.skeleton",)),
    "block rule": Kind("a block rule", "posepyr.layers.residual.BlockRule", ("posepyr.layers",)),
    "pyramid": Kind("a pyramid", "posepyr.layers.pyramid_path.PyramidPaths", ("posepyr.layers.pyramid_path",)),
    "head": Kind("a head", "torch.nn.Module", ("posepyr.layers.heads",), partial=True),
    "module": Kind("a network's module", "torch.nn.Module", ("posepyr.models", "posepyr.layers")),
}
"""All that a recipe may name. A new network is admitted by standing in ``posepyr.models``, a new block rule by deriving
from ``BlockRule`` in ``posepyr.layers``; classes of a package that the user trusts by deriving from the same bases."""


def build_part(node: Any, due: Due, where: str = "the checkpoint", trust: Sequence[str] = ()) -> Any:
    """Build the model, classifier, codec or skeleton of a recipe.

    ``where`` names the file in errors, ``trust`` the packages besides posepyr whose classes may be named.
    """
    name = "model" if due == "classifier" else due
    try:
        return _build(node, due, f"recipe.{name}", trust)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _build(node: Any, due: Due, path: str, trust: Sequence[str]) -> Any:
    if not is_node(node):
        raise ValueError(f"{path} must be a node with a _target_, got {shown(node)}")
    part = admitted(node["_target_"], due, path, trust)
    arguments = _arguments(node, part, path, trust)
    if node.get("_partial_", False) is not KINDS[due].partial:
        raise ValueError(f"{path}._partial_ must be {str(KINDS[due].partial).lower()} for {KINDS[due].name}")
    if KINDS[due].partial:
        return partial(part, **arguments)
    try:
        return part(**arguments)
    except Exception as error:
        # Whatever a hostile recipe provokes in a constructor, from ZeroDivisionError to RecursionError.
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{path} cannot be built: {reason}") from error


def admitted(target: Any, due: Due, path: str, trust: Sequence[str] = ()) -> type:
    """Return the class that a target names; raise ValueError unless it is of the kind that is due at a path.

    Nothing is imported for a name outside of the kind's rooms and the trusted packages.
    """
    kind = KINDS[due]
    name = current_name(target) if isinstance(target, str) else ""
    rooms = (*kind.rooms, *(package for package in trust if package != "posepyr"))
    if not _inside(name, rooms):
        raise ValueError(
            f"{path}._target_ must name {kind.name} of {' or '.join(rooms)}, got {shown(target)}: a checkpoint may "
            f"not choose other code{_trust_hint(name)}"
        )
    try:
        found = find({"_target_": name})
    except ValueError as error:
        raise ValueError(f"{path}.{error}") from error
    # A module also holds what it imports: only what is defined in it counts.
    if not inspect.isclass(found) or not _inside(f"{found.__module__}.{found.__name__}", rooms):
        raise ValueError(f"{path}._target_ must name a class of {' or '.join(rooms)}, got {shown(target)}")
    base = find({"_target_": kind.base})
    if base not in found.__mro__:
        raise ValueError(f"{path}._target_ must name {kind.name}, derived from {kind.base}, got {shown(target)}")
    signature = signature_of(found)
    if kind.takes and kind.takes not in signature.arguments and not signature.open:
        raise ValueError(f"{path}._target_ must name {kind.name}, which takes {kind.takes}, got {shown(target)}")
    return found


def _inside(name: str, rooms: Sequence[str]) -> bool:
    return any(name.startswith(f"{room}.") for room in rooms)


def _trust_hint(name: str) -> str:
    package = name.partition(".")[0]
    return f"; if it is yours, --trust {package}" if package.isidentifier() and package != "posepyr" else ""


def _arguments(node: Mapping[str, Any], part: type, path: str, trust: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a node, built where they are nodes, each held against the constructor's annotation."""
    signature = signature_of(part)
    built = {}
    for key, value in node.items():
        if key in RESERVED:
            continue
        if key not in signature.arguments and not signature.open:
            raise ValueError(f"{path}.{key} must be left out: {part.__name__} has no such argument")
        argument = signature.arguments.get(key, Argument(Any, inspect.Parameter.empty))
        built[key] = _argument(value, argument, f"{path}.{key}", trust)
    return built


def _argument(value: Any, argument: Argument, path: str, trust: Sequence[str]) -> Any:
    if is_node(value):
        return _build_inner(value, argument.annotation, path, trust)
    if isinstance(value, list | tuple) and any(map(is_node, value)):
        inner = Argument(_inner_annotation(argument.annotation), inspect.Parameter.empty)
        return [_argument(entry, inner, f"{path}[{index}]", trust) for index, entry in enumerate(value)]
    if not fits(value, argument.annotation) and not (value is None and argument.default is None):
        raise ValueError(f"{path} must be {spell(argument.annotation)}, got {shown(value)}")
    return value


def _inner_annotation(annotation: Any) -> Any:
    inner = [get_args(member)[0] for member in members(annotation) if get_args(member)]
    return inner[0] if inner else Any


def _build_inner(node: Mapping[str, Any], annotation: Any, path: str, trust: Sequence[str]) -> Any:
    """Build a node in the place of an argument, of a kind that the annotation admits."""
    due = kinds_due(annotation)
    if not due:
        raise ValueError(f"{path} must be {spell(annotation)}, got a node with a _target_")
    waits = node.get("_partial_") is True
    due = [one for one in due if KINDS[one].partial == waits] or due
    for one in due[:-1]:
        try:
            admitted(node["_target_"], one, path, trust)
        except ValueError:
            continue
        return _build(node, one, path, trust)
    return _build(node, due[-1], path, trust)


def kinds_due(annotation: Any) -> list[Due]:
    """Return the kinds of parts that an annotation admits; all inner ones where it says nothing."""
    found: list[Due] = []
    for member in members(annotation):
        if member is Any:
            found += ["block rule", "pyramid", "head", "module"]
        elif _makes_modules(member):
            found.append("head")
        elif inspect.isclass(member):
            found += [due for due in INNER if _base(due) is member]
    return found


INNER: tuple[Due, ...] = ("block rule", "pyramid", "module")
"""Kinds of arguments, each due where the annotation is its base."""


def _base(due: Due) -> Any:
    return find({"_target_": KINDS[due].base})


def _makes_modules(annotation: Any) -> bool:
    """Return whether an annotation is a function's that returns a module, as that of a head."""
    result = get_args(annotation)[-1:] if get_origin(annotation) is Callable else ()
    return bool(result) and inspect.isclass(result[0]) and _base("module") in result[0].__mro__
