"""Multi-branch initialisation: its special cases, and what it does to responses and gradients where it is derived."""

import math

import pytest
import torch
import yaml
from torch import nn

from posepyr.initialisation.branches import Branches
from posepyr.initialisation.multibranch import MultiBranch
from posepyr.initialisation.schemes import MSR, Fan, Xavier, fan_of, fill, layers_of
from posepyr.nodes import build
from support.drawn import CHANNELS, drawn
from support.places import CONF

WIDTH, DEPTH, SEEDS, POSITIONS = 128, 8, 4, 64
SPREAD = math.sqrt(5 / WIDTH)
"""Relative standard deviation of what a layer multiplies the mean square by. It averages a width of rectified normal
numbers, or of gradients of which a ReLU lets half through: the variance of their squares is 5 times the squared mean.
The positions share the weights and are taken to be all alike."""


def linear(inputs: int = WIDTH, outputs: int = WIDTH) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


class Parallel(nn.Module):
    """Layers of ``branches`` parallel ones that all read one tensor, and whose outputs are summed.

    ``B width`` to a list of B width, the sums that the layers make: before the ReLU, or after one on each branch.
    """

    def __init__(self, branches: int, rectified: bool) -> None:
        super().__init__()
        self.rectified = rectified
        self.stack = nn.ModuleList(nn.ModuleList(linear() for _ in range(branches)) for _ in range(DEPTH))

    def forward(self, x):
        sums = []
        for layers in self.stack:
            outputs = [layer(x).relu() if self.rectified else layer(x) for layer in layers]
            sums.append(sum(outputs[1:], start=outputs[0]))
            x = sums[-1] if self.rectified else sums[-1].relu()
        return sums


def drift(scheme, branches: int, rectified: bool) -> tuple[float, float]:
    """By which factor a layer changes the mean squares of responses and gradients: their geometric mean.

    Of the layers from the second on, whose inputs are sums, and over several networks.
    """
    forward, backward = [], []
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        model = Parallel(branches, rectified)
        image = torch.randn(POSITIONS, WIDTH, generator=generator)
        if isinstance(scheme, MultiBranch):
            scheme(model, generator, inputs=[image])
        else:
            scheme(model, generator)
        sums = model(image)
        gradient = torch.randn(POSITIONS, WIDTH, generator=generator)
        gradients = torch.autograd.grad(sums[-1], sums, gradient)
        forward.append(sums[-1].square().mean() / sums[0].square().mean())
        backward.append(gradients[0].square().mean() / gradients[-1].square().mean())
    steps = SEEDS * (DEPTH - 1)
    return tuple(torch.stack(ratios).log().sum().div(steps).exp().item() for ratios in (forward, backward))


TOLERANCE = 5 * SPREAD / math.sqrt(SEEDS * (DEPTH - 1))
"""Five standard errors of the drift's logarithm, to which every layer of every network gives one spread."""


@pytest.mark.parametrize("branches", [2, 4, 8])
def test_sums_before_the_activation(branches):
    assert math.exp(2 * TOLERANCE) < 1.5
    grown, _ = drift(MSR(), branches, rectified=False)
    assert math.log(grown) == pytest.approx(math.log(branches), abs=TOLERANCE)
    kept, _ = drift(MultiBranch("forward"), branches, rectified=False)
    assert math.log(kept) == pytest.approx(0, abs=TOLERANCE)
    _, kept = drift(MultiBranch("backward"), branches, rectified=False)
    assert math.log(kept) == pytest.approx(0, abs=TOLERANCE)
    product = math.prod(drift(MultiBranch("both"), branches, rectified=False))
    assert math.log(product) == pytest.approx(0, abs=2 * TOLERANCE)


