"""One mutant in one child: its source in place of the file's, and tests until one fails."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from sources import PACKAGE, Mutant
from touched import OPTIONS, Tests

CHUNKS = (1.5, 6.0, 20.0)
"""Seconds of tests that are collected and run at once; what is slower than all of them is not run."""

START = 20.0
"""Seconds that a child may take beside its tests."""

SLOWER = 6.0
"""A mutant that takes so many times as long as its tests do is taken for one that never ends."""


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from a mutant's text."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(PACKAGE / mutant.file))
        self._text = mutant.text()

    def get_code(self, fullname: str) -> types.CodeType:
        """Compile the text; nothing is cached."""
        return compile(self._text, self.path, "exec", dont_inherit=True)


class MutantFinder(importlib.abc.MetaPathFinder):
    """Finds the mutant where its module is imported."""

    def __init__(self, mutant: Mutant) -> None:
        parts = ["posepyr", *mutant.file.removesuffix(".py").split("/")]
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self._mutant = mutant

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Return the mutant's spec for its own name only."""
        if fullname != self._name:
            return None
        file = PACKAGE / self._mutant.file
        places = [str(file.parent)] if file.name == "__init__.py" else None
        loader = MutantLoader(fullname, self._mutant)
        return importlib.util.spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=places)


class FirstFailure:
    """Keeps, as a plugin of pytest, the first test or file that failed."""

    def __init__(self) -> None:
        self.name = ""
        self.ran = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a test that failed, in its fixtures too."""
        self.ran += report.when == "call"
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep a file that cannot be imported any more."""
        if report.failed and not self.name:
            self.name = f"import of {report.nodeid}"


class Choice:
    """The tests that cover a mutant, the most promising first: those that ended its neighbours, then the quick ones."""

    def __init__(self, tests: Tests) -> None:
        self._tests = tests
        self._by_line: dict[tuple[str, int], list[str]] = {}
        for name, test in tests.items():
            for file, lines in test["lines"].items():
                for line in lines:
                    self._by_line.setdefault((file, line), []).append(name)
        self._killers: dict[str, deque[str]] = {}

    def killed(self, mutant: Mutant, test: str) -> None:
        """Remember a test that ended a mutant."""
        self._killers.setdefault(mutant.file, deque(maxlen=4)).appendleft(test)

    def chunks(self, mutant: Mutant) -> list[list[str]]:
        """Return the tests in parts, each to be run where the one before it let the mutant live."""
        recent = self._killers.get(mutant.file, ())
        ordered = sorted(
            self._covering(mutant), key=lambda name: (name not in recent, _distance(mutant, name), self.seconds([name]))
        )
        chunks: list[list[str]] = [[] for _ in CHUNKS]
        spent, number = 0.0, 0
        for name in ordered:
            spent += self.seconds([name])
            while number < len(CHUNKS) and spent > CHUNKS[number] and chunks[number]:
                number += 1
            if number == len(CHUNKS):
                break
            chunks[number].append(name)
        return [chunk for chunk in chunks if chunk]

    def seconds(self, names: Sequence[str]) -> float:
        """Return the time of tests."""
        return float(sum(self._tests[name]["seconds"] for name in names))

    def _covering(self, mutant: Mutant) -> set[str]:
        first, last = mutant.lines
        if last:
            return {name for line in range(first, last + 1) for name in self._by_line.get((mutant.file, line), ())}
        return {
            name for name, test in self._tests.items() if mutant.file in test["lines"] or _distance(mutant, name) == 0
        }


def _distance(mutant: Mutant, test: str) -> int:
    """Return 0 for the tests of the same file, 1 for those of the same folder, and 2 for others."""
    folder, _, name = f"tests/{mutant.file}".rpartition("/")
    if test.startswith(f"{folder}/test_{name.removesuffix('.py')}"):
        return 0
    return 1 if test.startswith(f"{folder}/") and folder != "tests" else 2


def run_mutant(mutant: Mutant, chunks: list[list[str]]) -> dict[str, Any]:
    """Return the first test that fails, if one does, and how many ran; called in a child."""
    sys.meta_path.insert(0, MutantFinder(mutant))
    ran = 0
    for chunk in chunks:
        failure = FirstFailure()
        status = pytest.main([*OPTIONS, "-x", *chunk], plugins=[failure])
        ran += failure.ran
        if status != pytest.ExitCode.OK:
            return {"outcome": "killed", "by": failure.name or str(status), "ran": ran}
    return {"outcome": "survived", "by": "", "ran": ran}
