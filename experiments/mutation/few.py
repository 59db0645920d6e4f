"""A few mutants that the oracles must notice, run by ``make test``: a tenth of a minute, where the whole takes an hour.

Only tests that compare with an oracle are run, those of the file named. Each mutant is one that the operators make.
"""

import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

from children import Task, in_children, warm_up
from mutate import all_mutants
from sources import Mutant
from trials import run_mutant

LIMIT = 120.0
"""Seconds for one mutant."""


class Noticed(NamedTuple):
    """A mutant, and the file of the tests that notice it."""

    title: str
    file: str
    scope: str
    before: str
    after: str
    tests: str
    number: int = 0
    """Of several places in the scope with the same text, the one that is meant."""


PRM, PRM_TESTS = "layers/pyramid.py", "tests/layers/test_pyramid.py"
MSSH, MSSH_TESTS = "models/mssh.py", "tests/models/test_mssh.py"

FEW = (
    *(
        Noticed(title, PRM, "PyramidResidual.__init__", built, f"surgery.without_relu({built})", PRM_TESTS, number)
        for title, built, number in (
            ("PRM: no ReLU before g", "activation(merged)", 0),
            ("PRM: no ReLU before the last 1x1", "activation(inner)", 1),
        )
    ),
    Noticed(
        "PRM: no ReLU in the reduction",
        PRM,
        "_reduction",
        "activation(width)",
        "surgery.without_relu(activation(width))",
        PRM_TESTS,
    ),
    Noticed(
        "PRM: another ReLU after the 3x3 of f0",
        PRM,
        "PyramidResidual.__init__",
        "nn.Conv2d(inner, inner, kernel_size=3, padding=1)",
        "surgery.with_relu(nn.Conv2d(inner, inner, kernel_size=3, padding=1))",
        PRM_TESTS,
    ),
    Noticed(
        "PRM: norm and ReLU before g change places with the 1x1",
        PRM,
        "PyramidResidual.__init__",
        "nn.Sequential(activation(merged), Pointwise(merged, inner))",
        "surgery.with_swapped(nn.Sequential(activation(merged), Pointwise(merged, inner)), 0)",
        PRM_TESTS,
    ),
    Noticed(
        "Inception: no ReLU in the filter",
        "layers/inception.py",
        "_filter",
        "activation(width)",
        "surgery.without_relu(activation(width))",
        "tests/layers/test_inception.py",
    ),
    Noticed(
        "MSSH: no ReLU in the concatenation's reduction",
        MSSH,
        "Concatenation.__init__",
        "activation(2 * width)",
        "surgery.without_relu(activation(2 * width))",
        MSSH_TESTS,
    ),
    Noticed(
        "MSSH: no ReLU in the features",
        MSSH,
        "MSSH.__init__",
        "activation(width)",
        "surgery.without_relu(activation(width))",
        MSSH_TESTS,
    ),
    Noticed(
        "MSSH: no norm in the features",
        MSSH,
        "MSSH.__init__",
        "activation(width)",
        "surgery.without_norm(activation(width))",
        MSSH_TESTS,
    ),
    Noticed(
        "Residual: no shortcut",
        "layers/residual.py",
        "PreactivationResidual.forward",
        "self.main(x) + self.shortcut(x)",
        "(self.main(x))",
        "tests/layers/test_residual.py",
    ),
    Noticed(
        "HRNet: no ReLU after the fusion",
        "layers/exchange.py",
        "Fusion.forward",
        "F.relu(sum(others, start=first))",
        "sum(others, start=first)",
        "tests/layers/test_exchange.py",
    ),
    Noticed(
        "ResNet: no ReLU before the strided 3x3",
        "layers/postactivation.py",
        "Bottleneck.__init__",
        "convolution(inputs, inner, kernel=1)",
        "surgery.without_relu(convolution(inputs, inner, kernel=1))",
        "tests/layers/test_postactivation.py",
    ),
)


def matching(few: tuple[Noticed, ...]) -> Iterator[tuple[Noticed, Mutant]]:
    """Iterate over the mutants that are meant."""
    by_text: dict[tuple[str, ...], list[Mutant]] = {}
    for mutant in sorted(all_mutants(), key=lambda mutant: mutant.span):
        key = (mutant.file, mutant.scope, mutant.before, mutant.after)
        by_text.setdefault(key, []).append(mutant)
    for one in few:
        yield one, by_text[one.file, one.scope, one.before, one.after][one.number]


def main() -> int:
    """Run the few and say which test noticed each; 1 where one was not noticed by an oracle."""
    warm_up(("torch", "pytest", "numpy"))
    tasks = (
        Task(one.title, partial(run_mutant, mutant, [[one.tests, "-k", "oracle or numpy"]]), LIMIT)
        for one, mutant in matching(FEW)
    )
    alive = 0
    for task, answer, _ in in_children(tasks, 1):
        by = answer["by"] if answer else ""
        alive += "::" not in by
        print(f"{task.subject}: {by or 'not noticed'}")
    return int(alive > 0)


if __name__ == "__main__":
    sys.exit(main())
