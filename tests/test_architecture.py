"""The floors of the house: imports go down or sideways, never in a circle, wherever in a file they stand."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.places import ROOT

SOURCE = ROOT / "src" / "posepyr"

FLOORS: list[set[str]] = [
    {
        "skeleton",
        "records",
        "geometry",
        "files",
        "errors",
        "ranks",
        "slurm",
        "nodes",
        "annotations",
        "tables",
    },
    {"codec", "losses", "visibility", "layers", "initialisation", "variance"},
    {"models", "metrics", "figures", "draw", "checkpoints"},
    {"data", "configuration", "measurement"},
    {"inference"},
    {"training"},
    {"evaluation", "sweeps", "running", "studies", "report"},
    {"cli", "__main__"},
]
"""Rooms by floor. A room is a module or a package of posepyr."""

ALLOWED = {
    "hydra": {"configuration"},
    "omegaconf": {"configuration"},
    "pytorch_lightning": {"data.module", "training", "evaluation", "sweeps", "running", "studies", "report", "cli"},
    "wandb": {"training.loggers", "report"},
    "rich": {"training", "running", "sweeps", "cli"},
}
"""Where a library may be imported at all."""

STRANGERS = {
    "models": {"data", "codec", "losses", "metrics"},
    "layers": {"models", "data"},
    "metrics": {"data", "models"},
    "data": {"models", "training"},
    "configuration": {"training", "data", "models"},
    "inference": {"training"},
    "training": {"evaluation", "running", "sweeps", "studies"},
}
"""What a room must not know, whatever the floors say."""

MOST_FILES = 30
"""In one folder."""

MOST_LINES_OF_A_COMMAND = 200
LONGEST_FUNCTION = 40
QUESTIONS = ("What", "Whether", "Who", "Where", "How")
"""First words of a docstring that names a thing where it should say what is done."""


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports anywhere: inside of functions and under TYPE_CHECKING too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports from where it stands: write the whole name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(name: str) -> str | None:
    first = name.split(".")[0]
    return first if any(first in rooms for rooms in FLOORS) else None


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room(name) in rooms)


def breaches(root: Path) -> list[str]:
    """Every import that the house does not allow, as one line each."""
    found = []
    for path in sorted(root.rglob("*.py")):
        name = module_name(path, root)
        if not name or name.startswith("conf."):
            continue
        if room(name) is None:
            found.append(f"{name} stands on no floor")
            continue
        for imported in sorted(imports(path)):
            found += import_breaches(name, imported)
    edges = dependencies(root)
    found += [f"circle of files: {' > '.join(circle)}" for circle in circles(edges)]
    return found + [f"circle of packages: {' > '.join(circle)}" for circle in circles(between_packages(edges))]


def import_breaches(name: str, imported: str) -> list[str]:
    allowed = ALLOWED.get(imported.split(".")[0])
    if allowed is not None and not any(name == room or name.startswith(f"{room}.") for room in allowed):
        return [f"{name} must not import {imported.split('.')[0]}"]
    if not imported.startswith("posepyr."):
        return []
    target = imported.removeprefix("posepyr.")
    if room(target) is None:
        return []
    if floor(target) > floor(name):
        return [f"{name} (floor {floor(name)}) imports {target} (floor {floor(target)})"]
    if room(target) in STRANGERS.get(str(room(name)), set()):
        return [f"{name} must know nothing of {room(target)}"]
    return []


def dependencies(root: Path) -> dict[str, set[str]]:
    """The modules that each module imports."""
    modules = {module_name(path, root): path for path in root.rglob("*.py")}
    return {name: set(_modules_among(imports(path), set(modules)) - {name}) for name, path in modules.items() if name}


def _modules_among(imported: set[str], modules: set[str]) -> set[str]:
    found = set()
    for dotted in imported:
        if dotted.startswith("posepyr."):
            whole = dotted.removeprefix("posepyr.")
            found.add(whole if whole in modules else whole.rpartition(".")[0])
    return {name for name in found if name in modules}


def between_packages(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same among packages, at the level where two names part: ``data`` and ``metrics``, not what is in them."""
    found: dict[str, set[str]] = {}
    for name, targets in edges.items():
        for target in targets:
            one, other = _parting(name, target)
            if one != other:
                found.setdefault(one, set()).add(other)
                found.setdefault(other, set())
    return found


def _parting(name: str, target: str) -> tuple[str, str]:
    mine, theirs = name.split("."), target.split(".")
    shared = 0
    while shared < min(len(mine), len(theirs)) - 1 and mine[shared] == theirs[shared]:
        shared += 1
    return ".".join(mine[: shared + 1]), ".".join(theirs[: shared + 1])


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(name: str, trail: list[str]) -> None:
        if name in trail:
            found.append([*trail[trail.index(name) :], name])
        elif name not in done:
            for target in sorted(edges[name]):
                walk(target, [*trail, name])
            done.add(name)

    for name in edges:
        walk(name, [])
    return found