@pytest.mark.parametrize("branches", [2, 4, 8])
def test_sums_after_the_activation_drift_by_their_means(branches):
    """E[(sum of C rectified)^2] of unit normals is C / 2 + C (C - 1) / (2 pi); the count makes up for C / 2."""
    expected = 1 + (branches - 1) / math.pi
    grown, _ = drift(MultiBranch("forward"), branches, rectified=True)
    assert math.log(grown) == pytest.approx(math.log(expected), abs=TOLERANCE)
    faster, _ = drift(MSR(), branches, rectified=True)
    assert math.log(faster) == pytest.approx(math.log(branches * expected), abs=TOLERANCE)


CHAIN_WIDTH, CHAIN_DEPTH = 64, 4
STEPS = SEEDS * (CHAIN_DEPTH - 1)
CHAIN_TOLERANCE = 5 * math.sqrt(5 / CHAIN_WIDTH / STEPS)
"""Five standard errors of a chain's drift, as above."""

RESIZING = {
    "strided 3x3": (lambda: nn.Conv2d(CHAIN_WIDTH, CHAIN_WIDTH, 3, 2, 1), 9, 9 / 4),
    "strided 3x3 in groups": (lambda: nn.Conv2d(CHAIN_WIDTH, CHAIN_WIDTH, 3, 2, 1, groups=2), 9, 9 / 4),
    "transposed 4x4": (lambda: nn.ConvTranspose2d(CHAIN_WIDTH, CHAIN_WIDTH, 4, 2, 1), 4, 16),
    "transposed 3x3": (lambda: nn.ConvTranspose2d(CHAIN_WIDTH, CHAIN_WIDTH, 3, 2, 1, 1), 9 / 4, 9),
}
"""Layers that halve or double a map; how many positions reach an output, and how many an input reaches."""


def resized_drift(scheme, layer) -> tuple[float, float]:
    """By which factor a layer of a chain with ReLUs changes responses' and gradients' mean squares, off the borders."""
    forward, backward = [], []
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        chain = nn.ModuleList(layer() for _ in range(CHAIN_DEPTH))
        model = drawn(responses, [], chain=chain)
        shrinks = isinstance(chain[0], nn.Conv2d)
        image = torch.randn(1, CHAIN_WIDTH, *(2 * [128 if shrinks else 8]), generator=generator)
        if isinstance(scheme, MultiBranch):
            scheme(model, generator, inputs=[image])
        else:
            scheme(model, generator)
        sums = model(image)
        sent = torch.randn(sums[-1].shape, generator=generator)
        gradients = torch.autograd.grad(sums[-1], sums, sent)
        forward.append(power(sums[-1]) / power(sums[0]))
        backward.append(power(gradients[0]) / power(gradients[-1]))
    return tuple(torch.stack(ratios).log().sum().div(STEPS).exp().item() for ratios in (forward, backward))


def responses(model, x):
    sums = []
    for layer in model.chain:
        sums.append(layer(x))
        x = sums[-1].relu()
    return sums


