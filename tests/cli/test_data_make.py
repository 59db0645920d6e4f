import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from posepyr.cli.main import main
from posepyr.data.formats.pictures import read_picture
from posepyr.data.sources.coco import Coco
from posepyr.data.sources.figures import Figures

SMALL = ["--train", "3", "--test", "2", "--size", "64", "--seed", "5"]


def make(layout: str, folder: Path, *more: str) -> int:
    return main(["data", "make", "figures", "--format", layout, "--output", str(folder), *more])


def test_figures_as_coco(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "figures"
    assert make("coco", folder, *SMALL, "--val", "0", "--difficulty", "0.2") == 0
    assert f"{folder}: 3 train, 2 test in coco's layout" in capsys.readouterr().out
    assert not (folder / "val2017").exists()
    drawn = Figures(difficulty=0.2, size=64, seed=5).split("train")
    read = Coco(str(folder)).split("train")
    assert len(read) == 3
    for index in range(3):
        np.testing.assert_array_equal(read[index].visibility, drawn[index].visibility)
        assert read.view(read[index]).pixels.shape == (64, 64, 3)


def test_figures_as_mpii(tmp_path: Path) -> None:
    assert make("mpii", tmp_path / "m", *SMALL, "--val", "1") == 0
    assert len(json.loads((tmp_path / "m" / "annot" / "valid.json").read_text())) == 1
    release = scipy.io.loadmat(tmp_path / "m" / "mpii_human_pose_v1_u12_1.mat", struct_as_record=False)["RELEASE"][0, 0]
    np.testing.assert_array_equal(release.img_train, [[1, 1, 1, 1, 0, 0]])


def test_figures_as_lsp(tmp_path: Path) -> None:
    assert make("lsp", tmp_path / "l", *SMALL) == 0
    assert scipy.io.loadmat(tmp_path / "l" / "joints.mat")["joints"].shape == (3, 14, 5)
    drawn = Figures(size=64, seed=5).split("test")
    written = read_picture(tmp_path / "l" / "images" / "im0005.jpg")
    assert np.abs(written.astype(int) - drawn.view(drawn[1]).pixels).mean() < 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["make", "figures", "--format", "coco"], "required: --output"),
        (["make", "figures", "--format", "yolo", "--output", "x"], "invalid choice: 'yolo'"),
        (["make", "figures", "--format", "lsp", "--output", "x", "--val", "3"], "--val must be a split of lsp"),
        (["make", "figures", "--format", "coco", "--output", "x", "--val", "-3"], "--val must be at least 0, got -3"),
        (
            ["make", "figures", "--format", "lsp", "--output", "x", "--train", "0", "--test", "0"],
            "must ask for somebody",
        ),
    ],
)
def test_wrong_arguments_end_with_code_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["data", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_with_files_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").touch()
    code = main(["data", "make", "figures", "--format", "lsp", "--output", str(tmp_path), *SMALL])
    assert code == 1
    error = capsys.readouterr().err
    assert "output must be a new or an empty folder" in error
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from posepyr.cli.main import main\n"
        "try: main(['data', 'make', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'numpy', 'torch', 'cv2', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0
