"""What many tests need."""

import os
from pathlib import Path

import pytest

pytest_plugins = ["support.small_configuration"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real samples, which are not part of the repository."""
    named = os.environ.get("POSEPYR_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"no real samples: {folder} has no folder data; see POSEPYR_SHARED in CONTRIBUTING.md")
    return folder
