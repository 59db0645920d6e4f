import torch

from posepyr.checkpoints.weights import compare


def state(**shapes: tuple[int, ...]) -> dict[str, torch.Tensor]:
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def test_every_weight_has_one_fate() -> None:
    report = compare(state(a=(2, 3), b=(4,), c=(), d=(1,)), state(a=(2, 3), b=(5,), c=(2, 2), e=(1,)))
    assert (report.matched, report.missing, report.unexpected) == (["a"], ["e"], ["d"])
    assert report.reshaped == ["b is 4, not 5", "c is a single number, not 2 x 2"]
    assert str(report) == (
        "1 matched, 1 missing (e), 1 unexpected (d), 2 reshaped (b is 4, not 5, c is a single number, not 2 x 2)"
    )


def test_a_files_own_words_are_used_for_what_is_in_it() -> None:
    report = compare(state(a=(1,), b=(1,), c=(2,)), state(a=(1,), c=(1,), d=(1,)), {"a": "A", "b": "B", "c": "C"})
    assert report == (["A"], ["d"], ["B"], ["C is 2, not 1"], (), ())


def test_of_many_some_are_named() -> None:
    many = state(**{f"k{number}": (1,) for number in range(9)})
    assert str(compare({}, many)).endswith("9 missing (k0, k1, k2, k3, k4, k5, k6, k7, ...), 0 unexpected, 0 reshaped")
