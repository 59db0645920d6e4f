"""Networks side by side: what is measured when, what becomes of several seeds, how depth is cut into parts."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posepyr.initialisation.schemes import MSR
from posepyr.layers.residual import PreactivationResidual
from posepyr.models.hourglass import Hourglass, StackedHourglass
from posepyr.variance.curves import (
    COLOURS,
    COLUMNS,
    Measured,
    Section,
    Trainable,
    audit,
    band,
    curves,
    draw_variances,
    sections,
    write_csv,
)
from posepyr.variance.probe import Moments, OutputMoments

RATE = 0.5


class Batch(NamedTuple):
    image: Tensor
    target: Tensor


def batch(step: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    return Batch(torch.randn(8, 3, generator=generator), torch.randn(8, 2, generator=generator))


def linear_trial(asked: list[int]) -> Trainable:
    """Least squares, whose steps can be taken by hand."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 2))

    def given(step: int) -> Batch:
        asked.append(step)
        return batch(step)

    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    return Trainable(model, optimizer, lambda batch: (model(batch.image) - batch.target).square().mean(), given)


def test_steps_are_the_optimizers_and_both_ends_are_measured_on_the_first_batch():
    asked: list[int] = []
    trial = linear_trial(asked)
    weight = torch.cat([trial.model[0].weight, trial.model[0].bias[:, None]], dim=1).detach().double()
    start, end = audit("least squares", trial, "convolutions", steps=3, seed=7)
    assert asked == [0, 1, 2, 3]
    assert [(one.network, one.seed, one.step) for one in (start, end)] == [
        ("least squares", 7, 0),
        ("least squares", 7, 3),
    ]

    def padded(step: int) -> Tensor:
        return torch.cat([batch(step).image, torch.ones(8, 1)], dim=1).double()

    def gradient(step: int) -> Tensor:
        return (padded(step) @ weight.T - batch(step).target) / 8

    assert_moments(start.rows, padded(0) @ weight.T, gradient(0))
    for step in (1, 2, 3):
        weight = weight - RATE * gradient(step).T @ padded(step)
    assert_moments(end.rows, padded(0) @ weight.T, gradient(0))


def assert_moments(rows: list[OutputMoments], response: Tensor, gradient: Tensor) -> None:
    (row,) = rows
    for found, expected in ((row.response, response), (row.gradient, gradient)):
        moments = expected.mean().item(), expected.var(correction=0).item()
        assert found == pytest.approx(moments, rel=1e-4, abs=1e-6)


def test_without_steps_there_is_one_profile():
    asked: list[int] = []
    assert [one.step for one in audit("least squares", linear_trial(asked), "convolutions", 0, 0)] == [0]
    assert asked == [0]


LEVELS = 3


