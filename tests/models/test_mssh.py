"""MSSH: its sizes, a whole network against plain tensor operations, and what is built of it."""

from functools import partial

import pytest
import torch
import yaml
from torch import nn

from posepyr.layers.inception import InceptionBlocks
from posepyr.layers.pyramid import PyramidBlocks
from posepyr.layers.residual import ResidualBlocks
from posepyr.models.mssh import MSSH, split
from posepyr.nodes import build
from support.compared import check
from support.naive_hourglass import BARE, everywhere, pyramids
from support.naive_mssh import Network
from support.naive_residuals import inception_residual, preactivation_residual
from support.places import CONF
from support.randomised import shaken


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: nn.Module, image: torch.Tensor) -> int:
    """Of all convolutions for one image: every weight is used once at each output pixel."""
    counted: list[int] = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda layer, _, out: counted.append(layer.weight.numel() * out[0, 0].numel()))
    with torch.no_grad():
        model.eval()(image)
    return sum(counted)


LATERAL = {"lateral": True}
CONCATENATION = {"fusion": "concatenation"}


@pytest.mark.parametrize(
    ("block", "options", "expected"),
    [
        (InceptionBlocks("A"), {}, 21_764_064),
        (InceptionBlocks("B"), {}, 21_764_064),
        (ResidualBlocks(bare=True), {}, 25_949_952),
        (InceptionBlocks("A"), LATERAL, 21_962_976),
        (InceptionBlocks("A"), CONCATENATION, 22_690_528),
        (InceptionBlocks("A"), {"depth": (3, 4, 5)}, 21_228_960),
        (InceptionBlocks("A"), {"stages": (2, 4, 2)}, 21_764_064),
        (InceptionBlocks("A"), {"stages": 3}, 8_575_504),
    ],
)
def test_parameters(block, options, expected):
    with torch.device("meta"):
        assert count(MSSH(16, block, **options)) == expected


@pytest.mark.parametrize(
    ("block", "options", "gmacs"),
    [
        (InceptionBlocks("A"), {}, 36.27),
        (InceptionBlocks("B"), {}, 26.81),
        (InceptionBlocks("A"), {"stages": 3}, 18.51),
        pytest.param(ResidualBlocks(bare=True), {}, 42.57, marks=pytest.mark.long),
        pytest.param(InceptionBlocks("A"), LATERAL, 37.68, marks=pytest.mark.long),
        pytest.param(InceptionBlocks("A"), CONCATENATION, 42.44, marks=pytest.mark.long),
        pytest.param(InceptionBlocks("A"), {"depth": (3, 4, 5)}, 36.28, marks=pytest.mark.long),
        pytest.param(InceptionBlocks("A"), {"stages": (2, 4, 2)}, 38.32, marks=pytest.mark.long),
        pytest.param(InceptionBlocks("A"), {"stages": (2, 3, 3)}, 46.51, marks=pytest.mark.long),
        pytest.param(InceptionBlocks("A"), {"stages": (3, 4, 1)}, 28.07, marks=pytest.mark.long),
    ],
)
def test_multiply_adds(block, options, gmacs):
    with torch.device("meta"):
        found = multiply_adds(MSSH(16, block, **options), torch.zeros(1, 3, 256, 256))
    assert found / 1e9 == pytest.approx(gmacs, abs=0.006)


def test_the_file_of_residuals_has_their_size():
    node = yaml.safe_load((CONF / "model" / "mssh_residual.yaml").read_text())
    with torch.device("meta"):
        assert count(build(node, joints=16)) == 25_949_952


def test_depth_by_scale_gives_one_innermost_size():
    with torch.device("meta"):
        model = MSSH(16, InceptionBlocks(), stages=3, depth=(3, 4, 5), width=8)
    assert model.divisor == 64
    sizes = set()
    for hourglass in model.hourglasses:
        while isinstance(hourglass.inner, type(hourglass)):
            hourglass = hourglass.inner
        hourglass.inner.register_forward_hook(lambda *call: sizes.add(tuple(call[-1].shape[2:])))
    model(torch.zeros(1, 3, 256, 192, device="meta"))
    assert sizes == {(4, 3)}


