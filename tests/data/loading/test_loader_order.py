import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posepyr.data.loading.loader import EvaluationOrder, GlobalBatch, TrainingOrder, spread


def order(epoch: int = 0, rank: int = 0, world: int = 1, seed: int = 0, size: int = 50) -> TrainingOrder:
    sampler = TrainingOrder(size, batch_size=8, seed=seed, rank=rank, world=world)
    sampler.set_epoch(epoch)
    return sampler


def test_an_epoch_shows_whole_batches_of_different_people() -> None:
    draws = list(order(epoch=3))
    assert len(draws) == len(order()) == 48
    assert len({draw.person for draw in draws}) == 48
    assert {draw.epoch for draw in draws} == {3}


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    assert list(order(epoch=1)) == list(order(epoch=1))
    first, second, other_seed = ([draw.person for draw in order(epoch=e, seed=s)] for e, s in ((0, 0), (1, 0), (0, 1)))
    assert first != second
    assert first != other_seed


@given(batches=st.integers(0, 6), epoch=st.integers(0, 3))
def test_a_resumed_epoch_is_the_rest_of_the_whole_one(batches: int, epoch: int) -> None:
    resumed = order(epoch)
    resumed.resume(epoch, batches)
    assert list(resumed) == list(order(epoch))[batches * 8 :]
    assert len(resumed) == 48
    resumed.set_epoch(epoch + 1)
    assert list(resumed) == list(order(epoch + 1))


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_out_what_one_would_see(world: int) -> None:
    alone = list(order(epoch=2))
    share = 8 // world
    shares = [list(order(epoch=2, rank=rank, world=world)) for rank in range(world)]
    for batch in range(6):
        together = [draw for part in shares for draw in part[batch * share : (batch + 1) * share]]
        assert together == alone[batch * 8 : (batch + 1) * 8]


@given(size=st.integers(0, 40), world=st.integers(1, 5))
def test_evaluation_sees_everybody_once(size: int, world: int) -> None:
    seen = [draw.person for rank in range(world) for draw in EvaluationOrder(range(size), rank=rank, world=world)]
    assert sorted(seen) == list(range(size))


def test_what_cannot_be_batched_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one batch of 8 people, got 7"):
        TrainingOrder(7, 8, seed=0)


@given(size=st.integers(1, 60), count=st.integers(1, 80))
def test_people_alone_in_their_pictures_are_spread_evenly(size: int, count: int) -> None:
    numbers = spread(np.array([f"{number:03}.jpg" for number in range(size)], np.str_), count)
    assert len(numbers) == min(size, count)
    gaps = {after - before for before, after in zip(numbers, [*numbers[1:], size], strict=True)}
    assert max(gaps) - min(gaps) <= 1
    assert numbers[0] == 0


@given(pictures=st.lists(st.sampled_from("dcba"), min_size=1, max_size=30), count=st.integers(1, 30))
def test_pictures_are_taken_whole(pictures: list[str], count: int) -> None:
    numbers = spread(np.array(pictures), count)
    assert len(numbers) >= min(count, len(pictures))
    taken = {pictures[number] for number in numbers}
    assert numbers == [number for number, picture in enumerate(pictures) if picture in taken]


def test_of_nobody_there_is_nobody() -> None:
    assert spread(np.array([], np.str_), 3) == []


def test_pictures_stand_in_the_order_of_their_people() -> None:
    assert spread(np.array(["z", "z", "m", "a", "b", "c"]), 2) == [0, 1]
    assert spread(np.array(["z", "z", "m", "a", "b", "c"]), 3) == [0, 1, 3]


@pytest.mark.parametrize(
    ("batch", "passes", "words"),
    [
        (GlobalBatch(16), 1, "batch of 16 samples: all at once"),
        (GlobalBatch(16, device_batch=4), 4,
         "batch of 16 samples: 4 samples at a time, gradients added up over 4 passes"),
        (GlobalBatch(4, world=4, device_batch=8), 1, "batch of 4 samples: 1 sample in each of 4 processes"),
        (GlobalBatch(16, world=2, device_batch=2), 4, "batch of 16 samples: 8 samples in each of 2 processes, "
         "2 samples at a time, gradients added up over 4 passes"),
    ],
)  # fmt: skip
def test_the_division_of_a_batch_in_words(batch: GlobalBatch, passes: int, words: str) -> None:
    assert (batch.passes, batch.describe()) == (passes, words)
