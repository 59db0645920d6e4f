import pytest
import torch
from torch import nn

from posepyr.layers.pooling import redraw_regions


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny layers only wait for more threads, and tests may run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["training", "evaluation"])
def randomised(request):
    """Gives a module weights, statistics and regions that hide nothing, in double precision."""

    def fill(module: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(5)
        for parameter in module.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(generator=generator)
                layer.running_var.uniform_(0.5, 2, generator=generator)
        redraw_regions(module, generator)
        return module.double().train(request.param == "training")

    return fill
