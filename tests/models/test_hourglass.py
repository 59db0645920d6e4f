"""The stacked hourglass: the published sizes, and a whole network against plain tensor operations."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from posepyr.layers.postactivation import PostactivationBlocks
from posepyr.layers.pyramid import PyramidBlocks, PyramidResidual
from posepyr.layers.residual import ResidualBlocks
from posepyr.models.hourglass import Hourglass, StackedHourglass
from support.compared import check
from support.counting import multiply_adds, on_meta
from support.naive_hourglass import PROJECTS, Project, everywhere, pyramids, stacked_hourglass
from support.naive_residuals import postactivation_residual, preactivation_residual, pyramid_residual, wide_residual
from support.randomised import shaken

STACKS = (1, 2, 4, 8)

SMALL = {"width": 20, "stacks": 2, "depth": 2, "modules": 2}

POSTACTIVATED = everywhere(postactivation_residual)
PYRAMIDS_EVERYWHERE = everywhere(partial(pyramid_residual, variant="Bstar"))


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("block", "shortcut", "published"),
    [
        (ResidualBlocks(), "identity", (3_212_688, 6_142_624, 12_002_496, 23_722_240)),
        (ResidualBlocks(), "convolution", (3_477_904, 6_673_056, 13_063_360, 25_843_968)),
        (ResidualBlocks(bare=True), "identity", (3_212_304, 6_142_240, 12_002_112, 23_721_856)),
        (PyramidBlocks("A"), "convolution", (3_983_848, 7_610_368, 14_863_408, 29_369_488)),
        (PyramidBlocks("C"), "convolution", (3_905_140, 7_455_808, 14_557_144, 28_759_816)),
        (PyramidBlocks("D"), "convolution", (3_812_236, 7_286_464, 14_234_920, 28_131_832)),
        (PyramidBlocks("B"), "convolution", (3_812_236, 7_286_464, 14_234_920, 28_131_832)),
        (PyramidBlocks("Bstar"), "convolution", (3_631_552, 6_957_016, 13_607_944, 26_909_800)),
    ],
)
def test_sizes_are_the_published(block, shortcut, published):
    with torch.device("meta"):
        models = [StackedHourglass(16, block, stacks=stacks, shortcut=shortcut) for stacks in STACKS]
    assert tuple(count(model) for model in models) == published


@pytest.mark.parametrize(
    ("construction", "of_16_joints", "two_of_17"),
    [
        ("newell", (3_426_320, 6_570_272, 12_858_176, 25_433_984), 6_571_042),
        ("pytorch_pose", (3_586_960, 6_730_912, 13_018_816, 25_594_624), 6_731_682),
        ("ppnet", (3_578_192, 6_714_720, 12_987_776, 25_533_888), 6_715_490),
    ],
)
def test_constructions_have_their_sizes(construction, of_16_joints, two_of_17):
    with torch.device("meta"):
        models = [StackedHourglass(16, stacks=stacks, construction=construction) for stacks in STACKS]
        other = StackedHourglass(17, construction=construction)
    assert tuple(count(model) for model in models) == of_16_joints
    assert count(other) == two_of_17


def test_newells_stem_is_one_norm_smaller_than_in_its_own_code():
    # There a batch norm of 64 channels stands before the stem's first module too: 128 parameters at any size.
    ours = on_meta(StackedHourglass, 16, construction="newell").stem[2]
    theirs = on_meta(StackedHourglass, 16, construction="pytorch_pose").stem[2]
    assert isinstance(ours.main[0], nn.Identity)
    assert count(theirs) - count(ours) == count(theirs.main[0]) == 128


def test_the_wide_baseline_has_the_size_of_the_pyramids():
    with torch.device("meta"):
        wide = StackedHourglass(16, ResidualBlocks(inner=0.54), stacks=8, shortcut="identity")
        pyramids = StackedHourglass(16, PyramidBlocks(), stacks=8)
    convolutions = [wide.stem[place].main[3].out_channels for place in (2, 4, 5)]
    assert convolutions == [69, 69, 138]
    assert count(wide) == pytest.approx(26.79e6, abs=5e3)
    assert count(wide) == pytest.approx(count(pyramids), rel=5e-3)


@pytest.mark.parametrize(
    ("settings", "published"),
    [
        ({"construction": "newell"}, 8.335),
        ({"construction": "pytorch_pose"}, 8.989),
        ({"construction": "ppnet"}, 8.989),
        ({"shortcut": "identity"}, 6.590),
        ({"block": ResidualBlocks(inner=0.54), "shortcut": "identity"}, 7.322),
        ({"block": PyramidBlocks("A")}, 7.773),
        ({"block": PyramidBlocks("C")}, 7.591),
        ({"block": PyramidBlocks("D")}, 7.717),
    ],
)
def test_costs_of_two_stacks_in_billions_of_multiply_adds(settings, published):
    model = on_meta(StackedHourglass, 16, stacks=2, **settings)
    assert multiply_adds(model, 256, 256) / 1e9 == pytest.approx(published, abs=6e-4)


def test_block_and_shortcut_go_before_the_constructions_own():
    with torch.device("meta"):
        model = StackedHourglass(16, PyramidBlocks(), stacks=1, shortcut="convolution", construction="newell")
    assert isinstance(model.features[0][0][0], PyramidResidual)
    assert not isinstance(model.hourglasses[0].up[0].shortcut, nn.Identity)


def test_released_placement_is_seven_pyramids_and_six_residuals_an_hourglass():
    with torch.device("meta"):
        model = StackedHourglass(16, PyramidBlocks(), stacks=1)
    pyramids = {name for name, module in model.named_modules() if isinstance(module, PyramidResidual)}
    assert {name.split(".")[0] for name in pyramids} == {"stem", "hourglasses"}
    assert sum(name.startswith("stem") for name in pyramids) == 3
    assert sum(name.startswith("hourglasses") for name in pyramids) == 7


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("construction", PROJECTS)
def test_constructions_equal_their_oracle(construction, training):
    compare(StackedHourglass(3, **SMALL, construction=construction), PROJECTS[construction], training)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("block", "blocks", "shortcut", "construction"),
    [
        (ResidualBlocks(), everywhere(preactivation_residual), "identity", "pyranet"),
        (ResidualBlocks(inner=0.8), everywhere(partial(wide_residual, fifths=4)), "convolution", "pyranet"),
        (PyramidBlocks("A"), pyramids("A"), "convolution", "pyranet"),
        (PyramidBlocks("B"), pyramids("B"), "convolution", "pyranet"),
        (PyramidBlocks("Bstar"), pyramids("Bstar"), "convolution", "pyranet"),
        (PyramidBlocks("C"), pyramids("C"), "identity", "newell"),
        (PyramidBlocks("D"), pyramids("D"), "convolution", "pytorch_pose"),
        (PyramidBlocks(placement="everywhere"), PYRAMIDS_EVERYWHERE, "convolution", "pyranet"),
        (PyramidBlocks(pool="adaptive"), pyramids("Bstar", pool="adaptive"), "convolution", "pyranet"),
        (PostactivationBlocks(), POSTACTIVATED, "convolution", "ppnet"),
    ],
)
def test_blocks_and_shortcuts_equal_their_oracle(block, blocks, shortcut, construction, training):
    model = StackedHourglass(3, block, **SMALL, shortcut=shortcut, construction=construction)
    project = replace(PROJECTS[construction], blocks=blocks, changed=shortcut == "convolution")
    compare(model, project, training)


def test_pyramids_begin_on_the_same_maps_in_a_deeper_hourglass():
    # At level 3 the modules on half the size are pyramids too, at level 2 they no longer are.
    sizes = {"width": 20, "stacks": 1, "depth": 3, "modules": 1}
    project = replace(PROJECTS["pyranet"], blocks=pyramids("Bstar"))
    compare(StackedHourglass(3, PyramidBlocks(), **sizes), project, training=True, sizes=sizes, image=(32, 64))


def compare(model: StackedHourglass, project: Project, training: bool, sizes=SMALL, image=(32, 48)) -> None:
    image = torch.randint(0, 256, (2, 3, *image), generator=torch.Generator().manual_seed(12), dtype=torch.uint8)
    oracle = partial(stacked_hourglass, project=project, joints=3, **sizes)
    check(shaken(model, seed=11).train(training), image, oracle)


def test_variance_control_changes_the_last_module_before_each_upsampling_only():
    with torch.device("meta"):
        model = StackedHourglass(16, ResidualBlocks(), stacks=1, modules=2)
    forced = {
        name.rsplit(".", 2)[0]
        for name, module in model.hourglasses.named_modules()
        if name.endswith("shortcut") and not isinstance(module, nn.Identity)
    }
    assert forced == {"0.up", "0.inner.up", "0.inner.inner.up", "0.inner.inner.inner.up"}


def test_intermediate_maps_halve_from_a_quarter():
    model = StackedHourglass(16, ResidualBlocks(), stacks=1, width=8)
    shapes = []
    hourglass = model.hourglasses[0]
    while isinstance(hourglass, nn.Module) and hasattr(hourglass, "down"):
        hourglass.down.register_forward_hook(lambda *call: shapes.append(tuple(call[-1].shape)))
        hourglass = hourglass.inner
    model.eval()(torch.zeros(1, 3, 256, 192))
    assert shapes == [(1, 8, 32, 24), (1, 8, 16, 12), (1, 8, 8, 6), (1, 8, 4, 3)]


def test_another_head_may_stand_in():
    def spatial(channels: int, joints: int) -> nn.Module:
        return nn.Conv2d(channels, joints, kernel_size=3, padding=1)

    model = StackedHourglass(5, ResidualBlocks(), depth=1, width=8, head=spatial)
    assert model(torch.zeros(2, 3, 16, 16))[-1].shape == (2, 5, 4, 4)
    assert model.heads[0].kernel_size == (3, 3)


def test_a_size_that_does_not_fit_names_the_nearest_that_do():
    model = StackedHourglass(16, ResidualBlocks(), stacks=1, width=8)
    with pytest.raises(ValueError, match=r"divisible by 64 .* 384 x 288; .* height is 384, .* width 256 or 320"):
        model(torch.zeros(1, 3, 384, 288))
    with pytest.raises(ValueError, match=r"height is 64, .* width 64"):
        model(torch.zeros(1, 3, 10, 64))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("stacks", 0),
        ("depth", 0),
        ("modules", 0),
        ("width", 30),
        ("width", 0),
        ("shortcut", "none"),
        ("construction", "own"),
    ],
)
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError, match=rf"^{argument} must .* got {value}"):
        StackedHourglass(16, ResidualBlocks(), **{argument: value})


def identity(*_):
    return nn.Identity()


def test_every_place_sees_its_size():
    seen = {}

    class Probe(nn.Module):
        def __init__(self, level, role):
            super().__init__()
            self.place = (level, role)

        def forward(self, x):
            seen[self.place] = tuple(x.shape[-2:])
            return x

    out = Hourglass(4, Probe)(torch.zeros(1, 2, 64, 48))
    assert out.shape == (1, 2, 64, 48)
    expected = {(level, "skip"): (2**level * 4, 2**level * 3) for level in (4, 3, 2, 1)}
    expected |= {(level, role): (2**level * 2, 2**level * 3 // 2) for level in (4, 3, 2, 1) for role in ("down", "up")}
    expected[1, "inner"] = (4, 3)
    assert seen == expected


def test_sums_the_skip_and_the_upsampled_maximum():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    out = Hourglass(1, identity)(x)
    assert out[0, 0].tolist() == [[5, 6, 9, 10], [9, 10, 13, 14], [21, 22, 25, 26], [25, 26, 29, 30]]


def test_larger_windows_reach_one_pixel_further_and_halve_the_same():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    out = Hourglass(1, identity, window=3)(x) - x
    assert out[0, 0].tolist() == [[5, 5, 7, 7], [5, 5, 7, 7], [13, 13, 15, 15], [13, 13, 15, 15]]
    x = torch.zeros(1, 1, 4, 4)
    x[..., 1, 1] = 1
    assert (Hourglass(2, identity, window=3)(x) - x)[0, 0, 3, 3] > (Hourglass(1, identity)(x) - x)[0, 0, 3, 3]


def test_depth_zero_is_an_error():
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        Hourglass(0, identity)
