"""Branches on graphs that were counted by hand, in the networks that ship, and within one module."""

import operator
from functools import reduce

import pytest
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from posepyr.initialisation.branches import Branches, count_branches, example
from posepyr.initialisation.schemes import layers_of
from posepyr.layers.exchange import Exchange
from posepyr.layers.hourglass import Hourglass
from posepyr.layers.postactivation import BasicBlock
from posepyr.layers.pyramid import PyramidBlocks, PyramidResidual
from posepyr.layers.residual import PreactivationResidual
from posepyr.nodes import build
from support.drawn import CHANNELS, counts, drawn
from support.places import CONF

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