INCEPTION_A = everywhere(partial(inception_residual, variant="A"))
INCEPTION_B = everywhere(partial(inception_residual, variant="B"))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("block", "blocks", "width", "stages", "depths", "lateral", "fusion"),
    [
        (InceptionBlocks("A"), INCEPTION_A, 16, (1, 1, 1), (1, 2, 3), False, "sum"),
        (InceptionBlocks("B"), INCEPTION_B, 16, (2, 1, 1), (1, 1, 1), False, "concatenation"),
        (InceptionBlocks("A"), INCEPTION_A, 16, (1, 2, 1), (1, 1, 2), True, "sum"),
        (ResidualBlocks(bare=True), BARE, 16, (1, 0, 1), (1, 1, 2), False, "sum"),
        (ResidualBlocks(), everywhere(preactivation_residual), 16, (1, 0, 2), (1, 1, 1), True, "concatenation"),
        (InceptionBlocks("B"), INCEPTION_B, 16, (0, 1, 1), (1, 2, 1), True, "sum"),
        (PyramidBlocks(), pyramids("Bstar"), 20, (0, 1, 1), (1, 2, 3), False, "sum"),
    ],
)
def test_equals_its_oracle(block, blocks, width, stages, depths, lateral, fusion, training):
    model = shaken(MSSH(3, block, stages, depths, width, lateral, fusion), seed=3).train(training)
    image = torch.randint(0, 256, (2, 3, 32, 48), generator=torch.Generator().manual_seed(4), dtype=torch.uint8)
    strides = sum((count * (stride,) for stride, count in zip((8, 4, 2), stages, strict=True)), ())
    by_stride = dict(zip((8, 4, 2), depths, strict=True))
    network = Network(blocks, 3, width, strides, by_stride, lateral, fusion == "concatenation")
    assert model.strides == strides
    check(model, image, network.heatmaps)


@pytest.mark.parametrize(
    ("stages", "expected"),
    [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (4, (2, 1, 1)), (5, (2, 2, 1)), (8, (3, 3, 2)), (9, (3, 3, 3))],
)
def test_stages_are_split_evenly_the_small_scale_first(stages, expected):
    assert split(stages) == expected


@pytest.mark.parametrize("lateral", [False, True])
@pytest.mark.parametrize("stages", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 2, 1), (1, 0, 1)])
def test_nothing_is_built_that_no_heatmap_depends_on(stages, lateral):
    model = MSSH(2, InceptionBlocks(), stages, depth=1, width=8, lateral=lateral)
    torch.stack([heatmap.square().mean() for heatmap in model(torch.rand(2, 3, 16, 32) * 255)]).sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_any_block_rule_will_do():
    model = MSSH(2, PyramidBlocks(), stages=2, depth=1, width=20)
    assert [tuple(heatmap.shape) for heatmap in model(torch.zeros(2, 3, 16, 16))] == [(2, 2, 2, 2), (2, 2, 8, 8)]


def test_a_size_that_does_not_fit_names_the_nearest_that_do():
    with torch.device("meta"):
        model = MSSH(16, InceptionBlocks(), width=8)
        with pytest.raises(ValueError, match=r"divisible by 128 .* 256 x 192; .* height is 256, .* width 128 or 256"):
            model(torch.zeros(1, 3, 256, 192))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("stages", 0),
        ("stages", (1, 2)),
        ("stages", (-1, 2, 1)),
        ("depth", 0),
        ("depth", (1, 2)),
        ("width", 30),
        ("width", 0),
        ("fusion", "mean"),
    ],
)
def test_a_wrong_argument_is_named(argument, value):
    with pytest.raises(ValueError, match=rf"^{argument} must .* got"):
        MSSH(16, InceptionBlocks(), **{argument: value})


def test_one_wrong_depth_among_three_is_an_error_of_all():
    with pytest.raises(ValueError, match=r"^depth must .* got \[4, 0, 4\]"):
        MSSH(16, InceptionBlocks(), depth=(4, 0, 4))
