"""Tracing: what users write in their own networks, what stops it, and that nothing is left behind."""

import contextlib
import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from posepyr.initialisation.graph import Kind
from posepyr.initialisation.multibranch import count_branches
from posepyr.initialisation.trace import trace
from posepyr.layers.resize import resize_by_products
from posepyr.nodes import build
from support.drawn import CHANNELS, counts, drawn


def by_slices(n, x):
    joined = torch.empty(len(x), 2 * CHANNELS, *x.shape[2:], device=x.device)
    joined[:, :CHANNELS] = n.a(x) + n.b(x)
    joined[:, CHANNELS:] = n.c(x)
    return n.w(joined)


def on_the_cpu(n, x):
    joined = torch.zeros(len(x), 2 * CHANNELS, *x.shape[2:])
    joined[:, :CHANNELS] = n.a(x) + n.b(x)
    joined[:, CHANNELS:].copy_(n.c(x))
    return n.w(joined)


def written_before(n, x):
    joined = torch.cat([n.a(x) + n.b(x), n.c(x)], dim=1)
    joined.mul_(0.5).clamp_(min=0)
    joined[:, 0] = 0
    return n.w(joined)


@pytest.mark.parametrize("draw", [by_slices, on_the_cpu, written_before])
def test_writing_into_parts_joins_them(draw):
    model = drawn(draw, "abc", w=nn.Conv2d(2 * CHANNELS, CHANNELS, 1))
    assert counts(model) == {"a": (1, 3), "b": (1, 3), "c": (1, 3), "w": (2, 1)}


def test_what_is_overwritten_is_gone():
    def draw(n, x):
        s = n.a(x) + n.b(x)
        s.copy_(n.c(x))
        return n.h(s)

    assert counts(drawn(draw, "abch"))["h"] == (1, 1)


