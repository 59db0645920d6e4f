"""Predictions gathered: each person once, in order, whoever found them."""

import numpy as np
import torch

from posepyr.metrics.scorer import Collected


def predictions(numbers: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    number = torch.tensor(numbers)
    keypoints = number[:, None, None, None] * 10.0 + torch.arange(4.0).view(1, 1, 2, 2)
    return number, keypoints.float(), number[:, None, None] / 100.0 + torch.zeros(1, 1, 2)


def test_everybody_once_by_number_whatever_the_batches() -> None:
    collected = Collected()
    for numbers in ([4, 1], [0, 3], [2]):
        collected.update(*predictions(numbers))
    [found] = collected.compute()
    assert found.sample.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(found.keypoints[:, 0, 0], [0, 10, 20, 30, 40])
    assert found.keypoints.dtype == np.float64


def test_nobody_counts_twice() -> None:
    collected = Collected()
    collected.update(*predictions([0, 1]))
    collected.update(*predictions([1, 2]))
    assert collected.compute()[-1].sample.tolist() == [0, 1, 2]


def test_after_a_reset_nobody_is_left() -> None:
    collected = Collected()
    collected.update(*predictions([0, 1]))
    collected.reset()
    collected.update(*predictions([7]))
    assert collected.compute()[-1].sample.tolist() == [7]


def test_states_reduced_over_processes_are_tensors() -> None:
    collected = Collected()
    collected.update(*predictions([0]))
    collected.sample, collected.keypoints, collected.scores = predictions([3, 1, 2])  # type: ignore[assignment]
    assert collected.compute()[-1].sample.tolist() == [1, 2, 3]


def test_stages_are_kept_apart() -> None:
    collected = Collected()
    number, keypoints, scores = predictions([1, 0])
    collected.update(number, torch.cat([keypoints, keypoints + 1], dim=1), torch.cat([scores, scores], dim=1))
    first, last = collected.compute()
    np.testing.assert_array_equal(last.keypoints, first.keypoints + 1)
    assert first.keypoints.shape == (2, 2, 2)


def test_what_is_said_of_visibility_goes_with_its_person_and_stage() -> None:
    collected = Collected()
    for numbers, states in (([2, 0], [[[1, 1], [2, 1]], [[2, 2], [1, 2]]]), ([2, 1], [[[2, 2], [2, 2]], [[1, 2]] * 2])):
        number, keypoints, scores = predictions(numbers)
        collected.update(
            number, keypoints.repeat(1, 2, 1, 1), scores.repeat(1, 2, 1), torch.tensor(states, dtype=torch.uint8)
        )
    first, last = collected.compute()
    assert first.visibility.tolist() == [[2, 2], [1, 2], [1, 1]]
    assert last.visibility.tolist() == [[1, 2], [1, 2], [2, 1]]
    assert last.visibility.dtype == np.uint8
    # Reduced over processes, it is a tensor.
    collected.visibility = torch.cat(collected.visibility)  # type: ignore[assignment]
    assert collected.compute()[-1].visibility.tolist() == last.visibility.tolist()


def test_after_a_reset_nothing_is_said_of_visibility() -> None:
    collected = Collected()
    number, keypoints, scores = predictions([0])
    collected.update(number, keypoints, scores, torch.ones(1, 1, 2, dtype=torch.uint8))
    collected.reset()
    collected.update(number, keypoints, scores)
    assert collected.compute()[-1].visibility is None
