"""Pixels in, numbers out."""

import pytest
import torch

from posepyr.layers.normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise
from support.compared import check
from support.naive_layers import normalised

NUMBERS = (0.5, 0.4, 0.3), (0.2, 0.5, 1.0)


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_equals_its_oracle(colour):
    image = 255 * torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    order = [0, 1, 2] if colour == "rgb" else [2, 1, 0]
    layer = Normalise(*NUMBERS, colour).double()
    check(layer, image, lambda image, _: normalised(image[:, order], *NUMBERS))
    assert layer(image).is_contiguous(memory_format=torch.channels_last)


def test_imagenets_colours():
    assert (IMAGENET_MEAN, IMAGENET_STD) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_bytes_and_floats_of_the_same_range_give_the_same():
    layer = Normalise((0.5, 0.4, 0.3), (0.2, 0.5, 1.0))
    image = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    assert torch.equal(layer(image), layer(image.float()))
    expected = (image[1, 1, 2, 3].item() / 255 - 0.4) / 0.5
    assert layer(image)[1, 1, 2, 3].item() == pytest.approx(expected, abs=1e-6)


def test_follows_the_models_type_and_keeps_nothing_in_the_state():
    layer = Normalise((0.5,) * 3, (1.0,) * 3).double()
    assert layer(torch.zeros(1, 3, 2, 2, dtype=torch.uint8)).dtype == torch.float64
    assert not layer.state_dict()


@pytest.mark.parametrize("std", [(1.0, 1.0), (1.0, 0.0, 1.0)])
def test_a_wrong_std_is_an_error(std):
    with pytest.raises(ValueError, match="std must"):
        Normalise((0.5,) * 3, std)


def test_blue_may_come_first_for_the_layers_behind_and_their_mean():
    image = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    found = Normalise((0.5, 0.4, 0.3), (0.2, 0.5, 1.0), colour="bgr")(image)
    blue = (image[1, 2, 2, 3].item() / 255 - 0.5) / 0.2
    assert found[1, 0, 2, 3].item() == pytest.approx(blue, abs=1e-6)
    assert torch.equal(found, Normalise((0.5, 0.4, 0.3), (0.2, 0.5, 1.0))(image.flip(1)))


def test_a_colour_order_that_there_is_not_is_an_error():
    with pytest.raises(ValueError, match="colour must be rgb or bgr, got grb"):
        Normalise((0.5,) * 3, (1.0,) * 3, colour="grb")
