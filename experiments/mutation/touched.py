"""The lines of the mutated files that each test runs, and the time it takes; measured once and kept."""

import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from children import Task, in_children
from sources import ROOT, sources

LOOKED_AT = (
    *(
        "tests/layers",
        "tests/models",
        "tests/initialisation",
        "tests/test_losses",
        "tests/test_codec",
        "tests/test_geo",
    ),
    *("tests/test_visibility", "tests/variance", "tests/inference", "tests/checkpoints", "tests/data/loading"),
)
"""Tests of the mutated files and of what is built on them directly. Others that run the same lines on their way, in
trainings and commands, would notice more."""

SLOW = ("tests/models/test_contract.py", "tests/models/test_full_size.py", "tests/models/test_learning.py")
"""Tests that train, compile or export every network; the others run all of its lines too."""

OPTIONS = ("--assert=plain", "-p", "no:unraisableexception", "-p", "no:threadexception")
"""Messages of assertions are not needed, and rewriting them would need libraries that are not imported yet; looking for
what a test left behind takes longer than most tests."""

FILE_LIMIT = 1800.0
"""Seconds that the tests of one file may take in all."""

Tests = dict[str, dict[str, Any]]
"""By test: ``seconds``, ``passed``, and ``lines`` by file."""


class Recorder:
    """Records, as a plugin of pytest, the lines that run during each test."""

    def __init__(self) -> None:
        self.tests: Tests = {}
        self._files = {str(source.path): source.file for source in sources()}
        self._lines: set[tuple[str, int]] = set()
        self._shared: dict[str, set[tuple[str, int]]] = {}

    def _trace(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._record if frame.f_code.co_filename in self._files else None

    def _record(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        self._lines.add((self._files[frame.f_code.co_filename], frame.f_lineno))
        return self._record

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Trace a test with its fixtures."""
        self._lines, started = set(), time.perf_counter()
        self.tests[item.nodeid] = {"passed": False}
        sys.settrace(self._trace)
        threading.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            names = getattr(item, "fixturenames", ())
            lines = self._lines.union(*(self._shared.get(name, ()) for name in names))
            by_file: dict[str, list[int]] = {}
            for file, line in sorted(lines):
                by_file.setdefault(file, []).append(line)
            self.tests[item.nodeid] |= {"seconds": round(time.perf_counter() - started, 3), "lines": by_file}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """Keep apart what a shared fixture runs, for every test that uses it."""
        if fixturedef.scope == "function":
            return (yield)
        before, self._lines = self._lines, set()
        try:
            return (yield)
        finally:
            self._shared.setdefault(fixturedef.argname, set()).update(self._lines)
            self._lines = before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome."""
        if report.when == "call":
            self.tests[report.nodeid]["passed"] = report.passed


def test_files() -> list[str]:
    """Return the test files that are looked at, in the order of the folders above."""
    found = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    return [name for folder in LOOKED_AT for name in found if name.startswith(folder) and name not in SLOW]


def key_of(file: str) -> str:
    """Return a hash of all that the lines of a test file's tests hang on."""
    parts = [ROOT / file, *(source.path for source in sources()), *sorted((ROOT / "tests/support").glob("*.py"))]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:16]


def measure(kept: Path, processes: int, only: list[str] | None = None) -> Tests:
    """Return all tests with their lines; what ``kept`` holds for the same files is not measured again."""
    files = {file: key_of(file) for file in only or test_files()}
    known = {row["file"]: row for row in _rows(kept) if files.get(row["file"]) == row["key"]}
    missing = [file for file in files if file not in known]
    tasks = (Task(file, partial(_run, file), FILE_LIMIT) for file in missing)
    for task, tests, seconds in in_children(tasks, processes):
        row = {"file": task.subject, "key": files[task.subject], "tests": tests or {}}
        with kept.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        known[task.subject] = row
        failed = [name for name, test in row["tests"].items() if not test["passed"]]
        print(f"{task.subject}: {len(row['tests'])} tests, {len(failed)} left out, {seconds:.0f} s", flush=True)
    return {name: test for row in known.values() for name, test in row["tests"].items() if test["passed"]}


def _rows(kept: Path) -> Iterator[dict[str, Any]]:
    if kept.exists():
        yield from map(json.loads, kept.read_text(encoding="utf-8").splitlines())


def _run(file: str) -> Tests:
    recorder = Recorder()
    pytest.main([*OPTIONS, "-m", "not long", file], plugins=[recorder])
    return {name: test for name, test in recorder.tests.items() if "lines" in test}
