"""Multi-branch initialisation: its special cases, and what it does to responses and gradients where it is derived."""

import math
import operator
from functools import reduce

import pytest
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from posepyr.initialisation.multibranch import Branches, MultiBranch, count_branches, example
from posepyr.initialisation.schemes import MSR, Fan, Xavier, fan_of, fill, layers_of
from posepyr.layers.exchange import Exchange
from posepyr.layers.postactivation import BasicBlock
from posepyr.layers.pyramid import PyramidBlocks, PyramidResidual
from posepyr.layers.residual import PreactivationResidual
from posepyr.models.hourglass import Hourglass
from posepyr.nodes import build
from support.drawn import CHANNELS, counts, drawn
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


FILES = sorted([*(CONF / "model").glob("*.yaml"), *(CONF / "classifier").glob("*.yaml")])


def test_plain_chain():
    def draw(n, x):
        x = F.relu(F.batch_norm(n.a(x), None, None, training=True))
        return n.c(F.interpolate(F.relu(n.b(F.max_pool2d(x, 2)), inplace=True), scale_factor=2))

    assert counts(drawn(draw, "abc")) == {"a": (1, 1), "b": (1, 1), "c": (1, 1)}


def test_residual_chain():
    def draw(n, x):
        x = n.s(x)
        x = x + n.b(F.relu(n.a(F.relu(x))))
        x = x + n.d(F.relu(n.c(F.relu(x))))
        return n.h(F.relu(x))

    # Identities are no readers: s is read by a, its sum with b by c.
    expected = {"s": (1, 1), "a": (1, 1), "b": (1, 1), "c": (2, 1), "d": (1, 1), "h": (2, 1)}
    assert counts(drawn(draw, "sabcdh")) == expected


def test_shortcuts_with_a_convolution_are_readers():
    def draw(n, x):
        x = n.s(x)
        return n.h(n.b(n.a(x)) + n.c(x))

    assert counts(drawn(draw, "sabch")) == {"s": (1, 1), "a": (1, 2), "b": (1, 1), "c": (1, 2), "h": (2, 1)}


@pytest.mark.parametrize("levels", [2, 3, 5])
@pytest.mark.parametrize("variant", ["A", "B", "Bstar", "C", "D"])
@pytest.mark.parametrize("scope", ["graph", "module"])
def test_pyramid_residual(variant, levels, scope):
    module = PyramidResidual(16, 16, PyramidBlocks(variant, levels=levels, width=4))
    found = count_branches(module, [torch.zeros(2, 16, 16, 16)], scope)
    # The module's input is read by the original scale and by the pyramid, in A once for each level.
    first = Branches(1, 1 + levels if variant == "A" else 2)
    filters = 1 if variant == "Bstar" else levels
    reductions = {f"reductions.{level}.0" for level in range(levels)} if variant == "A" else {"reduce.1.0"}
    expected = {
        "original.1": first,
        "original.3": Branches(1, 1),
        **dict.fromkeys(reductions, first),
        **{f"filters.{level}": Branches(1, 1 if variant == "A" else levels) for level in range(filters)},
        "expand.1": Branches(1 if variant == "C" else levels, 1),
        "last.1": Branches(2, 1),
    }
    assert {name.replace("reduce.1", "reduce.1.0"): branches for name, branches in found.items()} == expected


def test_concatenation_changes_no_count():
    def draw(n, x):
        x = n.s(x)
        return n.h(torch.cat([n.a(x), n.b(F.avg_pool2d(x, 3, stride=1, padding=1)), n.c(x)], dim=1))

    model = drawn(draw, "sabc", h=nn.Conv2d(3 * CHANNELS, CHANNELS, 1))
    assert counts(model) == {"s": (1, 1), "a": (1, 3), "b": (1, 3), "c": (1, 3), "h": (1, 1)}


def test_of_unequal_parts_the_largest_counts():
    def draw(n, x):
        c = n.c(x)
        return n.h(torch.cat([n.a(x) + n.b(x), c], dim=1)), n.d(c)

    model = drawn(draw, "abcd", h=nn.Conv2d(2 * CHANNELS, CHANNELS, 1))
    # c is read by d, and by h within the whole.
    assert counts(model) == {"a": (1, 3), "b": (1, 3), "c": (1, 3), "d": (1, 2), "h": (2, 2)}


