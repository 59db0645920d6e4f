"""The paired bootstrap: intervals that hold what they should."""

import numpy as np
import pytest

from posepyr.evaluation import comparison
from posepyr.evaluation.comparison import compare

JOINTS = ("left_wrist", "right_wrist", "neck")


def results(generator: np.random.Generator, people: int, shares: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Hits of two methods that mostly fail on the same people."""
    ease = generator.random((people, 3))
    first, second = ((ease < share).astype(float) for share in shares)
    missing = generator.random((people, 3)) < 0.1
    first[missing], second[missing] = np.nan, np.nan
    return first, second


def test_the_difference_is_that_of_the_means() -> None:
    first, second = results(np.random.default_rng(0), 200, (0.7, 0.75))
    found = compare(first, second, JOINTS)
    assert set(found) == {"mean", "wrist", "neck"}
    wrists = [np.nanmean(second[:, k]) - np.nanmean(first[:, k]) for k in (0, 1)]
    assert found["wrist"].difference == pytest.approx(np.mean(wrists))
    assert found["neck"].first == pytest.approx(np.nanmean(first[:, 2]))
    assert found["neck"].second == pytest.approx(np.nanmean(second[:, 2]))
    assert found["mean"].low <= found["mean"].difference <= found["mean"].high


def test_the_same_results_do_not_differ() -> None:
    first, _ = results(np.random.default_rng(0), 100, (0.7, 0.7))
    for difference in compare(first, first.copy(), JOINTS).values():
        assert difference.difference == difference.low == difference.high == 0
        assert not difference.certain


def test_intervals_hold_the_true_difference_in_about_95_of_100_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "ROUNDS", 300)
    held = 0
    for seed in range(100):
        first, second = results(np.random.default_rng(seed), 150, (0.7, 0.76))
        interval = compare(first, second, JOINTS, seed)["mean"]
        held += interval.low <= 0.06 <= interval.high
    # Binomial with p = 0.95: fewer than 87 of 100 would be a chance of 1 in 1,000.
    assert 87 <= held <= 100


def test_paired_intervals_are_narrower_than_those_of_strangers() -> None:
    first, second = results(np.random.default_rng(1), 300, (0.7, 0.73))
    paired = compare(first, second, JOINTS)["mean"]
    shuffled = compare(first, np.random.default_rng(2).permutation(second), JOINTS)["mean"]
    assert paired.high - paired.low < 0.6 * (shuffled.high - shuffled.low)
    assert paired.certain


def test_a_joint_that_nobody_has_is_left_out() -> None:
    first, second = results(np.random.default_rng(0), 50, (0.5, 0.6))
    first[:, 2] = np.nan
    assert set(compare(first, second, JOINTS)) == {"mean", "wrist"}


def test_a_joint_of_one_person_alone_is_compared_where_that_person_is_drawn() -> None:
    first, second = np.zeros((2, 3)), np.ones((2, 3))
    first[0, 2] = np.nan
    found = compare(first, second, JOINTS)["neck"]
    assert (found.difference, found.low, found.high) == (1, 1, 1)


def test_other_people_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match=r"same people and joints, got \(4, 3\) and \(5, 3\)"):
        compare(np.zeros((4, 3)), np.zeros((5, 3)), JOINTS)
