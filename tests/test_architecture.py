"""The floors of the house: imports go down, or sideways without a circle."""

import ast
from pathlib import Path

import pytest

from support.places import ROOT

SOURCE = ROOT / "src" / "posepyr"

FLOORS: list[set[str]] = [
    {"skeleton", "records", "geometry", "files"},
    {"codec", "losses", "visibility", "layers", "initialisation", "metrics.functional"},
    {"models", "metrics", "data", "draw", "checkpoints"},
    {"training", "inference", "studies"},
    {"cli", "__main__"},
]
"""Rooms by floor. A room is a module or a package of posepyr; the longest name that fits counts."""

ALLOWED = {
    "hydra": {"cli"},
    "omegaconf": {"cli"},
    "pytorch_lightning": {"training", "data.module", "cli"},
    "wandb": {"training"},
}
"""Where a library may be imported at all."""

STRANGERS = {
    "models": {"data", "codec", "losses"},
    "data": {"models", "codec"},
    "layers": {"models", "data"},
}
"""What a room must not know, whatever the floors say."""


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports; names under TYPE_CHECKING count, being dependencies all the same."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(name: str) -> str | None:
    rooms = [room for floor in FLOORS for room in floor if name == room or name.startswith(f"{room}.")]
    return max(rooms, key=len, default=None)


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room(name) in rooms)


def inner(imported: str) -> str | None:
    return imported.removeprefix("posepyr.") if imported.startswith("posepyr.") else None


def breaches(root: Path) -> list[str]:
    """Every import that the house does not allow, as one line each."""
    found = []
    for path in sorted(root.rglob("*.py")):
        name = module_name(path, root)
        if not name or name.startswith("conf"):
            continue
        if room(name) is None:
            found.append(f"{name} stands on no floor")
            continue
        for imported in sorted(imports(path)):
            found += import_breaches(name, imported)
    return found + [f"circle: {' > '.join(circle)}" for circle in circles(root)]


def import_breaches(name: str, imported: str) -> list[str]:
    library = imported.split(".")[0]
    allowed = ALLOWED.get(library)
    if allowed is not None and not any(name == room or name.startswith(f"{room}.") for room in allowed):
        return [f"{name} must not import {library}"]
    target = inner(imported)
    if target is None or room(target) is None:
        return []
    if floor(target) > floor(name):
        return [f"{name} (floor {floor(name)}) imports {target} (floor {floor(target)})"]
    if room(target) in STRANGERS.get(str(room(name)), set()):
        return [f"{name} must know nothing of {room(target)}"]
    return []


def circles(root: Path) -> list[list[str]]:
    """Circles among modules that are imported at the top of a file."""
    modules = {module_name(path, root): path for path in root.rglob("*.py")}
    edges = {name: sorted(targets_of(path, set(modules))) for name, path in modules.items()}
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(name: str, trail: list[str]) -> None:
        if name in trail:
            found.append([*trail[trail.index(name) :], name])
        elif name not in done:
            for target in edges[name]:
                walk(target, [*trail, name])
            done.add(name)

    for name in edges:
        walk(name, [])
    return found


def targets_of(path: Path, modules: set[str]) -> set[str]:
    top = ast.parse(path.read_text(encoding="utf-8")).body
    found: set[str] = set()
    for node in top:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "posepyr":
            for alias in node.names:
                whole = inner(f"{node.module}.{alias.name}") or ""
                found.add(whole if whole in modules else node.module.removeprefix("posepyr").removeprefix("."))
    return {name for name in found if name and name in modules}


def test_imports_only_go_down() -> None:
    assert breaches(SOURCE) == []


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        (
            "codec.py",
            "from posepyr.models.hrnet import HRNet",
            "codec (floor 1) imports models.hrnet",
        ),
        ("models/net.py", "from posepyr.data.loading.dataset import Crops", "models.net must know nothing of data"),
        ("data/set.py", "from posepyr.codec import Codec", "data.set must know nothing of codec"),
        ("inference/see.py", "import pytorch_lightning as pl", "inference.see must not import pytorch_lightning"),
        ("training/go.py", "from hydra.utils import instantiate", "training.go must not import hydra"),
        ("metrics/functional.py", "from posepyr.metrics.pck import PCK", "metrics.functional (floor 1) imports"),
        ("utils.py", "import os", "utils stands on no floor"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, name: str, line: str, message: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line + "\n")
    assert any(message in breach for breach in breaches(tmp_path)), breaches(tmp_path)


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.py").write_text("from posepyr.data.b import x\n")
    (tmp_path / "data" / "b.py").write_text("from posepyr.data import a\n")
    assert circles(tmp_path) == [["data.a", "data.b", "data.a"]]


def test_nothing_needs_torchvision() -> None:
    for path in [*SOURCE.rglob("*.py"), SOURCE.parents[1] / "pyproject.toml", SOURCE.parents[1] / "constraints.txt"]:
        assert "torchvision" not in path.read_text(encoding="utf-8"), path


def test_nothing_assumes_a_gpu() -> None:
    for path in SOURCE.rglob("*.py"):
        assert ".cuda()" not in path.read_text(encoding="utf-8"), path
