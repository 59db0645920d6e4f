"""Published figures beside counted ones: tolerances and verdicts."""

from typing import Any

import pytest

from posepyr.measurement.comparison import Node, Outcome, PublishedFigure, compare


def convolution(channels: int, **others: Any) -> Node:
    return {"_target_": "torch.nn.Conv2d", "in_channels": 10, "out_channels": channels, "kernel_size": 10} | others


def outcome(published: str, **others: Any) -> Outcome:
    """Of a network with a million weights."""
    network = others.pop("network", convolution(1000, bias=False))
    return compare([PublishedFigure("table", "system", network, (10, 10, 10), "parameters", published, **others)])[0]


@pytest.mark.parametrize(
    ("published", "tolerance"),
    [("23.7", 0.1), ("5.88", 0.01), ("7.10", 0.1), ("53.0", 0.1), ("10", 1.0), (">0", 0.0)],
)
def test_the_tolerance_is_a_unit_of_the_last_digit(published: str, tolerance: float) -> None:
    assert outcome(published).figure.tolerance == pytest.approx(tolerance)


def test_a_share_is_the_tolerance_where_it_is_larger() -> None:
    assert outcome("35.6", share=0.01).figure.tolerance == pytest.approx(0.356)
    assert outcome("8.9", share=0.01).figure.tolerance == pytest.approx(0.1)


def test_verdicts() -> None:
    for met in ("1.0", "0.9", "1.1", "1.001"):
        assert (outcome(met).verdict, outcome(met).passes) == ("ok", True)
    assert (outcome("1.2").verdict, outcome("1.2").passes) == ("out of tolerance", False)
    excused = outcome("1.2", reason="the table errs")
    assert (excused.verdict, excused.passes, excused.met) == ("cannot be met: the table errs", True, False)
    assert excused.difference == pytest.approx(-0.2)


def test_what_cannot_be_built_is_wrong_whatever_the_reason() -> None:
    one = outcome("1.0", network=convolution(1, colour="red"), reason="anything")
    assert not one.passes
    assert "colour" in one.verdict
    assert one.to_dict()["counted"] is None


def test_a_comparison_is_in_percent() -> None:
    other = convolution(800, bias=False)
    assert outcome("25.0", against=other).difference == pytest.approx(0)
    assert outcome(">0", against=other).passes
    assert not outcome(">0", against=convolution(1000, bias=False)).passes
    assert outcome(">0", against=other).difference is None
