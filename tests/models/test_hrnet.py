"""HRNet: whole networks against their oracle, the published sizes and costs, the ablations' structure, the errors."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from posepyr.layers.exchange import Exchange
from posepyr.models.hrnet import HRNet, HRNetBody, HRNetClassifier
from support.compared import check
from support.counting import multiply_adds, multiply_adds_by_torch, on_meta, parameters
from support.naive_hrnet import Network
from support.randomised import shaken
from support.reduced import pixels

GI = 2**30

ALL, STAGE_ENDS, LAST = {(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)}, {(0, 0), (1, 1), (2, 1)}, {(2, 1)}
"""The modules that exchange, by stage and number, where the stages have one, two and two."""

GRADUAL = Network(width=4, branches=(2, 3, 4), modules=(1, 2, 2), blocks=1, exchanges=ALL)


CASES = [
    ({}, {}),
    ({"blocks": None, "modules": (1, 1, 1)}, {"blocks": 4, "modules": (1, 1, 1)}),
    ({"exchange": "stage_ends"}, {"exchanges": STAGE_ENDS}),
    ({"exchange": "last", "heatmaps": (1, 8)}, {"exchanges": LAST, "outputs": (3, 0)}),
    ({"heatmaps": (2, 4, 1, 8)}, {"outputs": (3, 2, 1, 0)}),
    ({"resolutions": "from_start", "blocks": None}, {"branches": (4, 4, 4), "blocks": 2}),
    ({"resolutions": "from_start", "exchange": "last"}, {"branches": (4, 4, 4), "exchanges": LAST}),
    ({"resolutions": "single", "width": 5}, {"branches": (1, 1, 1), "exchanges": set(), "width": 5}),
]
"""Settings of a small HRNet, and how they change the gradual one."""


@pytest.mark.parametrize(
    ("settings", "differences", "training"), [*((*case, False) for case in CASES), (*CASES[0], True), (*CASES[4], True)]
)
def test_equals_its_oracle(settings, differences, training):
    network = replace(GRADUAL, **differences)
    model = HRNet(3, **{"width": 4, "modules": (1, 2, 2), "blocks": 1, **settings})
    check(shaken(model, seed=1).train(training), pixels(), partial(network.heatmaps, joints=3))


def test_the_classifier_equals_its_oracle():
    network = replace(GRADUAL, modules=(1, 1, 1), outputs=(0, 1, 2, 3))
    model = HRNetClassifier(3, width=4, modules=(1, 1, 1), blocks=1)
    check(shaken(model, seed=1), pixels(), partial(network.logits, classes=3))


@pytest.mark.parametrize(
    ("settings", "joints", "size", "published", "cost"),
    [
        ({}, 17, (256, 192), 28_536_113, 7.120),
        ({}, 17, (384, 288), 28_536_113, 16.020),
        ({}, 16, (256, 256), 28_536_080, 9.493),
        ({}, 17, (128, 96), 28_536_113, 1.780),
        ({"width": 48}, 17, (256, 192), 63_595_745, 14.614),
        ({"width": 48}, 17, (384, 288), 63_595_745, 32.882),
        ({"width": 48}, 16, (256, 256), 63_595_696, 19.485),
    ],
)
def test_sizes_and_costs_are_the_published(settings, joints, size, published, cost):
    model = on_meta(HRNet, joints, **settings)
    assert parameters(model) == published
    assert multiply_adds(model, *size) / GI == pytest.approx(cost, abs=5e-4)


def test_torch_counts_the_same():
    model = on_meta(HRNet, 17)
    assert multiply_adds_by_torch(model, 64, 96) == multiply_adds(model, 64, 96)


@pytest.mark.parametrize(
    ("part", "small", "large"),
    [
        ("body.stem", 325_056, 325_056),
        ("body.spread", 221_376, 332_064),
        ("body.stages.0", 390_848, 878_112),
        ("body.extensions.1", 73_984, 166_272),
        ("body.stages.1", 6_821_632, 15_335_040),
        ("body.extensions.2", 295_424, 664_320),
        ("body.stages.2", 20_407_232, 45_894_048),
        ("heads", 561, 833),
    ],
)
def test_each_part_has_its_size(part, small, large):
    networks = on_meta(HRNet, 17), on_meta(HRNet, 17, width=48)
    assert [parameters(network.get_submodule(part)) for network in networks] == [small, large]


@pytest.mark.parametrize(
    ("settings", "units", "millions", "cost"),
    [
        ({"exchange": "last"}, 1, 26.332, 6.765),
        ({"exchange": "stage_ends"}, 3, 26.506, 6.823),
        ({"exchange": "all"}, 8, 28.536, 7.120),
        ({"resolutions": "from_start"}, 8, 33.81, 6.243),
        ({"resolutions": "from_start", "blocks": 4}, 8, 58.91, 9.618),
        ({"resolutions": "from_start", "blocks": 4, "modules": (1, 2, 1)}, 4, 30.67, 5.909),
        ({"resolutions": "from_start", "blocks": 3, "modules": (1, 2, 2)}, 5, 29.89, 5.781),
        ({"resolutions": "from_start", "blocks": 4, "width": 22}, 8, 29.20, 5.625),
        ({"heatmaps": (1, 2, 4, 8)}, 8, 29.31, 7.202),
        ({"heatmaps": (1, 2, 4, 8), "width": 48}, 8, 65.34, 14.799),
    ],
)
def test_ablations_have_their_size(settings, units, millions, cost):
    model = on_meta(HRNet, 17, **settings)
    assert sum(isinstance(module, Exchange) for module in model.modules()) == units
    digits = len(str(millions).split(".")[1])
    assert parameters(model) / 1e6 == pytest.approx(millions, abs=0.6 * 10**-digits)
    assert multiply_adds(model, 256, 192) / GI == pytest.approx(cost, abs=5e-4)


def test_a_single_branch_has_no_other_resolution():
    model = on_meta(HRNet, 17, resolutions="single")
    assert not any(isinstance(module, Exchange) for module in model.modules())
    # The stem, its way to 32 channels, eight modules of four residuals, and the heads.
    assert parameters(model) == 325_056 + (9 * 256 * 32 + 64) + 32 * (2 * 9 * 32 * 32 + 128) + 561


@pytest.mark.parametrize("heatmaps", [(1,), (2,), (1, 2, 4), (4, 1), (8, 4, 2, 1)])
def test_heatmaps_come_from_the_scales_asked_for_the_finest_last(heatmaps):
    model = on_meta(HRNet, 5, width=8, modules=(1, 1, 1), blocks=1, heatmaps=heatmaps)
    found = model(torch.zeros(2, 3, 64, 96, device="meta"))
    assert model.strides == tuple(4 * scale for scale in sorted(heatmaps, reverse=True))
    assert [tuple(x.shape) for x in found] == [(2, 5, 64 // stride, 96 // stride) for stride in model.strides]
    torch.stack([x.sum() for x in found]).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_strides_are_those_of_the_scales():
    assert on_meta(HRNet, 1, width=1, modules=(1, 1, 1), blocks=1, heatmaps=(1, 8)).strides == (32, 4)


@pytest.mark.parametrize("exchange", ["last", "stage_ends"])
@pytest.mark.parametrize("resolutions", ["gradual", "from_start", "single"])
def test_every_variant_trains_all_its_parameters(exchange, resolutions):
    model = HRNet(3, width=4, exchange=exchange, resolutions=resolutions, modules=(1, 2, 2), blocks=1)
    model(torch.zeros(2, 3, 32, 64))[0].sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_the_body_gives_a_classifier_all_its_maps():
    body = HRNetBody(width=8, modules=(1, 1, 1), blocks=1, outputs=range(4))
    found = body(torch.zeros(2, 3, 64, 64))
    assert [tuple(x.shape) for x in found] == [(2, 8, 16, 16), (2, 16, 8, 8), (2, 32, 4, 4), (2, 64, 2, 2)]
    pose = HRNet(3, width=8, modules=(1, 1, 1), blocks=1)
    assert pose.body.state_dict().keys() <= body.state_dict().keys()


def test_a_size_that_does_not_fit_names_the_nearest_that_do():
    with pytest.raises(ValueError, match=r"divisible by 32 .* 250 x 192; the nearest height is 224 or 256, .* 192"):
        HRNet(3, width=4, modules=(1, 1, 1), blocks=1)(torch.zeros(1, 3, 250, 192))
    single = HRNet(3, width=4, resolutions="single", modules=(1, 1, 1), blocks=1).eval()
    assert single(torch.zeros(1, 3, 36, 20))[0].shape == (1, 3, 9, 5)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("exchange", "none"), ("resolutions", "two"), ("width", 0), ("blocks", 0), ("modules", [1, 2]),
        ("modules", [1, 0, 1]), ("heatmaps", []), ("heatmaps", [3]), ("heatmaps", [1, 1]),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError) as caught:
        HRNet(16, **{argument: value})
    assert str(caught.value).startswith(f"{argument} must ")
    assert str(caught.value).endswith(f"got {value}")