def power(maps: torch.Tensor) -> torch.Tensor:
    """The mean square in the middle half of the rows and columns."""
    side = maps.shape[-1]
    return maps[..., side // 4 : -(side // 4), side // 4 : -(side // 4)].square().mean()


@pytest.mark.parametrize("name", RESIZING)
def test_maps_that_change_their_size_keep_the_variance(name):
    layer, arriving, leaving = RESIZING[name]
    assert math.exp(CHAIN_TOLERANCE) < 1.6  # wrong fans were off by 4
    forward, backward = resized_drift(MultiBranch("forward"), layer)
    assert math.log(forward) == pytest.approx(0, abs=CHAIN_TOLERANCE)
    assert resized_drift(MSR(), layer) == pytest.approx((forward, backward), rel=1e-4)
    _, backward = resized_drift(MultiBranch("backward"), layer)
    assert math.log(backward) == pytest.approx(0, abs=CHAIN_TOLERANCE)
    # Of the compromise, twice Glorot's variance, each drift is the share of its own condition.
    drifts = resized_drift(MultiBranch("both"), layer)
    shares = [2 * count / (arriving + leaving) for count in (arriving, leaving)]
    assert list(map(math.log, drifts)) == pytest.approx(list(map(math.log, shares)), abs=CHAIN_TOLERANCE)


@pytest.mark.parametrize("name", RESIZING)
def test_glorots_variance_is_half_the_compromise(name):
    model = nn.Sequential(RESIZING[name][0]())
    Xavier()(model, torch.Generator().manual_seed(0))
    (row,) = MultiBranch("both").table(model, [torch.zeros(1, CHAIN_WIDTH, 16, 16)])
    assert model[0].weight.square().mean().item() == pytest.approx(row.std**2 / 2, rel=0.05)


@pytest.mark.parametrize(
    ("arriving", "leaving", "width", "output"), [(3, 5, 512, 128), (8, 1, 256, 128), (1, 8, 128, 256)]
)
def test_the_compromise_where_the_conditions_differ(arriving, leaving, width, output):
    """Of one layer of ``leaving`` parallel ones that reads the rectified sum of ``arriving`` branches."""
    names = [f"b{number}" for number in range(arriving)], [f"l{number}" for number in range(leaving)]
    sizes = dict.fromkeys(names[0], (WIDTH, width)) | dict.fromkeys(names[1], (width, output))

    def draw(n, x):
        branches = [getattr(n, name)(x) for name in names[0]]
        total = sum(branches[1:], start=branches[0])
        return branches[0], total, [getattr(n, name)(total.relu()) for name in names[1]]

    model = drawn(draw, [], **{name: linear(*size) for name, size in sizes.items()})
    variance = {row.layer: row.std**2 for row in MultiBranch().table(model, [torch.zeros(1, WIDTH)])}
    forward, backward, networks = [], [], 30
    generator = torch.Generator().manual_seed(0)
    for _ in range(networks):
        fill(model, variance, generator)
        branch, total, outputs = model(torch.randn(POSITIONS, WIDTH, generator=generator))
        sent = [torch.randn(out.shape, generator=generator) for out in outputs]
        (gradient,) = torch.autograd.grad(outputs, total, sent)
        forward.append(torch.stack(outputs).square().mean() / branch.square().mean())
        backward.append(gradient.square().mean())
    a, b = arriving * width, leaving * output
    drifts = torch.stack(forward).log().mean().item(), torch.stack(backward).log().mean().item()
    # Five standard errors. Relative variances: 2 over the width for a branch, 5 for a rectified sum or a gradient that
    # a ReLU has let through, 2 over the outputs for the responses.
    tolerance = 5 * math.sqrt((2 / width + 5 / width + 2 / output) / networks)
    # By its own condition either factor would be 1; the compromise divides by the mean of a and b instead.
    assert drifts[0] == pytest.approx(math.log(2 * a / (a + b)), abs=tolerance)
    assert drifts[1] == pytest.approx(math.log(2 * b / (a + b)), abs=tolerance)
    assert sum(drifts) == pytest.approx(math.log(4 * a * b / (a + b) ** 2), abs=2 * tolerance)
    assert tolerance < min(abs(math.log(2 * a / (a + b))), abs(math.log(2 * b / (a + b))))


def test_formulas():
    branches, fan = Branches(3, 5), Fan(70, 110)
    assert MultiBranch("forward").variance(branches, fan) == pytest.approx(2 / (3 * 70))
    assert MultiBranch("backward").variance(branches, fan) == pytest.approx(2 / (5 * 110))
    # Equation 15 as printed, with alpha 1/2.
    assert MultiBranch().variance(branches, fan) == pytest.approx(1 / (0.5**2 * (3 * 70 + 5 * 110)))
    # He et al. 2015, equation 15, for leaky rectifiers, in the place of n_l C_i n_i.
    leaky = MultiBranch("forward", activation="leaky_relu")
    assert leaky.variance(branches, fan) == pytest.approx(2 / ((1 + 0.01**2) * 3 * 70))


@pytest.mark.parametrize("activation", ["linear", "tanh", "sigmoid"])
def test_plain_networks_degenerate(activation):
    plain, fan = Branches(1, 1), Fan(30, 50)
    assert MultiBranch("forward").variance(plain, fan) == pytest.approx(2 / 30)  # He
    assert MultiBranch(activation=activation).variance(plain, fan) == pytest.approx(2 / (30 + 50))  # Glorot


def test_a_row_for_each_layer():
    model = drawn(lambda n, x: n.h(n.a(x) + n.b(x)), "ab", h=nn.ConvTranspose2d(CHANNELS, 6, 3))
    a, b, h = MultiBranch("backward").table(model, [torch.zeros(2, CHANNELS, 8, 8)])
    assert [row.layer for row in (a, b, h)] == ["layers.a", "layers.b", "layers.h"]
    assert a == b._replace(layer="layers.a")
    assert (h.branches, h.fan) == (Branches(2, 1), Fan(36, 54))
    assert (a.std, h.std) == (pytest.approx(math.sqrt(2 / (2 * CHANNELS))), pytest.approx(math.sqrt(2 / 54)))


@pytest.mark.parametrize(("scope", "branches"), [("graph", 2), ("module", 1)])
def test_the_scope_is_the_tables(scope, branches):
    blocks = [drawn(lambda n, x: x + n.b(n.a(x)), "ab") for _ in range(2)]
    rows = MultiBranch(scope=scope).table(nn.Sequential(*blocks), [torch.zeros(2, CHANNELS, 8, 8)])
    assert [row.branches.inputs for row in rows] == [1, 1, branches, 1]


@pytest.mark.parametrize("name", ["hourglass_prm", "hrnet_w32"])
@pytest.mark.parametrize("mode", ["forward", "backward", "both"])
def test_weights_have_the_deviations_of_the_table(name, mode):
    small = {"hourglass_prm": {"width": 36, "depth": 2, "stacks": 1}, "hrnet_w32": {"width": 8, "modules": [1, 1, 1]}}
    node = yaml.safe_load((CONF / "model" / f"{name}.yaml").read_text())
    model = build({**node, **small[name]}, joints=16)
    scheme = build({**yaml.safe_load((CONF / "init" / "multibranch.yaml").read_text()), "mode": mode})
    scheme(model, torch.Generator().manual_seed(0))
    rows = scheme.table(model)
    layers = layers_of(model)
    assert [row.layer for row in rows] == list(layers)
    for row in rows:
        weight = layers[row.layer].weight
        assert row.fan == fan_of(layers[row.layer])
        # Five standard errors of a normal sample's mean square.
        assert weight.square().mean().item() == pytest.approx(row.std**2, rel=5 * math.sqrt(2 / weight.numel()))
    a = torch.tensor([float(row.branches.inputs * row.fan.inputs) for row in rows])
    b = torch.tensor([float(row.branches.outputs * row.fan.outputs) for row in rows])
    condition = {"forward": a, "backward": b, "both": (a + b) / 2}[mode]
    torch.testing.assert_close(torch.tensor([row.std for row in rows]).square() * condition / 2, torch.ones(len(rows)))


def test_the_generator_decides_and_the_global_one_rests():
    def weights(seed):
        model = drawn(lambda n, x: n.h(n.a(x) + n.b(x)), "abh")
        before = torch.get_rng_state()
        MultiBranch()(model, torch.Generator().manual_seed(seed), [torch.zeros(2, CHANNELS, 8, 8)])
        assert torch.equal(torch.get_rng_state(), before)
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_the_picture_can_be_chosen():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 8, 2))
    MultiBranch(image=(1, 8, 10))(model)
    with pytest.raises(ValueError, match=r"2 x 3 x 256 x 256 \(the argument image gives another\); convolution"):
        MultiBranch()(model)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "sideways"}, "mode must be one of forward, backward, both, got sideways"),
        ({"activation": "gelu"}, "activation must be one of relu, .*, got gelu"),
        ({"scope": "block"}, "scope must be one of graph, module, got block"),
        ({"image": [256, 256]}, r"image must be channels, height and width, got \[256, 256\]"),
        ({"image": [3, 0, 256]}, "image must be channels"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiBranch(**arguments)
