"""What many tests need."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

pytest_plugins = ["support.small_configuration"]


@pytest.fixture(autouse=True)
def same_numbers():
    """A test draws the same numbers whatever ran before it in its process."""
    random.seed(0)
    np.random.seed(0)  # what libraries draw from
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real samples, which are not part of the repository."""
    named = os.environ.get("POSEPYR_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"no real samples: {folder} has no folder data; see POSEPYR_SHARED in CONTRIBUTING.md")
    return folder
