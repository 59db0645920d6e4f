"""``posepyr convert``: what it takes, what it says, what it refuses."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.convert import SOURCES, default_output, input_size, read_skeleton
from posepyr.cli.main import main
from posepyr.errors import UsageError
from posepyr.models.simple_baseline import SimpleBaseline


def released(joints: int = 16) -> dict[str, Tensor]:
    """A narrow SimpleBaseline in the release's words."""
    model = SimpleBaseline(joints, width=4, upsampling=(8, 8, 8))
    found = {}
    for key, value in model.state_dict().items():
        parts = key.split(".")
        if parts[0] == "backbone":
            kinds = ("conv", "bn")
            if parts[1] == "stem":
                parts = [kinds[int(parts[3])] + "1", *parts[4:]]
            elif parts[4] == "main":
                parts = [
                    f"layer{int(parts[2]) + 1}",
                    parts[3],
                    f"{kinds[int(parts[6])]}{int(parts[5]) + 1}",
                    *parts[7:],
                ]
            else:
                parts = [f"layer{int(parts[2]) + 1}", parts[3], "downsample", *parts[5:]]
        else:
            parts[0] = {"upsampling": "deconv_layers", "head": "final_layer"}[parts[0]]
        found[".".join(parts)] = value
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "pose_resnet_50_384x288.pth"
    torch.save(released(), path)
    return path


def test_it_says_what_it_made(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(file), "--output", str(tmp_path / "a.ckpt")]) == 0
    said = capsys.readouterr().out
    for words in (
        "SimpleBaseline's release", "depth=50", "0 missing, 0 unexpected, 0 reshaped", "mpii", "bgr, mean [0.485",
        "384x288 (the file's name), box padded by 1.25", "sigma=3.0, grid=plain, quantise=True, refine=quarter",
    ):  # fmt: skip
        assert words in said
    content = read_checkpoint(tmp_path / "a.ckpt")
    assert content["posepyr"]["input_size"] == [384, 288]
    assert content["posepyr"]["skeleton"]["joints"][0] == "right_ankle"
    assert all(key.startswith("model.") for key in content["state_dict"])


def test_the_command_line_has_the_last_word(file: Path, tmp_path: Path) -> None:
    arguments = ["--source", "simple_baseline", "--input", "64x96", "--skeleton", "mpii"]
    assert main(["convert", str(file), "--output", str(tmp_path / "a.ckpt"), *arguments]) == 0
    assert read_checkpoint(tmp_path / "a.ckpt")["posepyr"]["input_size"] == [64, 96]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--input", "96"], 2, "--input must be HEIGHTxWIDTH, as 256x192, got 96"),
        (["--input", "64x90"], 1, "must be divisible by 32, got 64x90"),
        (["--skeleton", "mpi"], 2, "did you mean mpii?"),
        (["--skeleton", "coco"], 1, "must have the 16 joints of the heatmaps"),
        (["--skeleton", "custom"], 2, "must list its joints in a file of its own"),
        (["--source", "hrnet"], 1, "taken for a file of HRNet's release: the file must hold transition1.0.0.weight"),
        (["--backbone"], 1, "must be a classifier's"),
    ],
)
def test_what_cannot_be_is_an_error_and_writes_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert main(["convert", str(file), "--output", str(tmp_path / "a.ckpt"), *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "a.ckpt").exists()


def test_the_file_is_never_written_over(file: Path) -> None:
    before = file.read_bytes()
    assert main(["convert", str(file), "--output", str(file)]) == 2
    assert file.read_bytes() == before


def test_an_unusual_number_of_joints_needs_a_skeleton() -> None:
    with pytest.raises(UsageError, match="--skeleton must name the joints: the file has 5"):
        read_skeleton(None, 5)
    assert len(read_skeleton(None, 17)["joints"]) == len(read_skeleton(None, None)["joints"]) == 17
    assert len(read_skeleton("lsp", 14)["joints"]) == 14


@pytest.mark.parametrize(
    ("asked", "name", "decided", "size"),
    [
        (None, "pose_hrnet_w32_384x288.pth", None, (384, 288)),
        ("128x96", "pose_hrnet_w32_384x288.pth", None, (128, 96)),
        (None, "pose_hrnet_w32_384x288.pth", (256, 256), (384, 288)),
        (None, "best.pth.tar", (256, 256), (256, 256)),
        ("128x96", "best.pth.tar", (256, 256), (128, 96)),
    ],
)
def test_the_input_size(asked: str | None, name: str, decided: tuple[int, int] | None, size: tuple[int, int]) -> None:
    assert input_size(asked, name, decided)[0] == size


def test_a_size_that_nothing_tells_is_asked_for(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(file, tmp_path / "model_best.pth.tar")
    assert main(["convert", str(tmp_path / "model_best.pth.tar")]) == 2
    error = capsys.readouterr().err
    assert "--input must give the height x width that the network was trained on, as --input 256x192" in error
    assert "neither the name model_best.pth.tar nor its weights tell it" in error
    assert [path.name for path in tmp_path.iterdir()] == ["model_best.pth.tar"]
    assert main(["convert", str(tmp_path / "model_best.pth.tar"), "--input", "64x96"]) == 0
    assert read_checkpoint(tmp_path / "model_best.posepyr.ckpt")["posepyr"]["input_size"] == [64, 96]


def test_keys_that_decide_the_size_need_no_other_word() -> None:
    from posepyr.checkpoints.official import decided_size

    assert decided_size("pytorch_pose", backbone=False) == (256, 256)
    assert decided_size("hrnet", backbone=True) == (224, 224)
    assert decided_size("hrnet", backbone=False) is None


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("pose_hrnet_w32_384x288.pth", "pose_hrnet_w32_384x288.posepyr.ckpt"),
        ("model_best.pth.tar", "model_best.posepyr.ckpt"),
        ("v1.2.pth", "v1.2.posepyr.ckpt"),
        ("weights", "weights.posepyr.ckpt"),
        ("a.ckpt", "a.posepyr.ckpt"),
    ],
)
def test_the_output_lies_beside_the_file_where_no_other_is_named(name: str, output: str) -> None:
    assert default_output(Path("there") / name) == Path("there") / output


def test_every_source_is_offered() -> None:
    from posepyr.checkpoints.releases import RELEASES

    assert ("auto", *RELEASES) == SOURCES
