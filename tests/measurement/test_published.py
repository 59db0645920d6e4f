"""Every published figure is met, or cannot be."""

from posepyr.measurement.comparison import compare
from posepyr.measurement.published import rows


def test_every_figure_is_met_or_says_truly_that_it_cannot_be() -> None:
    outcomes = compare(rows())
    assert [(one.row.source, one.row.system, one.verdict) for one in outcomes if not one.passes] == []
    unmet = {(one.row.system, one.row.published) for one in outcomes if not one.met}
    assert unmet == {(one.row.system, one.row.published) for one in outcomes if one.row.reason}
    assert {published for _, published in unmet} == {"10", "11.4", "25.1", "36.4", "9.5"}


def test_a_row_is_one_quantity_of_one_network_at_one_input() -> None:
    keys = [(row.source, row.system, row.input, row.quantity) for row in rows()]
    assert len(set(keys)) == len(keys) >= 60
    tables = {row.source for row in rows()}
    roman = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "X")
    assert tables == {
        *(f"PyraNet {place}" for place in ("sec. 3.3", "sec. 5.1.2", "fig. 8", "table 3")),
        *(f"HRNet table {number}" for number in (1, 2, 4)),
        *(f"PPNet table {number}" for number in roman),
    }
