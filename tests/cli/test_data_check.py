"""``posepyr data``, its table of sub-commands, and ``check``: what it says, writes and ends with."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from posepyr.cli.main import DATA, main


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people who train and three who validate, in COCO's layout."""
    folder = tmp_path_factory.mktemp("data") / "drawn"
    made = ["data", "make", "figures", "--format", "coco", "--output", str(folder), "--size", "64"]
    assert main([*made, "--train", "6", "--val", "3"]) == 0
    return folder


@pytest.fixture
def copy(drawn: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    for path in drawn.rglob("*"):
        if path.is_file():
            target = tmp_path / "copy" / path.relative_to(drawn)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path / "copy"


def check(folder: Path, *more: str) -> int:
    return main(["data", "check", "data=coco", "skeleton=mpii", f"data.source.folder={folder}", *more])


def test_help_is_at_once() -> None:
    code = (
        "import sys; from posepyr.cli.main import main\n"
        "assert main(['data', '--help']) == 0 and main(['data']) == 2\n"
        "for action in ('check', 'show', 'stats', 'make'):\n"
        "    try: main(['data', action, '--help'])\n"
        "    except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for name, (_, summary) in DATA.commands.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", done.stdout, re.MULTILINE)


def test_a_data_set_in_order(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(drawn) == 0
    out = capsys.readouterr().out
    assert re.search(r"^train +6 people in 6 pictures; left out: nobody$", out, re.MULTILINE)
    assert re.search(r"^val +3 people in 3 pictures", out, re.MULTILINE)
    assert re.search(r"^test +the same as val$", out, re.MULTILINE)
    assert "pictures  9 of 9 looked at, 9 decoded" in out
    assert "train: 6 people, published 149,813" in out
    assert out.endswith("no errors; 1 kind of note\n")


def test_errors_end_with_code_1(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty, gone = sorted((copy / "train2017").iterdir())[:2]
    empty.write_bytes(b"")
    gone.unlink()
    assert check(copy, "--split", "train") == 1
    out = capsys.readouterr().out
    assert re.search(rf"ERROR  pictures that cannot be read: 1\n  train 0 .*{empty.name} with zero bytes", out)
    assert re.search(rf"ERROR  pictures that are missing: 1\n  train 1 .*{gone.name}", out)
    assert "2 kinds of error that would stop or mislead a training" in out
    assert check(copy, "--split", "train", "--pictures", "none") == 0
    assert "pictures  6, none looked at" in capsys.readouterr().out


def test_an_archive_that_is_not_whole_shows_both_trees(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "annotations" / "person_keypoints_val2017.json").unlink()
    assert check(copy) == 1
    captured = capsys.readouterr()
    assert re.search(r"ERROR  splits that cannot be read: 2\n  val: COCO must lie complete in", captured.out)
    assert re.search(r"annotations/person_keypoints_val2017\.json +MISSING", captured.out)
    assert re.search(r"annotations/ person_keypoints_train2017\.json", captured.out)
    assert "Traceback" not in captured.out + captured.err
    assert check(copy, "--split", "train") == 0


def test_a_damaged_annotation_names_file_record_and_field(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copy / "annotations" / "person_keypoints_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"][3]["keypoints"][4] = "12"
    path.write_text(json.dumps(content))
    assert check(copy, "--split", "train") == 1
    assert re.search(rf"train: {path}: annotations\[3\] \(id \d+\): keypoints must", capsys.readouterr().out)


def repeat_person(copy: Path) -> dict[str, Any]:
    """Thirty-one copies of the first person of the file."""
    path = copy / "annotations" / "person_keypoints_train2017.json"
    content = json.loads(path.read_text())
    first = content["annotations"][0]
    content["annotations"] += [first | {"id": 1000 + number} for number in range(31)]
    path.write_text(json.dumps(content))
    return dict(content)


def test_twenty_are_shown_and_all_are_written(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repeat_person(copy)
    file = tmp_path / "report.json"
    assert check(copy, "--split", "train", "--json", str(file)) == 0
    out = capsys.readouterr().out
    pairs = 32 * 31 // 2
    assert f"note  people annotated twice: {pairs}\n" in out
    assert f"  and {pairs - 20} more; --json FILE has them all" in out
    assert out.count(": the joints of person") == 20
    report = json.loads(file.read_text())
    assert report["overrides"][0] == "data=coco"
    [twins] = [finding for finding in report["findings"] if finding["kind"] == "people annotated twice"]
    assert len(twins["offenders"]) == twins["count"] == pairs
    assert twins["severity"] == "note"
    assert twins["offenders"][0]["value"] == "the joints of person 0"
    assert re.fullmatch(r"image \d+, person 10\d\d", twins["offenders"][0]["record"])
    assert report["splits"]["train"]["people"] == 37


def test_a_data_set_of_one_s_own(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "arms.yaml").write_text(
        "name: arms\njoints: [right_wrist, right_elbow, left_elbow, left_wrist]\n"
        "flip_pairs: [[right_wrist, left_wrist], [right_elbow, left_elbow]]\n"
        f"images: {copy}/train2017\nannotations: {{train: {copy}/annotations/person_keypoints_train2017.json}}\n"
    )
    assert main(["data", "check", "data=custom", f"data.source.file={tmp_path}/arms.yaml"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^train +5 people", out, re.MULTILINE)
    assert re.search(r"^val +1 people", out, re.MULTILINE)


def test_pictures_of_classes_need_no_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]:
        (tmp_path / name).write_bytes(b"".join(bytes([label]) * 3073 for label in range(10)))
    assert main(["data", "check", "data=cifar10", f"data.source.folder={tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^train +50 pictures of 10 classes$", out, re.MULTILINE)
    assert "train: 50 pictures, published 50,000" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chek"], "chek is no command of posepyr data; did you mean check? See posepyr data --help"),
        (["check", "data=koko"], "did you mean coco"),
        (["check", "--pictures", "some"], "--pictures must be a number, all or none, got some"),
        (["check", "--pictures", "-1"], "--pictures must be a number, all or none, got -1"),
        (["check", "data.source.seed=nine"], "data.source.seed must be"),
        (["check", "val"], "val"),
    ],
)
def test_what_it_refuses(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", *arguments]) == 2
    assert message in capsys.readouterr().err


SETS = {
    "coco_mini": (["data=coco"], "train", 86),
    "lspet_mini": (["data=lsp"], "train", 1000),
    "mpii_mini": (["data=mpii", "data.source.annotations=test_mpii.json"], "val", 5),
    "posetrack18_mini": (["data=posetrack"], "val", 14),
}


@pytest.mark.parametrize("name", SETS)
def test_real_data_sets_are_fit_to_train_on(name: str, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides, split, people = SETS[name]
    folder = f"data.source.folder={shared}/data/{name}"
    assert main(["data", "check", *overrides, folder, "--split", split, "--pictures", "5"]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"^{split} +{people:,} people in", out, re.MULTILINE)
    assert "ERROR" not in out
    assert "other counts than published" in out
