"""PPNet: whole networks against their oracle, the published sizes and costs, the ablations' structure, the errors."""

from functools import partial

import pytest
import torch

from posepyr.models.ppnet import PPNet, PPNetClassifier
from support.compared import check
from support.counting import multiply_adds, multiply_adds_by_torch, on_meta, parameters
from support.naive_ppnet import Network
from support.randomised import shaken
from support.reduced import pixels

GI = 2**30


CASES = [
    ({}, Network(2, [4, 8, 16], [1, 2, 4])),
    ({"modules": 1, "blocks": 2, "width": 3}, Network(1, [3, 6, 12], [2, 4, 8])),
    ({"modules": 3, "reinject": "module_input"}, Network(3, [4, 8, 16], [1, 2, 4], from_inputs=True)),
    ({"block": "module", "branches": 2, "width": 2}, Network(2, [8, 16], [1, 2], (2,), bottlenecks=True)),
    (
        {"branches": 4, "depth_ratio": 1, "width_ratio": 1, "resolution_ratio": (2, 1, 2)},
        Network(2, [4, 4, 4, 4], [1, 1, 1, 1], (2, 1, 2)),
    ),
    (
        {"depth_ratio": (3, 1), "width_ratio": (1, 3), "resolution_ratio": (1, 4)},
        Network(2, [4, 4, 12], [1, 3, 3], (1, 4)),
    ),
]
"""Settings of a small PPNet, and what they make of it."""


@pytest.mark.parametrize(
    ("settings", "network", "training"), [*((*case, False) for case in CASES), (*CASES[0], True), (*CASES[3], True)]
)
def test_equals_its_oracle(settings, network, training):
    model = PPNet(3, **{"width": 4, "blocks": 1, **settings})
    check(shaken(model, seed=1).train(training), pixels(), partial(network.heatmaps, joints=3))


@pytest.mark.parametrize(("settings", "network", "training"), [(*CASES[2], False), (*CASES[3], True)])
def test_the_classifier_equals_its_oracle(settings, network, training):
    model = PPNetClassifier(3, **{"width": 4, "blocks": 1, **settings})
    check(shaken(model, seed=1).train(training), pixels(), partial(network.logits, classes=3))


def named(modules: int, blocks: int, width: int, joints: int = 17):
    return on_meta(PPNet, joints, modules=modules, blocks=blocks, width=width)


@pytest.mark.parametrize(
    ("size", "published", "cost"),
    [
        ((2, 2, 32), 7_026_690, 3.366),
        ((2, 3, 32), 9_723_138, 4.104),
        ((4, 2, 32), 12_770_340, 5.052),
        ((4, 3, 32), 18_163_236, 6.529),
        ((4, 2, 48), 27_104_500, 9.174),
        ((4, 3, 48), 39_230_452, 12.496),
        ((2, 2, 48), 14_230_386, 5.491),
        ((2, 3, 48), 20_293_362, 7.152),
    ],
)
def test_sizes_and_costs_are_the_published(size, published, cost):
    model = named(*size)
    assert parameters(model) == published
    assert multiply_adds(model, 256, 192) / GI == pytest.approx(cost, abs=5e-4)


def test_torch_counts_the_same():
    model = on_meta(PPNet, 17)
    assert multiply_adds_by_torch(model, 64, 96) == multiply_adds(model, 64, 96)


@pytest.mark.parametrize(
    ("size", "cost"),
    [
        ((2, 2, 32), 7.573),
        ((2, 3, 32), 9.234),
        ((4, 2, 32), 11.367),
        ((4, 3, 32), 14.690),
        ((4, 2, 48), 20.641),
        ((4, 3, 48), 28.116),
        ((2, 2, 48), 12.355),
        ((2, 3, 48), 16.092),
    ],
)
def test_costs_at_the_larger_input(size, cost):
    assert multiply_adds(named(*size), 384, 288) / GI == pytest.approx(cost, abs=5e-4)


