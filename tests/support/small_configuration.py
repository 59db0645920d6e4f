"""A small configuration folder in place of the real one: fixtures."""

from collections.abc import Callable
from pathlib import Path

import pytest

from posepyr.configuration import catalogue

FILES = {
    "config": """
defaults:
  - _self_
  - model: pyramid
  - data: one
  - callbacks: default
  - logger: csv
  - experiment: null
  - override hydra/job_logging: none
  - override hydra/hydra_logging: none
name: train
seed: 0
checkpoint: {monitor: val/pck, mode: max}
hydra:
  run: {dir: 'runs/${name}/run'}
  sweep: {dir: 'runs/${name}/sweep', subdir: '${hydra:job.num}'}
  output_subdir: null
""",
    "model/pyramid": """
# The pyramid.
# It has blocks.
# paper: table 1
_target_: support.cli_parts.Network
block: {_target_: support.cli_parts.Block, variant: B}
""",
    "model/pyramid_small": "_target_: support.cli_parts.Network\nblock: {_target_: support.cli_parts.Block}\nstacks: 1",
    "model/plain": "_target_: support.cli_parts.Network\nblock: {_target_: support.cli_parts.Plain}",
    "data/one": "_target_: support.cli_parts.Data\nsource: {_target_: support.cli_parts.Source, file: '${name}.json'}",
    "data/missing": "_target_: support.cli_parts.Data\nsource: {_target_: support.cli_parts.Source, file: '???'}",
    "callbacks/default": "sheet: {_target_: support.cli_parts.Sheet}",
    "logger/csv": "{}",
    "experiment/paper/first": """
# @package _global_
# The first of the paper.
# expected: 88.5
defaults:
  - override /model: plain
name: first
model: {stacks: 8}
""",
}


@pytest.fixture
def write() -> Callable[[Path, dict[str, str]], Path]:
    def write_files(folder: Path, files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = folder / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.lstrip("\n"), encoding="utf-8")
        return folder

    return write_files


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, dict[str, str]], Path]) -> Path:
    """A small configuration folder in place of the real one, in a working directory of its own."""
    folder = write(tmp_path / "conf", FILES)
    monkeypatch.setattr(catalogue, "configuration_folder", lambda: folder)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.chdir(tmp_path)
    return folder
