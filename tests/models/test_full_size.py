"""The networks of conf/model as they are, computed once, and compiled to machine code: too slow for every change."""

import copy
import shutil

import pytest
import torch

from support.reduced import FAMILIES, JOINTS, NAMES, loss_of, network, node_of, pixels, reduced, single

SIZE = (256, 256)

# Compiling takes a minute each on a machine with nothing else to do.
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", NAMES)
def test_a_training_step_at_full_size(name):
    model = network(node_of(name))
    # Two pictures: MSSH-B's innermost maps are single pixels, of which one alone has no variance.
    image = torch.randint(0, 256, (2, 3, *SIZE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    heatmaps = model(image)
    assert [tuple(x.shape) for x in heatmaps] == [(2, JOINTS, SIZE[0] // s, SIZE[1] // s) for s in model.strides]
    assert all(heatmap.isfinite().all() for heatmap in heatmaps)
    loss_of(heatmaps).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


# Torch's compiler uses what Torch says not to use.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="Torch compiles for a CPU by g++, which is not installed")
@pytest.mark.parametrize("name", FAMILIES)
def test_machine_code_equals_eager(name):
    # In double precision, where only a difference of meaning is left.
    model, image = network(single(reduced(name))).double(), pixels()
    twin = copy.deepcopy(model)
    torch.compiler.reset()
    twin.compile(fullgraph=True)
    eager, compiled = model(image), twin(image)
    for a, b in zip(eager, compiled, strict=True):
        torch.testing.assert_close(a, b)
    loss_of(eager).backward()
    loss_of(compiled).backward()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