def hourglass_trial(shortcut: Any, seed: int) -> Trainable:
    model = StackedHourglass(3, stacks=2, width=64, depth=LEVELS, shortcut=shortcut)
    MSR()(model, torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(0)
    pictures = Batch(torch.randint(256, (4, 3, 32, 32), generator=generator, dtype=torch.uint8), torch.empty(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return Trainable(
        model, optimizer, lambda batch: sum(x.square().mean() for x in model(batch.image)), lambda _: pictures
    )


@pytest.mark.parametrize("shortcut", ["identity", "convolution"])
def test_variance_control_begins_one_of_the_two_residuals_of_every_sum_anew(shortcut: Any) -> None:
    """Figure 6. Under MSR a residual gives a variance of 1: to that of its input, or to the 1 of a convolution."""
    trial = hourglass_trial(shortcut, 0)
    hourglasses = {name: one for name, one in trial.model.named_modules() if isinstance(one, Hourglass)}
    assert len(hourglasses) == 2 * LEVELS
    for module in hourglasses.values():
        for branch, identity in ((module.skip, True), (module.up, shortcut == "identity")):
            assert isinstance(branch[-1], PreactivationResidual)
            assert isinstance(branch[-1].shortcut, nn.Identity) == identity
    (measured,) = audit("hourglass", trial, "blocks", 0, 0)
    variances = {row.name: row.response.variance for row in measured.rows}
    for name in hourglasses:
        inner = f"{name}.inner" if f"{name}.inner" in hourglasses else f"{name}.inner.0"
        expected = 1 + (variances[inner] if shortcut == "identity" else 1)
        assert variances[f"{name}.up.0"] == pytest.approx(expected, rel=0.4)
        if shortcut == "identity":
            # The skip has added its own as well, and both branches stem from one map.
            assert variances[name] > variances[inner] + 2


NAMES = ["stem.2", "stem.4", "stem.5", "hourglasses.0.down.0", "hourglasses.0.skip.0", "hourglasses.0",
         "hourglasses.1.down.0 (1)", "hourglasses.1.down.0 (2)", "hourglasses.1", "heads.0", "merge"]  # fmt: skip


def test_sections():
    assert sections(NAMES) == [
        Section("stem", 0, 3), Section("hourglasses.0", 3, 6), Section("hourglasses.1", 6, 9),
        Section("heads.0", 9, 10), Section("merge", 10, 11),
    ]  # fmt: skip
    stages = [f"backbone.stages.{stage}.{number}" for stage in range(2) for number in range(3)]
    assert sections(stages) == [Section("backbone.stages.0", 0, 3), Section("backbone.stages.1", 3, 6)]
    assert sections(["fuse[0]", "fuse[1]", "last"]) == [Section("fuse", 0, 2), Section("last", 2, 3)]


def test_bands_are_geometric():
    assert band([2.0, 8.0]) == pytest.approx((4, 2, 8))
    for broken in ([1.0, 0.0], [1.0, math.inf], [math.nan, 1.0]):
        assert all(map(math.isnan, band(broken)))


def row(name: str, response: float, gradient: float | None) -> OutputMoments:
    return OutputMoments(name, "block", Moments(0.5, response), None if gradient is None else Moments(0.0, gradient))


def profiles() -> list[Measured]:
    return [
        Measured(network, seed, step, [row("a", seed + 1.0, 4.0 ** (seed + step)), row("b", 2.0, None)])
        for network in ("one", "other")
        for seed in (0, 1)
        for step in (0, 5)
    ]


def test_a_curve_for_each_network_and_step():
    found = curves(profiles())
    assert [curve.label for curve in found] == ["one", "one, 5 steps", "other", "other, 5 steps"]
    assert [curve.names for curve in found] == [["a", "b"]] * 4
    first = found[0]
    assert first.responses[0] == pytest.approx((math.sqrt(2), 1, 2))
    assert first.gradients[0] == pytest.approx((2, 1, 4))
    assert math.isnan(first.gradients[1].mean)


def test_every_row_is_written(tmp_path: Path):
    write_csv(tmp_path / "variances.csv", profiles())
    with (tmp_path / "variances.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == 2 * 2 * 2 * 2
    assert lines[3] == {
        "network": "one", "seed": "0", "step": "5", "row": "1", "name": "b", "place": "block", "response_mean": "0.5",
        "response_variance": "2", "gradient_mean": "", "gradient_variance": "",
    }  # fmt: skip


def colours(path: Path) -> Callable[[str], int]:
    """How many pixels of a picture have a colour."""
    pixels = cv2.imread(str(path))[..., ::-1]
    return lambda colour: int((pixels == [int(colour[n : n + 2], 16) for n in (1, 3, 5)]).all(-1).sum())


def test_the_figure_has_a_line_for_each_network(tmp_path: Path):
    rising = [
        Measured(str(n), 0, 0, [row(name, 2.0 ** (n * i), 1 / 2**i) for i, name in enumerate(NAMES)]) for n in (1, 2)
    ]
    draw_variances(curves(rising), tmp_path / "figure.png")
    pixels = colours(tmp_path / "figure.png")
    assert pixels(COLOURS[0]) > 100
    assert pixels(COLOURS[1]) > 100
    assert pixels(COLOURS[2]) == 0
    # Alternate parts stand on grey; of other networks' parts nothing is known.
    assert pixels("#f0f0f0") > 1000
    shorter = rising[1]._replace(rows=rising[1].rows[1:])
    draw_variances(curves([rising[0], shorter]), tmp_path / "figure.png", "of two kinds")
    assert colours(tmp_path / "figure.png")("#f0f0f0") < 100


@pytest.mark.parametrize("variance", [0.0, math.inf, math.nan])
def test_a_figure_of_what_cannot_be_drawn(tmp_path: Path, variance: float):
    draw_variances(curves([Measured("one", 0, 0, [row("a", variance, variance)])]), tmp_path / "figure.png")
    assert np.ptp(cv2.imread(str(tmp_path / "figure.png"))) > 0
