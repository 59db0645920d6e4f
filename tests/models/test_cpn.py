"""CPN: the published size and cost, and a whole network against its oracle."""

from functools import partial

import pytest
import torch

from posepyr.layers.heads import PointwiseHead
from posepyr.models.cpn import CPN
from posepyr.models.resnet import ResNet
from support.compared import check
from support.counting import multiply_adds, on_meta, parameters
from support.naive_cpn import cpn
from support.randomised import shaken


@pytest.mark.parametrize(
    ("depth", "joints", "published"), [(50, 17, 27_009_685), (50, 16, 26_998_160), (101, 17, 46_001_813)]
)
def test_parameters(depth, joints, published):
    assert parameters(on_meta(CPN, joints, depth=depth)) == published


def test_the_prediction_costs_what_is_published():
    """HRNet's table 1 has 6.20; GlobalNet's heatmaps, which training alone needs, come on top."""
    everything = multiply_adds(on_meta(CPN, 17), 256, 192)
    heatmaps = (256 * 256 + 9 * 256 * 17) * sum(256 * 192 // stride**2 for stride in (4, 8, 16, 32))
    assert everything / 2**30 == pytest.approx(6.549, abs=6e-4)
    assert (everything - heatmaps) / 2**30 == pytest.approx(6.152, abs=6e-4)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("size", "settings"),
    [((64, 96), {"width": 4, "channels": 6}), ((32, 64), {"width": 2, "channels": 4, "depth": 101})],
)
def test_equals_its_oracle(size, settings, training):
    model = shaken(CPN(3, **settings), seed=3).train(training)
    image = torch.randint(0, 256, (2, 3, *size), generator=torch.Generator().manual_seed(4), dtype=torch.uint8)
    assert model.strides == (4,) * 5
    check(model, image, partial(cpn, **{"joints": 3, "depth": 50, **settings}))


def test_any_head_will_do():
    model = CPN(3, width=4, channels=4, head=PointwiseHead)
    assert [tuple(x.shape) for x in model(torch.zeros(2, 3, 32, 64))] == [(2, 3, 8, 16)] * 5
    assert sum(isinstance(module, PointwiseHead) for module in model.modules()) == 5


def test_the_last_map_of_a_resnets_stages_is_its_own():
    model, x = ResNet(width=4).eval(), torch.rand(1, 3, 64, 96)
    maps = model.maps_of_stages(x)
    assert [tuple(one.shape) for one in maps] == [(1, 16, 16, 24), (1, 32, 8, 12), (1, 64, 4, 6), (1, 128, 2, 3)]
    assert [one.shape[1] for one in maps] == model.channels_of_stages
    assert torch.equal(maps[-1], model(x))


def test_a_size_that_does_not_fit_names_the_nearest_that_do():
    with pytest.raises(ValueError, match=r"divisible by 32 .* 64 x 40; the nearest height is 64, .* width 32 or 64"):
        CPN(3, width=4, channels=4)(torch.zeros(1, 3, 64, 40))


@pytest.mark.parametrize(("argument", "value"), [("depth", 34), ("width", 0), ("channels", 0), ("channels", 7)])
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError) as caught:
        CPN(16, **{argument: value})
    assert str(caught.value).startswith(f"{argument} must ")
    assert str(caught.value).endswith(f"got {value}")