@pytest.mark.parametrize(
    ("size", "published", "cost"), [((4, 2, 32), 12_770_112, 6.735), ((4, 3, 32), 18_163_008, 8.704)]
)
def test_sizes_and_costs_for_mpii(size, published, cost):
    model = named(*size, joints=16)
    assert parameters(model) == published
    assert multiply_adds(model, 256, 256) / GI == pytest.approx(cost, abs=5e-4)


@pytest.mark.parametrize(
    ("settings", "millions", "cost"),
    [
        ({"block": "module"}, 10.786, 5.367),
        ({"block": "module", "modules": 4}, 20.956, 8.611),
        ({"branches": 4}, 47.22, 5.648),
        ({"branches": 4, "modules": 4}, 92.01, 9.103),
        ({"modules": 1, "blocks": 8}, 12.24, 4.737),
        ({"blocks": 4}, 12.42, 4.842),
        ({"modules": 4, "blocks": 4}, 23.56, 8.005),
        ({"modules": 8}, 24.26, 8.425),
        ({"depth_ratio": (2, 3)}, 9.39, 3.788),
        ({"depth_ratio": (3, 2)}, 9.69, 3.999),
        ({"depth_ratio": 3}, 13.23, 4.631),
        ({"width_ratio": (2, 3)}, 13.14, 4.458),
        ({"width_ratio": (3, 2)}, 14.03, 5.057),
        ({"width_ratio": 3}, 27.65, 7.492),
    ],
)
def test_ablations_have_their_size(settings, millions, cost):
    model = on_meta(PPNet, 17, **settings)
    digits = len(str(millions).split(".")[1])
    assert parameters(model) / 1e6 == pytest.approx(millions, abs=0.6 * 10**-digits)
    assert multiply_adds(model, 256, 192) / GI == pytest.approx(cost, abs=5e-4)


@pytest.mark.parametrize(
    ("ratio", "sizes", "cost"),
    [
        ((2, 2), [(96, 72), (48, 36), (24, 18)], 7.573),
        ((2, 3), [(96, 72), (48, 36), (16, 12)], 5.888),
        ((3, 2), [(96, 72), (32, 24), (16, 12)], 5.209),
    ],
)
def test_resolution_ratios_are_those_of_table_viii(ratio, sizes, cost):
    model = on_meta(PPNet, 17, resolution_ratio=ratio)
    seen = []
    model.spread.register_forward_hook(lambda *call: seen.extend(tuple(x.shape[2:]) for x in call[-1]))
    assert parameters(model) == 7_026_690
    assert multiply_adds(model, 384, 288) / GI == pytest.approx(cost, abs=5e-4)
    assert seen == sizes


@pytest.mark.parametrize(
    "settings",
    [
        {"modules": 1}, {"branches": 4}, {"branches": 2}, {"block": "module"}, {"reinject": "module_input"},
        {"resolution_ratio": [2, 3], "depth_ratio": [1, 2], "width_ratio": [3, 1]},
    ],
)  # fmt: skip
def test_every_variant_trains_all_its_parameters(settings):
    model = on_meta(PPNet, 3, **{"width": 4, "blocks": 1, **settings})
    found = model(torch.zeros(2, 3, 96, 96, device="meta"))
    assert [tuple(x.shape) for x in found] == [(2, 3, 24, 24)] * settings.get("modules", 2)
    torch.stack([x.sum() for x in found]).sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_a_size_that_does_not_fit_names_the_nearest_that_do():
    with pytest.raises(ValueError, match=r"divisible by 16 .* 40 x 32; the nearest height is 32 or 48, .* width 32"):
        PPNet(3, width=4, blocks=1)(torch.zeros(1, 3, 40, 32))
    with pytest.raises(ValueError, match="divisible by 24 "):
        PPNet(3, width=4, blocks=1, resolution_ratio=[3, 2])(torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("modules", 0), ("blocks", 0), ("width", 0), ("branches", 1), ("block", "bottleneck"), ("reinject", "input"),
        ("depth_ratio", [2]), ("width_ratio", 0), ("resolution_ratio", [2, 2, 2]),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError) as caught:
        PPNet(16, **{argument: value})
    assert str(caught.value).startswith(f"{argument} must ")
    assert str(caught.value).endswith(f"got {value}")
