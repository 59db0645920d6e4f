"""PoseTrack's MOTA: counts by hand, and random ones by loops."""

import numpy as np
import pytest

from posepyr.metrics.posetrack_frames import ScoredFrame, counted
from posepyr.metrics.posetrack_mota import Tracking, track
from support.followed import found, random_videos, true, video
from support.naive_posetrack import naive_mota


def counts(frames: list[ScoredFrame], compat: bool = False) -> tuple[int, int, int, int]:
    """Annotated, missed, switched and wrong, the same of every joint."""
    tracking = track(counted(frames), 3, compat)
    for field in tracking[:4]:
        assert len(set(field.tolist())) == 1, tracking
    return tuple(int(field[0]) for field in tracking[:4])  # type: ignore[return-value]


def test_everybody_followed() -> None:
    frames = video(*[(true((1, 100), (2, 300)), found((7, 100), (8, 300)))] * 4)
    assert counts(frames) == (8, 0, 0, 0)


def test_a_miss() -> None:
    everybody = (true((1, 100), (2, 300)), found((7, 100), (8, 300)))
    assert counts(video(everybody, (everybody[0], found((7, 100))), everybody)) == (6, 1, 0, 0)


def test_somebody_wrong() -> None:
    everybody = (true((1, 100)), found((7, 100)))
    assert counts(video(everybody, (everybody[0], found((7, 100), (9, 700))), everybody)) == (3, 0, 0, 1)


def test_a_switch_counts_once() -> None:
    frames = video(*[(true((1, 100)), found((number, 100))) for number in (7, 7, 8, 8)])
    assert counts(frames) == (4, 0, 1, 0)


def test_a_switch_after_a_gap_counts() -> None:
    gap = (true((1, 100)), found())
    frames = video((true((1, 100)), found((7, 100))), gap, (true((1, 100)), found((8, 100))))
    assert counts(frames) == (3, 1, 1, 0)


def test_two_who_swap_tracks_are_two_switches() -> None:
    truth = true((1, 100), (2, 300))
    assert counts(video((truth, found((7, 100), (8, 300))), (truth, found((8, 100), (7, 300))))) == (4, 0, 2, 0)


def test_a_track_is_held_though_another_is_nearer() -> None:
    start = (true((1, 100)), found((7, 100)))
    held = (true((1, 100)), found((8, 100), (7, 104)))
    assert counts(video(start, held)) == (2, 0, 0, 1)
    lost = (true((1, 100)), found((8, 100), (7, 105.5)))
    assert counts(video(start, lost)) == (2, 0, 1, 1)


def test_of_two_people_last_found_by_a_track_the_first_has_it() -> None:
    """The second is left with another track, a switch, which is out of the first one's reach."""
    frames = video(
        (true((1, 100)), found((7, 100))),
        (true((2, 100)), found((7, 100))),
        (true((1, 100), (2, 104)), found((7, 102), (8, 108))),
    )
    assert counts(frames) == (4, 0, 1, 0)


def test_the_threshold_is_half_a_head_and_belongs_to_it() -> None:
    assert counts(video((true((1, 100)), found((7, 105))))) == (1, 0, 0, 0)
    assert counts(video((true((1, 100)), found((7, 105.001))))) == (1, 1, 0, 1)


def test_as_many_as_can_be_are_paired() -> None:
    """One is nearest to both people, who are both found all the same."""
    assert counts(video((true((1, 100), (2, 104)), found((7, 101.9), (8, 97))))) == (2, 0, 0, 0)


def test_a_new_video_starts_over() -> None:
    first = video((true((1, 100)), found((7, 100))), name="first")
    second = video((true((1, 100)), found((8, 100))), name="second")
    assert counts(first + second) == (2, 0, 0, 0)
    assert counts(first + [frame._replace(video="first") for frame in second]) == (2, 0, 1, 0)


def test_joints_are_followed_each_for_itself() -> None:
    """Of a person whose wrists are found by another track only the wrists switch."""
    truth = true((1, 100))
    guess = found((7, 100), (8, 100))
    guess.present[:] = [[True, False, False], [False, True, True]]
    tracking = track(counted(video((truth, found((7, 100))), (truth, guess))), 3)
    assert tracking.switched.tolist() == [0, 1, 1]
    assert tracking.annotated.tolist() == [2, 2, 2]
    assert not tracking.missed.any()
    assert not tracking.wrong.any()


def test_shares_of_counts() -> None:
    counted_by_hand = Tracking(
        np.array([10, 0, 2]), np.array([2, 0, 2]), np.array([1, 0, 0]), np.array([4, 3, 0]), np.array([1.6, 0.0, 0.0])
    )
    np.testing.assert_allclose(counted_by_hand.accuracy, [0.3, np.nan, 0])
    np.testing.assert_allclose(counted_by_hand.nearness, [0.8, np.nan, np.nan])
    np.testing.assert_allclose(counted_by_hand.precision, [8 / 12, 0, np.nan])
    np.testing.assert_allclose(counted_by_hand.recall, [0.8, np.nan, 0])


def test_a_track_twice_in_a_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"v/0\.jpg: track_id must differ between the people .*got 7 twice"):
        track(video((true((1, 100)), found((7, 100), (7, 300)))), 3)


def test_slips_of_the_released_evaluation() -> None:
    """No last frame, and one miss and one wrong joint for a frame that nobody is found or annotated in."""
    truth = true((1, 100), (2, 300))
    frames = video((truth, found((7, 100))), (truth, found()), (truth, found((7, 100), (8, 300))))
    assert counts(frames) == (6, 3, 0, 0)
    assert counts(frames, compat=True) == (3, 2, 0, 1)
    assert counts(frames + video((truth, found()), name="short"), compat=True) == (3, 2, 0, 1)
    ignored = video((truth, found((7, 500), (8, 600), (9, 700))), (truth, found()))
    region = np.array([[0.0, 0.0], [400.0, 0.0], [400.0, 300.0], [0.0, 300.0]])
    ignored[0] = ignored[0]._replace(ignored=(region,))
    assert counts(ignored) == (2, 2, 0, 3)
    assert counts(ignored, compat=True) == (1, 1, 0, 1)


@pytest.mark.parametrize("seed", range(12))
def test_equals_loops(seed: int) -> None:
    frames = random_videos(seed)
    tracking = track(counted(frames), 3)
    for joint in range(3):
        expected = naive_mota(frames, joint)
        assert {name: getattr(tracking, name)[joint] for name in expected} == pytest.approx(expected, abs=1e-9)
        assert expected["missed"] < expected["annotated"]
    assert tracking.switched.any()
    assert tracking.wrong.any()
