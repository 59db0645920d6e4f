"""What is measured of a pass: against moments that are taken by hand, and against the theory of residual networks."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from posepyr.initialisation.schemes import MSR, NORMS, layers_of
from posepyr.layers.pyramid import PyramidBlocks, PyramidResidual
from posepyr.layers.residual import PreactivationResidual
from posepyr.models.hourglass import Hourglass
from posepyr.nodes import build
from posepyr.variance.probe import OutputMoments, places, remove_norms, watched
from support.drawn import CHANNELS, drawn
from support.places import CONF


def image(seed: int = 0, channels: int = CHANNELS, side: int = 8) -> Tensor:
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(seed))


def measured(
    model: nn.Module, x: Tensor, at: Any = "all", objective: Callable[[Any], Tensor] = lambda out: out.square().sum()
) -> list[OutputMoments]:
    with watched(model, places(model, [x], at)) as profile:
        objective(model(x)).backward()
    return profile.rows()


def by_hand(loss: Tensor, *tensors: Tensor) -> list[tuple[float, float, float, float]]:
    """Mean and variance of tensors and of the gradients of a loss by them."""
    gradients = torch.autograd.grad(loss, tensors)
    pairs = [(tensor.double(), gradient.double()) for tensor, gradient in zip(tensors, gradients, strict=True)]
    return [
        (x.mean().item(), x.var(correction=0).item(), g.mean().item(), g.var(correction=0).item()) for x, g in pairs
    ]


def numbers(row: OutputMoments) -> tuple[float, ...]:
    assert row.gradient is not None
    return (*row.response, *row.gradient)


def test_moments_are_those_of_the_outputs_and_of_their_gradients():
    model = drawn(lambda n, x: n.b(F.relu(n.a(x)) + n.c(x)), "abc")
    a, b, c = model.layers["a"], model.layers["b"], model.layers["c"]
    x = image()
    first, third = a(x), c(x)
    second = b(F.relu(first) + third)
    expected = by_hand(second.square().sum(), first, third, second)
    rows = measured(model, x, "convolutions")
    assert [(row.name, row.place) for row in rows] == [(f"layers.{name}", "convolution") for name in "acb"]
    for row, values in zip(rows, expected, strict=True):
        assert numbers(row) == pytest.approx(values, rel=1e-4, abs=1e-5)


def test_what_is_done_in_place_afterwards_does_not_count():
    def chain(inplace: bool) -> nn.Module:
        torch.manual_seed(0)
        layers = [nn.Conv2d(CHANNELS, CHANNELS, 1), nn.ReLU(inplace), nn.Conv2d(CHANNELS, CHANNELS, 1)]
        return nn.Sequential(*layers)

    assert measured(chain(True), image(), "convolutions") == measured(chain(False), image(), "convolutions")


def test_a_module_that_is_used_again_has_a_row_for_each_use():
    model = drawn(lambda n, x: n.a(F.relu(n.b(n.a(x)))), "ab")
    rows = measured(model, image(), "convolutions")
    assert [row.name for row in rows] == ["layers.a (1)", "layers.b", "layers.a (2)"]
    once = model.layers["a"](image())
    assert rows[0].response.variance == pytest.approx(once.var(correction=0).item(), rel=1e-5)


def test_several_outputs_have_a_row_each():
    class Crossed(nn.Module):
        def forward(self, first: Tensor, second: Tensor) -> dict[str, Any]:
            return {"up": first + second, "down": [second - first, torch.arange(3)]}

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = (nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(2))
            self.cross = Crossed()

        def forward(self, x: Tensor) -> Tensor:
            crossed = self.cross(self.a(x), self.b(x))
            return 3 * crossed["up"] + 5 * crossed["down"][0]

    model = Model()
    up, down = measured(model, image(), "blocks", torch.sum)
    assert (up.name, down.name) == ("cross[0]", "cross[1]")
    assert up.response.variance == pytest.approx((model.a(image()) + model.b(image())).var(correction=0).item())
    assert (up.gradient, down.gradient) == ((3, 0), (5, 0))


def test_without_a_way_back_there_is_no_gradient():
    model = drawn(lambda n, x: (n.a(x), n.b(x))[0], "ab")
    a, b = measured(model, image(), "convolutions")
    assert a.gradient is not None
    assert b.gradient is None
    with torch.no_grad(), watched(model, {"layers.a": "convolution"}) as profile:
        model(image())
    assert [row.gradient for row in profile.rows()] == [None]


def block(forward: Callable[[Any, Tensor], Tensor]) -> nn.Module:
    return nn.Sequential(drawn(forward, "ab"), nn.Conv2d(CHANNELS, 2, 1))


@pytest.mark.parametrize(
    ("forward", "sums"),
    [
        (lambda n, x: x + n.b(n.a(x)), True),
        (lambda n, x: torch.add(n.a(x), n.b(x), alpha=0.5), True),
        (lambda n, x: n.a(x).add_(n.b(x)), True),
        (lambda n, x: torch.stack([n.a(x), n.b(x)]).sum(0), True),
        (lambda n, x: n.a(x) - n.b(x), True),
        (lambda n, x: n.b(n.a(x)) + 1, False),
        (lambda n, x: (lambda y: y + y)(n.b(n.a(x))), False),
        (lambda n, x: torch.cat([n.a(x)[:, :2], n.b(x)[:, 2:]], dim=1), False),
        (lambda n, x: n.a(x) * n.b(x), False),
    ],
)
def test_blocks_are_modules_that_sum(forward, sums):
    model = block(forward)
    if sums:
        assert places(model, [image()], "blocks") == {"0": "block"}
    else:
        with pytest.raises(ValueError, match="at must be convolutions where no module of a network sums, got blocks"):
            places(model, [image()], "blocks")
    convolutions = dict.fromkeys(["0.layers.a", "0.layers.b", "1"], "convolution")
    assert places(model, [image()], "convolutions") == convolutions
    assert places(model, [image()], "all") == convolutions | ({"0": "block"} if sums else {})


def test_a_network_that_cannot_be_traced_still_has_convolutions():
    model = block(lambda n, x: n.a(x) + n.b(x) if x.sum().item() > 0 else x)
    with pytest.raises(ValueError, match=r"at must be convolutions where sums cannot be found: .* shapes alone"):
        places(model, [image()], "blocks")
    assert len(places(model, [image()], "convolutions")) == 3


def test_blocks_of_an_hourglass_network():
    node = yaml.safe_load((CONF / "model" / "hourglass_prm.yaml").read_text())
    model = build({**node, "width": 32, "depth": 2, "stacks": 2}, joints=3)
    found = places(model, [torch.zeros(2, 3, 32, 32, dtype=torch.uint8)], "blocks")
    summing = PreactivationResidual, PyramidResidual, Hourglass
    assert set(found) == {name for name, module in model.named_modules() if isinstance(module, summing)}


def test_nothing_changes_for_the_pass():
    model = nn.Sequential(PyramidResidual(16, 16, PyramidBlocks(width=4)), nn.Conv2d(16, 2, 1))
    x = image(channels=16)

    def gradients() -> list[Tensor]:
        model.zero_grad()
        model(x).square().sum().backward()
        return [parameter.grad.clone() for parameter in model.parameters()]

    where = places(model, [x], "all")
    alone = gradients()
    generator = torch.get_rng_state()
    with watched(model, where):
        together = gradients()
    assert torch.equal(torch.get_rng_state(), generator)
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)


def test_what_is_computed_again_for_the_backward_pass_is_seen_once():
    model = block(lambda n, x: checkpoint(lambda x: x + n.b(n.a(x)), x, use_reentrant=False))
    plain = block(lambda n, x: x + n.b(n.a(x)))
    plain.load_state_dict(model.state_dict())
    assert measured(model, image()) == measured(plain, image())


def test_a_compiled_model_is_measured_as_it_was_written():
    model = block(lambda n, x: x + n.b(n.a(x)))
    where = places(model, [image()], "all")
    alone = measured(model, image())
    calls: list[bool] = []

    def backend(graph: Any, _inputs: Any) -> Any:
        return lambda *inputs: (calls.append(True), graph.forward(*inputs))[1]

    model.compile(backend=backend)
    model(image()).sum().backward()
    assert calls == [True]
    with watched(model, where) as profile:
        model(image()).square().sum().backward()
    assert profile.rows() == alone
    model(image())
    assert calls == [True, True]


def test_nothing_stays_behind():
    model = block(lambda n, x: x + n.b(n.a(x)))

    def fail() -> None:
        with watched(model, places(model, [image()], "all")) as profile:
            model(image()).sum().backward()
            assert any(module._forward_hooks for module in model.modules())
            kept.append(profile)
            raise KeyError

    kept: list[Any] = []
    with pytest.raises(KeyError):
        fail()
    assert not any(module._forward_hooks for module in model.modules())
    tensors = [value for output in kept[0]._outputs for value in vars(output).values() if isinstance(value, Tensor)]
    assert len(tensors) == 2 * 4
    # A view of what was measured would hold all of its memory.
    assert {tensor.untyped_storage().nbytes() for tensor in tensors} == {8}


WIDTH, DEPTH = 96, 8


def test_variances_add_up_along_identities_and_a_convolution_resets_them():
    """Equation 17. Under MSR a residual's last convolution reads rectified unit normals and gives a variance of 1.

    The identities add up: 1 more at every residual. A convolution in the shortcut gives 1 as well: 2, at any depth.
    """
    seeds = 4
    total = torch.zeros(DEPTH + 1)
    for seed in range(seeds):
        residuals = [PreactivationResidual(WIDTH, WIDTH, WIDTH) for _ in range(DEPTH)]
        model = nn.Sequential(*residuals, PreactivationResidual(WIDTH, WIDTH, WIDTH, convolution=True))
        MSR()(model, torch.Generator().manual_seed(seed))
        x = image(seed, WIDTH, 12)
        rows = measured(model, x, "blocks")
        assert [row.name for row in rows] == [str(number) for number in range(DEPTH + 1)]
        total += torch.tensor([row.response.variance for row in rows])
    expected = torch.tensor([1.0 + number for number in range(1, DEPTH + 1)] + [2.0])
    # A layer's variance spreads by sqrt(2 / width), as that of so many normal numbers does.
    torch.testing.assert_close(total / seeds, expected, rtol=2 * (2 / WIDTH / seeds) ** 0.5, atol=0)


def test_networks_without_norms():
    model = nn.Sequential(PreactivationResidual(4, 6, 5), PreactivationResidual(6, 6, 3), nn.GroupNorm(2, 6))
    weights = {name: layer.weight.clone() for name, layer in layers_of(model).items()}
    remove_norms(model)
    assert not any(isinstance(module, NORMS) for module in model.modules())
    for name, layer in layers_of(model).items():
        assert torch.equal(layer.weight, weights[name])
    x = image()
    kept = x.clone()
    out = model(x)
    assert torch.equal(x, kept)

    def residual(module: nn.Module, x: Tensor) -> Tensor:
        first, second, third = (module.main[place] for place in (1, 3, 5))
        widened = module.shortcut if isinstance(module.shortcut, nn.Identity) else module.shortcut[1]
        through = x if isinstance(module.shortcut, nn.Identity) else x.relu()
        return third(second(first(x.relu()).relu()).relu()) + widened(through)

    torch.testing.assert_close(out, residual(model[1], residual(model[0], x)))
    rows = measured(model, x)
    assert all(row.gradient for row in rows)
