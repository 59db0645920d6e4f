"""posepyr evaluate of classifiers: how often the right class is the first, and among the first five."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posepyr.checkpoints.recipe import VERSION, ClassifierRecipe
from posepyr.checkpoints.storage import write_checkpoint
from posepyr.cli.main import main
from posepyr.nodes import build

CLASSES = ("ape", "bear", "cat", "dog", "eel", "fox")
COLOURS = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]
"""One a class, so that a network that has learnt anything could tell."""
COUNTS = {"train": [1] * 6, "val": [2] * 6, "test": [1, 5, 1, 7, 3, 4]}
"""Pictures of each class, so many in some splits that no share of them is one of another split."""
NETWORK = {"_target_": "posepyr.models.wide_resnet.WideResNet", "depth": 10, "widen": 1, "classes": len(CLASSES)}
QUICK = ["data.batch_size=4", "data.workers=0", "trainer=cpu", "progress=false"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of several widths, which are of their class's colour but for a stripe at the edge."""
    root = tmp_path_factory.mktemp("pictures")
    for split, counts in COUNTS.items():
        for name, colour, count in zip(CLASSES, COLOURS, counts, strict=True):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.full((48, 40 + 8 * number, 3), colour, np.uint8)
                pixels[:, 0] = 77
                cv2.imwrite(str(root / split / name / f"{number}.png"), pixels[..., ::-1])
    return root


def write_classifier(path: Path, classes: tuple[str, ...] = CLASSES) -> torch.nn.Module:
    torch.manual_seed(0)
    network: torch.nn.Module = build(NETWORK)
    recipe = ClassifierRecipe(NETWORK, classes, (32, 32))
    state = {f"model.{key}": value for key, value in network.state_dict().items()}
    write_checkpoint(path, {"state_dict": state, "posepyr_classifier": recipe.to_dict()})
    return network.eval()


def expected(network: torch.nn.Module, counts: list[int]) -> tuple[float, float]:
    """Top-1 and top-5 of so many pictures of each class's colour."""
    image = torch.tensor(COLOURS, dtype=torch.uint8)[:, :, None, None].expand(-1, -1, 32, 32)
    with torch.inference_mode():
        order = network(image).argsort(dim=1, descending=True)
    place = (order == torch.arange(len(CLASSES))[:, None]).int().argmax(dim=1).numpy()
    return float(np.average(place == 0, weights=counts)), float(np.average(place < 5, weights=counts))


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_classifier_is_scored_on_a_split(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], split: str
) -> None:
    network = write_classifier(tmp_path / "a.ckpt")
    data = ["data=imagenet", f"data.source.folder={pictures}", *QUICK]
    command = ["evaluate", str(tmp_path / "a.ckpt"), *data, "--split", split, "--output", str(tmp_path / "out")]
    assert main(command) == 0
    count = sum(COUNTS[split])
    line = f"{split}: {count} pictures of 6 classes, middle 32x32 of shorter side 37, seen once"
    assert line in capsys.readouterr().out
    [report] = json.loads((tmp_path / "out" / f"{split}_scores.json").read_text())
    first, five = expected(network, COUNTS[split])
    assert report["scores"][f"{split}/top1"] == pytest.approx(first)
    assert report["scores"][f"{split}/top5"] == pytest.approx(five)
    assert 0 < report["scores"][f"{split}/loss"] < float("inf")
    assert (report["pictures"], report["classes"], report["input_size"]) == (count, 6, [32, 32])
    assert (report["split"], report["shown"]) == (split, "middle 32x32 of shorter side 37")


def test_converted_files_know_the_number_of_their_classes_alone(pictures: Path, tmp_path: Path) -> None:
    write_classifier(tmp_path / "a.ckpt", tuple(str(number) for number in range(len(CLASSES))))
    command = ["evaluate", str(tmp_path / "a.ckpt"), "data=imagenet", f"data.source.folder={pictures}", *QUICK]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize(
    ("classes", "overrides", "message"),
    [
        (CLASSES[::-1], ["data=imagenet"], "in their order, got 6, first 'fox' against 'ape'"),
        (("0", "1"), ["data=imagenet"], "must have the 2 classes of"),
        (CLASSES, ["data=mpii"], "data must have pictures of classes for a classifier, as data=imagenet"),
        (CLASSES, ["data=imagenet", "--submission", "x.json"], "--submission must come with a pose network"),
    ],
)
def test_what_does_not_fit_is_refused(
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    classes: tuple[str, ...],
    overrides: list[str],
    message: str,
) -> None:
    write_classifier(tmp_path / "a.ckpt", classes)
    data = [*overrides, f"data.source.folder={pictures}", *QUICK]
    assert main(["evaluate", str(tmp_path / "a.ckpt"), *data, "--output", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_a_recipe_of_a_later_version_is_refused(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = ClassifierRecipe(NETWORK, CLASSES, (32, 32), version=99).to_dict()
    write_checkpoint(tmp_path / "a.ckpt", {"state_dict": {}, "posepyr_classifier": recipe})
    data = ["data=imagenet", f"data.source.folder={pictures}", *QUICK]
    assert main(["evaluate", str(tmp_path / "a.ckpt"), *data, "--output", str(tmp_path / "out")]) == 1
    assert f"reads recipes up to version {VERSION}, got version 99; update posepyr" in capsys.readouterr().err


OWN = '''
from torch import Tensor, nn


class Means(nn.Module):
    """Scores of classes from the mean of each colour."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.scores = nn.Linear(3, classes)

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.scores(image.float().mean(dim=(2, 3)) / 255)
        return scores
'''


def test_a_network_of_a_package_of_ones_own_is_scored_in_its_run_folder(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf" / "classifier").mkdir(parents=True)
    (tmp_path / "conf" / "classifier" / "means.yaml").write_text("_target_: means_of_colours.Means\n")
    (tmp_path / "means_of_colours.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    run = tmp_path / "run"
    command = ["experiment=imagenet", "classifier=means", f"data.source.folder={pictures}", "data.cut.size=[32,32]"]
    command += ["trainer.max_steps=2", "callbacks=none", *QUICK, f"hydra.run.dir={run}"]
    assert main(["train", *command, "--config-dir", str(tmp_path / "conf")]) == 0
    checkpoint = str(next((run / "checkpoints").glob("*.ckpt")))
    assert main(["evaluate", checkpoint, "--split", "val", "--output", str(tmp_path / "out")]) == 0
    [report] = json.loads((tmp_path / "out" / "val_scores.json").read_text())
    assert (report["pictures"], report["classes"]) == (sum(COUNTS["val"]), len(CLASSES))
