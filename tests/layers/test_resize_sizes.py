import pytest

from posepyr.layers.resize import check_divisible


@pytest.mark.parametrize("size", [(64, 128), (192, 64)])
def test_multiples_pass(size):
    check_divisible(size, 64, "why")


@pytest.mark.parametrize(
    ("size", "height", "width"),
    [
        ((384, 288), "384", "256 or 320"),
        ((10, 64), "64", "64"),
        ((0, 63), "64", "64"),
        ((130, 127), "128 or 192", "64 or 128"),
    ],
)
def test_the_nearest_are_named(size, height, width):
    with pytest.raises(
        ValueError,
        match=rf"divisible by 64 \(why\), got {size[0]} x {size[1]}; the nearest height is "
        rf"{height}, the nearest width {width}$",
    ):
        check_divisible(size, 64, "why")
