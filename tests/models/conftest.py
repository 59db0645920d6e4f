import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny networks only wait for more threads, and tests may run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