def test_imports_only_go_down() -> None:
    assert breaches(SOURCE) == []


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("codec.py", "from posepyr.models.hrnet import HRNet", "codec (floor 1) imports models.hrnet"),
        ("codec.py", "def f():\n    from posepyr.models import hrnet", "codec (floor 1) imports models.hrnet"),
        ("models/net.py", "from posepyr.codec import Codec", "models.net must know nothing of codec"),
        ("data/set.py", "from posepyr.models.hrnet import HRNet", "data.set must know nothing of models"),
        ("metrics/new.py", "from posepyr.data.formats import coco_file", "metrics.new (floor 2) imports data"),
        ("inference/see.py", "import pytorch_lightning as pl", "inference.see must not import pytorch_lightning"),
        ("training/go.py", "from hydra.utils import instantiate", "training.go must not import hydra"),
        ("cli/go.py", "from omegaconf import OmegaConf", "cli.go must not import omegaconf"),
        ("evaluation/show.py", "import wandb", "evaluation.show must not import wandb"),
        ("training/memory/advise.py", "from posepyr.running.launch import launch", "training.memory.advise (floor 5)"),
        ("training/go.py", "from posepyr.evaluation.poses import evaluate", "training.go (floor 5) imports evaluation"),
        ("utils.py", "import os", "utils stands on no floor"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, name: str, line: str, message: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line + "\n")
    assert any(message in breach for breach in breaches(tmp_path)), breaches(tmp_path)


def test_a_circle_of_files_is_found_inside_functions_too(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.py").write_text("from posepyr.data.b import x\n")
    (tmp_path / "data" / "b.py").write_text("def f():\n    from posepyr.data import a\n")
    assert "circle of files: data.a > data.b > data.a" in breaches(tmp_path)


def test_a_circle_of_packages_is_found(tmp_path: Path) -> None:
    for name in ("training/callbacks", "training/memory"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "training" / "callbacks" / "a.py").write_text("from posepyr.training.memory.b import x\n")
    (tmp_path / "training" / "callbacks" / "c.py").write_text("x = 1\n")
    (tmp_path / "training" / "memory" / "b.py").write_text("from posepyr.training.callbacks.c import x\n")
    found = breaches(tmp_path)
    assert "circle of packages: training.callbacks > training.memory > training.callbacks" in found
    assert not any("circle of files" in one for one in found)


def size_breaches(root: Path) -> Iterator[str]:
    for folder in {path.parent for path in root.rglob("*.py")}:
        if (count := len(list(folder.glob("*.py")))) > MOST_FILES:
            yield f"{folder.relative_to(root)} has {count} files"
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root)
        if name.parts[0] == "cli" and (lines := text.count("\n")) > MOST_LINES_OF_A_COMMAND:
            yield f"{name} has {lines} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    yield f"{name}:{node.name} has {lines} lines"


def test_files_and_functions_stay_small() -> None:
    assert list(size_breaches(SOURCE)) == []


def test_what_is_too_large_is_found(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    for number in range(31):
        (tmp_path / "cli" / f"c{number}.py").write_text("")
    (tmp_path / "cli" / "c0.py").write_text("def f():\n" + "    x = 1\n" * 201)
    assert sorted(size_breaches(tmp_path)) == [
        "cli has 31 files",
        "cli/c0.py has 202 lines",
        "cli/c0.py:f has 202 lines",
    ]


def docstrings(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                text = ast.get_docstring(node)
                if text:
                    yield f"{path.relative_to(root)}:{getattr(node, 'name', 'the file')}", text


def test_docstrings_do_not_begin_with_a_question() -> None:
    first_words = {where: re.split(r"[\s,:]", text, maxsplit=1)[0] for where, text in docstrings(SOURCE)}
    assert {where: word for where, word in first_words.items() if word in QUESTIONS} == {}


def ignores_without_reason(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{number}"
        for path in sorted(root.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"# type: ignore(\[[\w, -]+\])?\s*$", line)
    ]


def test_each_type_ignore_has_its_reason(tmp_path: Path) -> None:
    assert ignores_without_reason(SOURCE) == []
    (tmp_path / "a.py").write_text("x = f()  # type: ignore[misc]\ny = f()  # type: ignore[misc]  # no stubs\n")
    assert ignores_without_reason(tmp_path) == ["a.py:1"]


def places_of(words: str, root: Path) -> set[str]:
    """The modules whose code, not its comments or docstrings, contains a pattern."""
    return {
        module_name(path, root) for path in root.rglob("*.py") if re.search(words, path.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize(
    ("pattern", "rooms"),
    [
        (r"\"SLURM_|'SLURM_|\"scontrol\"|\"sbatch\"", {"slurm"}),
        (r"hydra\._internal", {"configuration"}),
        (r"def \w*suggestion\b|get_close_matches", {"errors"}),
        (r"\b[lr]just\b|rich\.table", {"tables"}),
        (r"argparse\.ArgumentParser\(|[\"']--(device|json)[\"']", {"cli.options"}),
        (r"indent=2", {"files", "cli.options"}),
        (r"[\"']git[\"'], [\"']-C", {"measurement.machine"}),
        (r"getloadavg|/proc/cpuinfo", {"measurement.machine"}),
        (r"sched_getaffinity|cpu_count", {"ranks"}),
        (r"def is_out_of_memory", {"training.memory"}),
    ],
)
def test_some_things_stand_in_one_place(pattern: str, rooms: set[str]) -> None:
    places = places_of(pattern, SOURCE)
    assert {name for name in places if not any(name == room or name.startswith(f"{room}.") for room in rooms)} == set()


def test_nothing_needs_torchvision() -> None:
    for path in [*SOURCE.rglob("*.py"), ROOT / "pyproject.toml", ROOT / "constraints.txt"]:
        assert "torchvision" not in path.read_text(encoding="utf-8"), path


def test_nothing_assumes_a_gpu() -> None:
    for path in SOURCE.rglob("*.py"):
        assert ".cuda()" not in path.read_text(encoding="utf-8"), path
