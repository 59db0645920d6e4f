"""Every published figure is met, or cannot be."""

from posepyr.measurement.comparison import compare, published_figures


def test_every_figure_is_met_or_says_truly_that_it_cannot_be() -> None:
    outcomes = compare(published_figures())
    assert [(one.figure.source, one.figure.system, one.verdict) for one in outcomes if not one.passes] == []
    unmet = {(one.figure.system, one.figure.published) for one in outcomes if not one.met}
    assert unmet == {(one.figure.system, one.figure.published) for one in outcomes if one.figure.reason}
    assert {published for _, published in unmet} == {"10", "11.4", "25.1", "36.4", "9.5", "6.20"}


def test_a_figure_is_one_quantity_of_one_network_at_one_input() -> None:
    keys = [(figure.source, figure.system, figure.input, figure.quantity) for figure in published_figures()]
    assert len(set(keys)) == len(keys) == 166
    tables = {figure.source for figure in published_figures()}
    roman = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "X")
    assert tables == {
        *(f"PyraNet {place}" for place in ("section 3.3", "section 5.1.2", "figure 8 (a)", "table 3")),
        *(f"HRNet table {number}" for number in (1, 2, 4)),
        *(f"PPNet table {number}" for number in roman),
    }


def test_ppnets_hourglasses_are_those_that_its_experiments_train() -> None:
    sizes = {
        figure.network["stacks"]: compare([figure])[0].counted
        for figure in published_figures()
        if figure.source in ("PPNet table II", "PPNet table IV")
        and figure.system.startswith("Hourglass")
        and figure.quantity == "parameters"
    }
    assert sizes == {2: 6.71549, 8: 25.537736}