def test_channels_that_are_split_are_read_part_by_part():
    def draw(n, x):
        a, b = n.s(x).chunk(2, dim=1)
        return n.a(a.permute(0, 1, 3, 2)), n.b(F.relu(b)), n.c(b), n.d(b)

    half = {name: nn.Conv2d(CHANNELS // 2, CHANNELS, 1) for name in "abcd"}
    expected = {"s": (1, 1), "a": (1, 1), "b": (1, 3), "c": (1, 3), "d": (1, 3)}
    assert counts(drawn(draw, "s", **half)) == expected

    def whole(n, x):
        s = F.relu(n.s(x))
        a, b = s[:, :2], s[:, 2:]
        return n.a(a), n.b(s), n.c(s[:, :2].permute(0, 1, 3, 2)), n.d(a + b)

    # The first half is read three times: by a, by c and, with the other half, by b. Two halves are two branches.
    model = drawn(whole, "s", **half | {"b": nn.Conv2d(CHANNELS, CHANNELS, 1)})
    assert counts(model) == {"s": (1, 1), "a": (1, 3), "b": (1, 3), "c": (1, 3), "d": (2, 1)}


def test_a_joined_term_has_the_most_branches_of_its_parts():
    def draw(n, x):
        return n.h(torch.cat([n.a(x) + n.b(x), n.c(x)], dim=1) + n.d(x))

    wide = {name: nn.Conv2d(CHANNELS, 2 * CHANNELS, 1) for name in "d"} | {"h": nn.Conv2d(2 * CHANNELS, CHANNELS, 1)}
    assert counts(drawn(draw, "abc", **wide))["h"] == (3, 1)


def test_hourglass_merge():
    def conv(*_):
        return nn.Conv2d(CHANNELS, CHANNELS, 1)

    model = nn.Sequential(conv(), Hourglass(2, conv), conv())
    # Outer and inner skip and down read one map each; up and the last convolution read sums of two.
    assert counts(model) == {
        "0": (1, 1),
        "1.skip": (1, 2),
        "1.down": (1, 2),
        "1.inner.skip": (1, 2),
        "1.inner.down": (1, 2),
        "1.inner.inner": (1, 1),
        "1.inner.up": (1, 1),
        "1.up": (2, 1),
        "2": (2, 1),
    }


def test_hourglass_merge_of_residuals_sums_all_of_their_terms():
    def block(*_):
        return PreactivationResidual(CHANNELS, CHANNELS)

    found = counts(nn.Sequential(block(), Hourglass(1, block), nn.Conv2d(CHANNELS, CHANNELS, 1)))
    assert found["1.skip.main.1"] == found["1.down.main.1"] == (2, 2)
    # Two residuals' main paths, and the identities beside them.
    assert found["2"] == (4, 1)


def test_exchange():
    block = BasicBlock
    widths = (CHANNELS, 2 * CHANNELS, 4 * CHANNELS)

    class Parallel(nn.Module):
        def __init__(self):
            super().__init__()
            self.spread = nn.ModuleList(nn.Conv2d(CHANNELS, width, 1) for width in widths)
            self.blocks = nn.ModuleList(map(block, widths))
            self.exchange = Exchange(widths, [2, 2])
            self.next = nn.ModuleList(map(block, widths))
            self.last = Exchange(widths, [2, 2], outputs=(0,))
            self.head = nn.Conv2d(CHANNELS, 1, 1)

        def forward(self, x):
            maps = [self.spread[number](F.max_pool2d(x, 2**number)) for number in range(3)]
            maps = self.exchange([module(x) for module, x in zip(self.blocks, maps, strict=True)])
            return self.head(self.last([module(x) for module, x in zip(self.next, maps, strict=True)])[0])

    found = counts(Parallel())
    for number in range(3):
        assert found[f"blocks.{number}.main.0.0"] == (1, 1)
        assert found[f"next.{number}.main.0.0"] == (3, 1)
    paths = {name: found[name] for name in found if name.startswith("exchange")}
    later = {"exchange.targets.2.paths.0.1.0"}  # the second of two strided convolutions
    assert later < set(paths)
    # A block's sum of two goes to the two other branches.
    assert paths == {name: (1, 1) if name in later else (2, 2) for name in paths}
    assert len(paths) == 7
    # The ReLU behind the first branch's block makes one branch of it.
    assert found["head"] == (3, 1)


WAYS = {
    "left": lambda a, b, c: (a + b) + c,
    "right": lambda a, b, c: a + (b + c),
    "difference": lambda a, b, c: a - (b - 2 * c),
    "built in": lambda a, b, c: sum([a, b, c]),
    "reduced": lambda a, b, c: reduce(operator.add, [a, b, c]),
    "in place": lambda a, b, c: a.add_(b).add_(c),
    "stacked": lambda a, b, c: torch.stack([a, b, c]).sum(0),
    "averaged": lambda a, b, c: torch.stack([a, b, c], dim=-1).mean(dim=-1),
    "through resampling": lambda a, b, c: F.interpolate(F.max_pool2d(a + b, 2), scale_factor=2) + c.flip(3),
    "scaled and copied": lambda a, b, c: -(0.5 * (a + b) + 1).clone() + c,
    "into a buffer": lambda a, b, c: torch.add(a, b, out=torch.empty_like(a)) + c,
    "through a view": lambda a, b, c: (a + b).permute(0, 2, 3, 1).permute(0, 3, 1, 2).contiguous() + c,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_sum_of_three_is_three_however_it_is_written(way):
    model = drawn(lambda n, x: n.h(WAYS[way](n.a(x), n.b(x), n.c(x))), "abch")
    assert counts(model) == {"a": (1, 3), "b": (1, 3), "c": (1, 3), "h": (3, 1)}


def test_a_sum_that_something_else_reads_is_one_term():
    def by_a_layer(n, x):
        s = n.a(x) + n.b(x)
        return n.h(s + n.c(x)), n.d(s)

    expected = {"a": (1, 3), "b": (1, 3), "c": (1, 3), "d": (2, 1), "h": (2, 1)}
    assert counts(drawn(by_a_layer, "abcdh")) == expected

    def by_the_caller(n, x):
        s = n.a(x) + n.b(x)
        return n.h(s + n.c(x)), s

    assert counts(drawn(by_the_caller, "abch"))["h"] == (2, 1)


@pytest.mark.parametrize("closing", [F.relu, F.gelu, F.hardswish, F.softmax, lambda x: F.group_norm(x, 2), nn.PReLU()])
@pytest.mark.filterwarnings("ignore:Implicit dimension choice for softmax")
def test_norms_and_activations_close_a_sum_and_show_it_to_layers(closing):
    model = drawn(lambda n, x: (n.h(closing(n.a(x) + n.b(x)) + n.c(x)), n.d(closing(n.a(x) + n.b(x)))), "abcdh")
    assert counts(model)["h"] == (2, 1)
    assert counts(model)["d"] == (2, 1)


def test_a_tensor_with_itself_is_no_sum():
    def draw(n, x):
        a = n.a(x)
        centred = a - a.mean(dim=1, keepdim=True)
        norm = centred / (centred.square().mean(dim=1, keepdim=True) + 1e-6).sqrt()
        return n.h(norm * torch.sigmoid(norm)), n.d(a + a)

    assert counts(drawn(draw, "adh")) == {"a": (1, 1), "d": (1, 2), "h": (1, 2)}


def test_counts_of_factors_multiply():
    def gated(n, x):
        s = n.a(x) + n.b(x)
        return n.h(s * torch.sigmoid(n.g(s.mean(dim=(2, 3), keepdim=True))))

    assert counts(drawn(gated, "abgh")) == {"a": (1, 2), "b": (1, 2), "g": (2, 1), "h": (2, 1)}

    def attention(n, x):
        q, k, v = ((n.a(x) + n.b(x)).flatten(2), n.c(x).flatten(2), (n.d(x) + n.e(x)).flatten(2))
        return n.h((torch.softmax(q.mT @ k, dim=-1) @ v.mT).mT.view(x.shape))

    assert counts(drawn(attention, "abcdeh"))["h"] == (4, 1)


def test_what_only_chooses_or_lends_its_shape_is_no_factor_and_no_term():
    def draw(n, x):
        lent = torch.ones_like(n.e(x)) + x.new_zeros(x.shape)
        return n.h((n.a(x) + n.b(x) + lent) * (n.c(x) + n.d(x) > 0))

    assert counts(drawn(draw, "abcdeh"))["h"] == (2, 1)


def test_of_several_uses_the_largest_counts_hold():
    def draw(n, x):
        a = n.a(x)
        return n.w(a), n.w(a + n.b(a)), n.c(a)

    # w reads a beside b and c, and then a sum of two by itself.
    assert counts(drawn(draw, "abcw")) == {"a": (1, 1), "b": (1, 3), "c": (1, 3), "w": (2, 3)}


def test_a_layer_that_is_never_used_has_one_branch():
    assert counts(drawn(lambda n, x: n.b(n.a(x) + x), "abc"))["c"] == (1, 1)


def test_one_module_alone():
    def block(n, x):
        return x + n.b(F.relu(n.a(x)))

    def two(n, x):
        y = n.second(n.first(n.s(x)))
        return n.h(y + n.g(y))

    blocks = {"first": drawn(block, "ab"), "second": drawn(block, "ab")}
    model = drawn(two, "sgh", **blocks)
    inner = "second.layers.a"
    assert counts(model)[inner] == (2, 1)
    assert counts(model)["g"] == (2, 1)
    # Sums that another module made are not seen, its own are.
    assert counts(model, scope="module")[inner] == (1, 1)
    assert counts(model, scope="module")["g"] == (1, 1)
    assert counts(model, scope="module")["h"] == (2, 1)


def test_one_call_of_a_module_alone():
    def draw(n, x):
        return n.p(n.p(x))

    model = drawn(draw, "", p=drawn(lambda n, x: x + n.b(n.a(x)) + n.c(x), "abc"))
    assert counts(model)["p.layers.a"] == (3, 2)
    assert counts(model, scope="module")["p.layers.a"] == (1, 2)


REPEATED = {"posepyr.models.mssh.MSSH": {"stages": 3}}
"""By network: fewer repetitions of what there are very many of."""


def test_a_module_that_failed_and_was_caught_is_over():
    def draw(n, x):
        s = n.a(x) + n.b(x)
        try:
            n.f(x)
        except RuntimeError:
            return n.h(s)

    model = drawn(draw, "abh", f=drawn(lambda _, x: x.view(3, 3), ""))
    assert counts(model, scope="module")["h"] == (2, 1)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_network_that_ships_is_counted(path):
    node = yaml.safe_load(path.read_text())
    node |= REPEATED.get(node["_target_"], {}) | ({"joints": 16} if path.parent.name == "model" else {})
    with torch.device("meta"):
        model = build(node)
    found = count_branches(model)
    assert list(found) == list(layers_of(model))
    assert min(min(branches) for branches in found.values()) == 1
    assert max(branches.inputs for branches in found.values()) > 1
    narrow = count_branches(model, scope="module")
    assert all(narrow[name].inputs <= found[name].inputs for name in found)
    assert all(narrow[name].outputs <= found[name].outputs for name in found)


def test_a_stacked_hourglass():
    node = yaml.safe_load((CONF / "model" / "hourglass_prm.yaml").read_text())
    model = build({**node, "stacks": 8, "width": 20, "block": {**node["block"], "width": 2}}, joints=16)
    found = count_branches(model)
    for stack in range(8):
        # The stem's residual is a sum of two; later stacks read a sum of three. Readers: original scale and pyramid
        # of the PRM beside and of the one below.
        assert found[f"hourglasses.{stack}.skip.0.original.1"] == (2 if stack == 0 else 3, 4)
        assert found[f"hourglasses.{stack}.skip.0.expand.1"] == (4, 1)
        # The merge of two residuals: behind the hourglass, and within it, where a shortcut has a convolution.
        assert found[f"features.{stack}.1"] == (4, 1)
        assert found[f"hourglasses.{stack}.up.0.shortcut.1"] == (4, 3)
        # Features go to the head and, but for the last stack, on into the sum.
        assert found[f"heads.{stack}"] == (1, 1 if stack == 7 else 2)


def test_the_picture_fits_the_model():
    assert [tuple(x.shape) for x in example(nn.Conv2d(3, 4, 1))] == [(2, 3, 256, 256)]
    model = nn.Conv2d(1, 4, 1, dtype=torch.float64)
    model.divisor = 96
    assert [tuple(x.shape) for x in example(model)] == [(2, 3, 288, 288)]
    (given,) = example(model, (1, 20, 30))
    assert (tuple(given.shape), given.dtype) == ((2, 1, 20, 30), torch.float64)
