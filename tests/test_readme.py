"""Every command and every piece of code in the README is run, on networks and data made small."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.cli.main import main
from support.places import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
RUN = "runs/demo/2026-01-31_12-00-00"
"""The README's example of a run folder."""

SMALL = ["model.width=32", "model.depth=2", "data.input_size=[32,32]", "data.batch_size=4", "data.workers=0",
         "trainer.max_epochs=1", "trainer=cpu", "progress=false"]  # fmt: skip
FIGURES = ["data.source.train=8", "data.source.val=4", "data.source.test=4", "data.source.size=64"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    return [shlex.split(line, comments=True) for line in lines]


def small(command: list[str]) -> list[str]:
    """The command's arguments, with networks, data and schedules made small."""
    name, *rest = command[1:]
    if name == "train" and not {"--resume", "--rerun", "--cfg"} & set(rest):
        given = {word.split("=")[0] for word in rest}
        extra = [word for word in SMALL if word.split("=")[0] not in given or "max_epochs" in word]
        return [name, *rest, *extra, *([] if "data=custom" in rest else FIGURES)]
    return [name, *rest]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a photo, a run, and the README's own data set description."""
    folder = tmp_path_factory.mktemp("newcomer")
    cv2.imwrite(str(folder / "photo.jpg"), np.random.default_rng(0).integers(0, 256, (250, 200, 3), np.uint8))
    description = next(block for block in blocks("yaml") if block.startswith("# arms.yaml"))
    (folder / "arms.yaml").write_text(description)
    assert main(["train", "experiment=demo", *SMALL, *FIGURES, f"hydra.run.dir={folder / RUN}"]) == 0
    return folder


def test_every_make_target_of_the_readme_exists() -> None:
    targets = {command[1] for command in commands() if command[0] == "make"}
    assert {"demo", "test"} <= targets
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.timeout(280)
def test_every_command_of_the_readme_runs(newcomer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(newcomer)
    ran = [command for command in commands() if command[0] == "posepyr"]
    assert {"train", "evaluate", "predict", "list", "doctor", "data"} == {command[1] for command in ran}
    for command in ran:
        assert main(small(command)) == 0, shlex.join(command)
    assert len(list(newcomer.glob("runs/demo/multirun_*/*/metrics.json"))) == 6
    assert (newcomer / "poses" / "photo_pose.png").stat().st_size > 1000


def test_the_python_of_the_readme_runs(newcomer: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(newcomer)
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("(1, 16, 2) ")


def test_the_pictures_of_the_readme_are_there() -> None:
    for path in re.findall(r"!\[.*?\]\((.*?)\)", TEXT, re.DOTALL):
        assert (ROOT / path).is_file(), path


def test_every_data_set_says_where_it_comes_from_and_how_its_folder_looks() -> None:
    rows = re.findall(r"^\| (?:`data=(\w+)`)? \|(.*)$", TEXT, re.MULTILINE)
    told = {name for name, _ in rows if name}
    choices = {path.stem for path in (ROOT / "conf" / "data").glob("*.yaml")}
    assert told == choices - {"figures", "custom"}, "these two have sections of their own"
    for name, text in rows:
        header = (ROOT / "conf" / "data" / f"{name}.yaml").read_text(encoding="utf-8") if name else ""
        for folder in re.findall(r"\$POSEPYR_DATA/(\S+?) ", header):
            assert f"`{folder}/`" in text, (name, folder)


def test_a_network_is_added_as_the_readme_says(newcomer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One class and one yaml, here in the user's own folders."""
    monkeypatch.chdir(newcomer)
    monkeypatch.syspath_prepend(newcomer)
    (newcomer / "mine.py").write_text(
        "from torch import nn\n"
        "class Mine(nn.Module):\n"
        "    def __init__(self, joints, width=8):\n"
        "        super().__init__()\n"
        "        self.layers = nn.Sequential(nn.Conv2d(3, width, 4, 4), nn.ReLU(), nn.Conv2d(width, joints, 1))\n"
        "    def forward(self, image):\n"
        "        return (self.layers(image / 255),)\n"
    )
    group = newcomer / "own" / "model"
    shutil.rmtree(group, ignore_errors=True)
    group.mkdir(parents=True)
    (group / "mine.yaml").write_text("# What it is, in one line.\n_target_: mine.Mine\nwidth: 64\n")
    rest = [word for word in SMALL if not word.startswith("model.")]
    command = ["train", "--config-dir", "own", "model=mine", "model.width=4", "name=mine", *rest, *FIGURES]
    assert main(command) == 0
    assert len(list(newcomer.glob("runs/mine/*/metrics.json"))) == 1
