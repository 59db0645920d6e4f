"""The description of a machine, and whose checkout it says that the code is."""

import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
import torch

from posepyr.errors import UsageError
from posepyr.measurement import machine


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def checkout(root: Path, package: Path) -> Path:
    """A repository with one commit that holds a package of one file."""
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    git(root, "init", "--quiet")
    git(root, "add", "--all", "--force")
    git(root, "commit", "--quiet", "--message", "first")
    return package.resolve()


def test_versions_are_those_installed() -> None:
    versions = machine.versions()
    assert versions["torch"] == metadata.version("torch")
    assert set(versions) == set(machine.PACKAGES)


def test_a_machine_is_described() -> None:
    described = machine.describe()
    assert described["cores"] >= 1
    assert described["torch_threads"] == torch.get_num_threads()
    assert machine.describe_benchmark("cpu")["name"] == machine.device_name("cpu") != ""


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_the_device_is_the_best_there_is_or_the_one_that_is_wanted() -> None:
    assert machine.choose_device(None) == machine.choose_device("cpu") == "cpu"
    with pytest.raises(UsageError, match="device must be one that Torch can use here, got cuda"):
        machine.choose_device("cuda")


def test_a_checkout_has_its_commit_and_its_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = checkout(tmp_path, tmp_path / "src" / "posepyr")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert machine.git_state(package) == (commit, "")
    (package / "__init__.py").write_text("x = 2\n")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert machine.git_state(package)[0] == commit
    assert "+x = 2" in machine.git_state(package)[1]


@pytest.mark.parametrize("tracked", [True, False])
def test_somebody_elses_checkout_is_not_ours(tmp_path: Path, tracked: bool) -> None:
    """An environment in a project's folder; some even commit theirs."""
    package = checkout(tmp_path, tmp_path / ".venv" / "lib" / "site-packages" / "posepyr")
    if not tracked:
        git(tmp_path, "rm", "-r", "--quiet", "--cached", ".venv")
    assert machine.git_state(package) == (None, "")


def test_without_a_checkout_there_is_no_state(tmp_path: Path) -> None:
    package = checkout(tmp_path, tmp_path / "src" / "posepyr")
    shutil.rmtree(tmp_path / ".git")
    assert machine.git_state(package) == (None, "")
