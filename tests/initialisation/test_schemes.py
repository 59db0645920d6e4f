"""Initialisation schemes: the variances of the papers, and whose dice they use."""

import pytest
import torch
import yaml
from torch import nn

from posepyr.initialisation.schemes import MSR, AsBuilt, Normal, Xavier, fan_of
from posepyr.nodes import build
from support.places import CONF

CONFIGS = [path for path in sorted((CONF / "init").glob("*.yaml")) if "file:" not in path.read_text()]
"""Those that take no checkpoint."""


def layers() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(64, 128, kernel_size=3),
        nn.Conv2d(128, 256, kernel_size=1, bias=False),
        nn.Conv2d(128, 256, kernel_size=(3, 1), groups=2),
        nn.ConvTranspose2d(96, 64, kernel_size=4),
        nn.Linear(300, 200),
        nn.BatchNorm2d(7),
    )


FANS = [(64 * 9, 128 * 9), (128, 256), (64 * 3, 128 * 3), (96 * 16, 64 * 16), (300, 200)]


def test_fans():
    assert [tuple(fan_of(layer)) for layer in list(layers())[:5]] == FANS


STRIDED = [
    nn.Conv2d(4, 6, 3, stride=2, padding=1),
    nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
    nn.Conv2d(2, 3, 7, stride=2, padding=3),
    nn.Conv2d(2, 3, 1, stride=2),
    nn.Conv2d(2, 3, (3, 5), stride=(3, 2)),
    nn.Conv2d(2, 3, 3, stride=2, dilation=2),
    nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1),
    nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2),
    nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1),
    nn.ConvTranspose2d(2, 3, 2, stride=2),
    nn.ConvTranspose2d(2, 3, (4, 3), stride=(2, 3)),
]


@pytest.mark.parametrize("layer", [nn.Conv2d(2, 3, 3), nn.ConvTranspose2d(2, 3, 4), *STRIDED], ids=str)
def test_fans_are_the_connections_that_a_map_has(layer):
    assert tuple(fan_of(layer)) == pytest.approx(connections(layer))


def connections(layer: nn.Module) -> tuple[float, float]:
    """Count the inputs that reach an output, and the outputs that an input reaches, in the middle of a map."""
    with torch.no_grad():
        layer.weight.fill_(1)
    side = 24 if isinstance(layer, nn.Conv2d) else 12
    image = torch.zeros(layer.in_channels, side, side)
    met = torch.autograd.functional.jacobian(layer, image) != 0  # output channel, y, x, input channel, y, x
    reaching, reached = met.sum(dim=(3, 4, 5)), met.sum(dim=(0, 1, 2))
    return middle(reaching).double().mean().item(), middle(reached).double().mean().item()


def middle(counts: torch.Tensor) -> torch.Tensor:
    """Cut 6 rows and columns, which hold whole periods of strides 2 and 3, away from the borders."""
    top, left = ((side - 6) // 2 for side in counts.shape[1:])
    return counts[:, top : top + 6, left : left + 6]


@pytest.mark.parametrize(
    ("scheme", "variance"),
    [
        (Normal(), lambda _: 0.001**2),
        (Normal(0.02), lambda _: 0.02**2),
        (Xavier(), lambda fan: 2 / sum(fan)),
        (MSR(), lambda fan: 2 / fan[0]),
    ],
)
def test_measured_variance_is_the_formulas(scheme, variance):
    model = layers()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(9)
    scheme(model, torch.Generator().manual_seed(0))
    for layer, fan in zip(list(model)[:5], FANS, strict=True):
        weight, expected = layer.weight.double(), variance(fan)
        n = weight.numel()
        # Five standard errors of a normal sample's variance and mean.
        assert weight.var().item() == pytest.approx(expected, rel=5 * (2 / n) ** 0.5)
        assert abs(weight.mean().item()) < 5 * (expected / n) ** 0.5
        assert layer.bias is None or not layer.bias.any()
    assert (model[5].weight == 1).all()
    assert not model[5].bias.any()


def test_as_built_changes_nothing():
    model = layers()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    AsBuilt()(model, torch.Generator())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("scheme", [Normal(), Xavier(), MSR()])
def test_the_generator_decides_or_else_the_global_seed(scheme):
    def weights(generator):
        model = layers()
        scheme(model, generator)
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    first = weights(torch.Generator().manual_seed(1))
    assert torch.equal(first, weights(torch.Generator().manual_seed(1)))
    assert not torch.equal(first, weights(torch.Generator().manual_seed(2)))
    model = layers()
    before = torch.get_rng_state()
    scheme(model, torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), before)
    scheme(model)
    assert not torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_scheme_of_the_configuration_runs(path):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 4, 4, stride=2))
    build(yaml.safe_load(path.read_text()))(model, torch.Generator().manual_seed(0))
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_a_wrong_std_is_an_error():
    with pytest.raises(ValueError, match=r"std must be positive, got 0"):
        Normal(std=0)