def test_what_was_a_part_before_the_whole_was_written_is_another():
    def draw(n, x):
        s = n.a(x)
        before = n.b(s[:, :2])
        s += n.c(x)
        return before, n.d(s[:, :2])

    half = {name: nn.Conv2d(CHANNELS // 2, CHANNELS, 1) for name in "bd"}
    assert counts(drawn(draw, "ac", **half)) == {"a": (1, 2), "c": (1, 2), "b": (1, 1), "d": (2, 1)}


READINGS = {
    "functional": lambda n, s: F.conv2d(s, n.h.weight, n.h.bias),
    "linear": lambda n, s: F.linear(s.permute(0, 2, 3, 1), n.h.weight.flatten(1), n.h.bias),
    "einsum": lambda n, s: torch.einsum("bchw,oc->bohw", s, n.h.weight[:, :, 0, 0]),
    "product": lambda n, s: n.h.weight.view(CHANNELS, CHANNELS) @ s.flatten(2),
    "standardised weights": lambda n, s: F.conv2d(s, (n.h.weight - n.h.weight.mean()) / n.h.weight.std()),
    "after a product with constants": lambda n, s: n.h(resize_by_products(s, (5, 9))),
    "after a blur": lambda n, s: n.h(F.conv2d(s, torch.ones(CHANNELS, 1, 3, 3), groups=CHANNELS)),
    "after a blur and a bias": lambda n, s: n.h(F.conv2d(s, torch.ones(4, 1, 3, 3), n.g.bias, groups=4)),
    "after a mask": lambda n, s: n.h(s * (s > 0)),
    "after a choice": lambda n, s: n.h(torch.where(s > 1, 0.1 * s, s)),
    "after dropout": lambda n, s: n.h(F.dropout2d(F.dropout(s))),
    "after pooling": lambda n, s: n.h(F.adaptive_max_pool2d(F.fractional_max_pool2d(s, 2, output_size=6), 3)),
    "after a warp": lambda n, s: n.h(F.grid_sample(s, n.g(s).permute(0, 2, 3, 1)[..., :2], align_corners=False)),
    "after shuffling": lambda n, s: n.h(F.pixel_shuffle(F.pixel_unshuffle(s, 2), 2).roll(1, dims=2)),
    "after a window": lambda n, s: n.h(s.index_select(1, torch.tensor([3, 1, 0, 2]))[torch.tensor([1])]),
    "recomputed": lambda n, s: n.h(checkpoint(F.relu, s, use_reentrant=False)),
    "a way that Python chooses": lambda n, s: n.h(s) if s.shape[2] > 1 and float(torch.ones(2).sum()) == 2 else n.g(s),
    "a caught mistake": lambda n, s: n.h(mended(n, s)),
}


def mended(n, s):
    try:
        return n.g(s.flatten())
    except RuntimeError:
        return s


@pytest.mark.parametrize("way", READINGS)
def test_a_layer_reads_a_sum_however_that_is_written(way):
    model = drawn(lambda n, x: READINGS[way](n, n.a(x) + n.b(x)), "abgh")
    assert counts(model)["h"][0] == 2


def test_weights_that_are_no_layers_read_and_begin_anew():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.last = (nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(3))
            self.weight = nn.Parameter(torch.ones(CHANNELS, CHANNELS, 1, 1))
            self.scale = nn.Parameter(torch.ones(CHANNELS, 1, 1))

        def forward(self, x):
            s = self.first(x) + self.second(x)
            return self.last(F.conv2d(s, self.weight) * self.scale)

    assert counts(Own()) == {"first": (1, 2), "second": (1, 2), "last": (1, 1)}


def test_tied_and_parametrised_weights_are_followed():
    tied = drawn(lambda n, x: n.h(n.a(x) + n.b(x)), "abh")
    tied.layers["a"].weight = tied.layers["h"].weight
    assert counts(tied) == {"a": (2, 2), "b": (1, 2), "h": (2, 2)}
    model = drawn(lambda n, x: n.h(n.a(x) + n.b(x)), "abh")
    nn.utils.parametrizations.weight_norm(model.layers["h"])
    assert counts(model)["h"] == (2, 1)


def test_layers_on_constants_have_one_branch():
    def draw(n, x):
        grid = torch.stack([torch.arange(8.0)] * CHANNELS)[None, :, None]
        return n.h(n.a(grid) + n.b(grid) + n.c(x))

    assert counts(drawn(draw, "abch")) == {"a": (1, 2), "b": (1, 2), "c": (1, 1), "h": (3, 1)}


def test_networks_of_tokens():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(nn.Embedding(10, 8), layer, nn.Linear(8, 4))
    # Sums, each with an identity, and a norm after each: feed-forward layers and the last layer read such.
    found = count_branches(model, [torch.zeros(2, 5, dtype=torch.long)])
    expected = {"1.self_attn.out_proj": (1, 1), "1.linear1": (2, 1), "1.linear2": (1, 1), "2": (2, 1)}
    assert found == expected
    assert count_branches(model.eval(), [torch.zeros(2, 5, dtype=torch.long)]) == expected


def test_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.h = nn.Linear(3, 4), nn.Linear(5, 4), nn.Linear(4, 4)

        def forward(self, x, y, twice):
            return self.h(self.a(x) + self.b(y) if twice else self.a(x))

    inputs = [torch.zeros(2, 3), torch.zeros(2, 5)]
    assert count_branches(Two(), [*inputs, True])["h"] == (2, 1)
    assert count_branches(Two(), [*inputs, False]) == {"a": (1, 1), "b": (1, 1), "h": (1, 1)}


STOPPED = {
    "item": (lambda n, x: n.a(x) if n.b(x).mean() > 0 else n.b(x), r"item\(\).* in the network itself stopped it"),
    "nonzero": (lambda n, x: n.a(x)[n.b(x) > 0], r"; index in the network itself stopped it: .*nonzero\(\)"),
    "numpy": (lambda n, x: n.a(torch.from_numpy(n.b(x).numpy())), "; the network itself stopped it: .* numpy"),
    "numpy in a module": (lambda n, x: n.c(n.a(x)), r"; module layers\.c stopped it: .* numpy"),
    "mixture": (lambda n, x: torch.hypot(n.a(x), n.b(x)), "hypot in .* hypot combines 2 tensors"),
    "fused sum": (
        lambda n, x: torch.addmm(n.a(x).mean((2, 3)), n.b(x).mean((2, 3)), n.b.weight.flatten(1)),
        "addmm in the network itself stopped it: addmm combines 2 tensors with weights",
    ),
    "shape": (lambda n, x: n.a(x[:, :3]), r"convolution in module layers\.a stopped it"),
}


@pytest.mark.parametrize("name", STOPPED)
def test_what_stops_tracing_is_named(name):
    draw, message = STOPPED[name]
    with pytest.raises(ValueError, match=f"must run on shapes alone.*{message}"):
        counts(drawn(draw, "ab", c=drawn(lambda _, x: torch.from_numpy(x.numpy()), "")))
    with pytest.raises(ValueError, match=r"with an input of 2 x 4 x 8 x 8 \(the argument image gives another\);"):
        counts(drawn(draw, "ab", c=drawn(lambda _, x: torch.from_numpy(x.numpy()), "")))


def test_a_model_that_refuses_the_picture_says_so():
    model = build({"_target_": "posepyr.models.hourglass.StackedHourglass", "joints": 2, "width": 4})
    with pytest.raises(ValueError, match=r"2 x 3 x 40 x 64 .*; the network itself stopped it: image must .* 64"):
        count_branches(model, [torch.zeros(2, 3, 40, 64)])


@pytest.mark.parametrize("fails", [False, True])
def test_a_model_stays_as_it_is(fails):
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.main = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout())
            self.frozen = nn.BatchNorm2d(4).eval()
            self.register_buffer("seen", torch.zeros(4))
            self.loose = torch.zeros(4)

        def forward(self, x):
            y = self.frozen(self.main(x) + torch.rand(4, 1, 1))
            self.seen += y.mean(dim=(0, 2, 3))
            self.loose.add_(y.mean(dim=(0, 2, 3)))
            return y.mean().item() if fails else y

    model = Noisy()
    before, modes = copy.deepcopy(model.state_dict()), [module.training for module in model.modules()]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    if fails:
        with pytest.raises(ValueError, match="item"):
            count_branches(model)
    else:
        count_branches(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.loose.any()
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    # No hook is left: a later call is seen by nobody.
    assert not torch.nn.modules.module._global_forward_hooks
    assert not torch.nn.modules.module._global_forward_pre_hooks


def test_training_and_evaluation_are_traced_each_as_it_is():
    class Auxiliary(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.head, self.helper = (nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(3))

        def forward(self, x):
            x = self.stem(x)
            return (self.head(x), self.helper(x)) if self.training else self.head(x)

    assert counts(Auxiliary())["head"] == (1, 2)
    assert counts(Auxiliary().eval())["head"] == (1, 1)


@pytest.mark.parametrize(
    "join",
    [
        lambda whole, part: torch.slice_scatter(whole, part[:, :2], dim=1, end=2),
        lambda whole, part: torch.select_scatter(whole, part[:, 0], dim=1, index=1),
        lambda whole, part: torch.where(whole > part, whole, part),
        lambda whole, part: torch.maximum(whole, part),
        lambda whole, part: torch.minimum(whole, part),
        lambda whole, part: torch.stack([whole, part]).flatten(0, 1),
        lambda whole, part: whole.index_copy(1, torch.arange(2), part[:, :2]),
        lambda whole, part: whole.index_put((torch.arange(2),), part),
        lambda whole, part: whole.scatter(1, torch.zeros(part.shape, dtype=torch.int64), part),
        lambda whole, part: whole.masked_scatter(whole > 0, part),
    ],
    ids=["slice", "select", "where", "max", "min", "stack", "index_copy", "index_put", "scatter", "masked_scatter"],
)
def test_what_is_chosen_or_put_together_from_two_maps_is_no_sum(join):
    """Of two branches and two, two count: they are neither added up nor multiplied."""
    model = drawn(lambda n, x: n.h(join(n.a(x) + n.b(x), n.c(x) + n.d(x))), "abcdh")
    assert counts(model)["h"] == (2, 1)


@pytest.mark.parametrize("reduce", [lambda s: s.mean(-1), lambda s: s.mean((3, 4)), lambda s: s.sum(4, keepdim=True)])
def test_a_stack_reduced_along_another_axis_is_no_sum(reduce):
    def draw(n, x):
        stacked = torch.stack([n.a(x), n.b(x)])
        return n.h(reduce(stacked).reshape(4, CHANNELS, -1, 1))

    assert counts(drawn(draw, "abh"))["h"] == (1, 1)


def test_layers_multiplied_before_they_see_a_map_read_it_as_one():
    def draw(n, x):
        both = n.a.weight.flatten(1) @ n.b.weight.flatten(1)
        return F.conv2d(n.c(x) + n.d(x), both[..., None, None])

    found = counts(drawn(draw, "abcd"))
    assert found["a"] == found["b"] == (2, 1)


@pytest.mark.parametrize("pack", [lambda s, y: (s, y), lambda s, y: {"all": s, "last": [y]}], ids=["tuple", "dict"])
def test_what_a_network_returns_is_read(pack):
    """A sum that is read and returned is one term of the next."""

    def draw(n, x):
        s = n.a(x) + n.b(x)
        return pack(s, n.h(s + n.c(x)))

    assert counts(drawn(draw, "abch"))["h"] == (2, 1)


def test_an_operation_that_failed_and_was_caught_stopped_nothing():
    def draw(n, x):
        with contextlib.suppress(ValueError):
            torch.hypot(n.a(x), n.b(x))
        raise RuntimeError("no")

    with pytest.raises(ValueError, match=r"to be counted, .*gives another\); the network itself stopped it: no"):
        counts(drawn(draw, "ab"))


def test_every_tensor_knows_the_call_that_made_it():
    inner = drawn(lambda n, x: n.a(x) + n.b(x), "ab")
    outer = drawn(lambda n, x: n.c(x) + n.d(x), "d", c=inner)
    graph = trace(outer, [torch.zeros(2, CHANNELS, 8, 8)])
    sums = [node for node in graph.nodes if node.kind is Kind.SUM]
    assert [graph.calls[node.block] for node in sums] == [inner, outer]


def test_parts_join_in_whatever_order_they_are_written():
    def draw(n, x):
        joined = torch.empty(len(x), 2 * CHANNELS, *x.shape[2:], device=x.device)
        joined[:, CHANNELS:] = n.c(x)
        joined[:, :CHANNELS] = n.a(x) + n.b(x)
        return n.w(joined)

    assert counts(drawn(draw, "abc", w=nn.Conv2d(2 * CHANNELS, CHANNELS, 1)))["w"] == (2, 1)


def test_a_constant_read_at_learned_places_has_one_branch():
    def draw(n, x):
        places = (n.a(x) + n.b(x))[:, :2].permute(0, 2, 3, 1)
        return n.h(F.grid_sample(torch.ones(2, CHANNELS, 8, 8), places, align_corners=True))

    assert counts(drawn(draw, "abh"))["h"] == (2, 1)


def test_a_table_that_two_layers_read_has_two_readers():
    def draw(n, x):
        table = torch.ones(8, CHANNELS)
        return n.a(x) + n.t(table)[None, None] + n.u(table)[None, None]

    found = counts(drawn(draw, "a", t=nn.Linear(CHANNELS, 8), u=nn.Linear(CHANNELS, 8)))
    assert found["t"] == found["u"] == (1, 2)


def test_what_a_comparison_with_whole_numbers_chooses_is_no_factor():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.h = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x, numbers):
            return self.h((self.a(x) + self.b(x)) * (self.a(x) > numbers))

    inputs = [torch.zeros(2, 4), torch.zeros(2, 4, dtype=torch.long)]
    assert count_branches(Masked(), inputs)["h"] == (2, 1)
