"""``posepyr data show``: sheets written, and what is refused."""

from pathlib import Path

import cv2
import pytest

from posepyr.cli.main import main

FIGURES = [
    "data=figures",
    "data.source.train=12",
    "data.source.val=5",
    "data.source.size=64",
    "data.input_size=[64,48]",
]


def show(tmp_path: Path, *arguments: str) -> tuple[int, int]:
    """The rows and columns of the sheet, of tiles of 64 x 48."""
    file = tmp_path / "sheet.png"
    assert main(["data", "show", *arguments, "--side", "64", "--output", str(file)]) == 0
    height, width, _ = cv2.imread(str(file)).shape
    assert (height - 6) % (64 + 22 + 6) == (width - 6) % (48 + 6) == 0
    return (height - 6) // 92, (width - 6) // 54


@pytest.mark.parametrize(
    ("arguments", "rows", "columns"),
    [
        ([], 2, 6),
        (["--count", "3"], 1, 3),
        (["--split", "val"], 1, 5),
        (["--person", "3", "--person", "11"], 1, 2),
        (["--count", "4", "--flip"], 2, 6),
        (["--count", "4", "--flip", "--heatmaps", "--names", "--augment"], 2, 6),
        (["augment=none", "--augment", "--count", "1"], 1, 1),
    ],
)
def test_a_sheet(tmp_path: Path, arguments: list[str], rows: int, columns: int) -> None:
    assert show(tmp_path, *FIGURES, *arguments) == (rows, columns)


def test_another_seed_shows_other_people_and_the_same_one_the_same(tmp_path: Path) -> None:
    sheets = []
    for seed in ("1", "2", "1"):
        show(tmp_path, *FIGURES, "--count", "2", "--seed", seed)
        sheets.append((tmp_path / "sheet.png").read_bytes())
    assert sheets[0] == sheets[2] != sheets[1]


def test_augmentation_changes_what_is_shown(tmp_path: Path) -> None:
    sheets = []
    for more in ([], ["--augment"]):
        show(tmp_path, *FIGURES, "--person", "1", *more)
        sheets.append((tmp_path / "sheet.png").read_bytes())
    assert sheets[0] != sheets[1]


def cifar(folder: Path) -> list[str]:
    for name in [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]:
        (folder / name).write_bytes(b"".join(bytes([label]) * 3073 for label in range(4)))
    return ["data=cifar10", f"data.source.folder={folder}"]


def test_pictures_of_classes(tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    assert main(["data", "show", *cifar(tmp_path), "--count", "7", "--augment", "--output", str(file)]) == 0
    assert cv2.imread(str(file)).shape == (2 * (256 + 22 + 6) + 6, 6 * (256 + 6) + 6, 3)


def test_classes_have_no_joints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", *cifar(tmp_path), "--flip", "--output", str(tmp_path / "a.png")]) == 2
    assert "--names, --flip and --heatmaps must be left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--count", "0"], 2, "--count must be at least 1, got 0"),
        (["--seed", "-1"], 2, "--seed must be at least 0, got -1"),
        (["--side", "9"], 2, "--side must be from 32 to 2048, got 9"),
        (["--person", "12"], 2, "--person must be from 0 to 11 in train, got 12"),
        (["--output", "sheet.gif"], 2, "--output must end in .png or .jpg, got sheet.gif"),
        (["--split", "all"], 1, "split must be one of"),
        (["data.source.train=0"], 1, "--split must name a split with somebody in it, got train"),
    ],
)
def test_what_it_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["data", "show", *FIGURES, "--output", "sheet.png", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


SETS = {
    "coco_mini": (["data=coco"], "train"),
    "lspet_mini": (["data=lsp"], "train"),
    "mpii_mini": (["data=mpii", "data.source.annotations=test_mpii.json"], "val"),
    "posetrack18_mini": (["data=posetrack"], "val"),
}


@pytest.mark.parametrize("name", SETS)
def test_real_people(name: str, shared: Path, tmp_path: Path) -> None:
    overrides, split = SETS[name]
    arguments = [*overrides, f"data.source.folder={shared}/data/{name}", "data.input_size=[64,48]", "--split", split]
    assert show(tmp_path, *arguments, "--count", "4") == (1, 4)
