"""The data sets from files, composed as the command line does."""

from pathlib import Path

import pytest

from posepyr.checkpoints.recipe import build
from posepyr.cli.compose import Composer
from posepyr.cli.faults import UsageError
from posepyr.data.coco import Coco
from posepyr.data.custom import Custom


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


def test_coco_brings_its_skeleton(composer: Composer) -> None:
    config = composer.job(["data=coco", "data.source.folder=/archives/coco"]).config
    assert config["skeleton"]["name"] == "coco"
    source = build(config["data"]["source"])
    assert isinstance(source, Coco)
    assert source.folder == Path("/archives/coco")
    assert config["data"]["input_size"] == [256, 192]


def test_a_skeleton_on_the_command_line_is_stronger_than_the_data_set_s(composer: Composer) -> None:
    config = composer.job(["skeleton=lsp", "data=coco"]).config
    assert config["skeleton"]["name"] == "lsp"
    assert tuple(config["skeleton"]["joints"]) == build(config["skeleton"]).joints


def test_a_data_set_of_one_s_own_brings_its_skeleton(composer: Composer, tmp_path: Path) -> None:
    (tmp_path / "hands.yaml").write_text(
        "name: hands\njoints: [left, right]\nflip_pairs: [[left, right]]\nimages: .\nannotations: {train: a.csv}\n"
    )
    config = composer.job(["data=custom", f"data.source.file={tmp_path}/hands.yaml"]).config
    source = build(config["data"]["source"])
    assert isinstance(source, Custom)
    assert build(config["skeleton"]) == source.skeleton
    assert source.skeleton.joints == ("left", "right")


def test_a_data_set_of_one_s_own_needs_its_file(composer: Composer) -> None:
    with pytest.raises(UsageError, match=r"data\.source\.file must be given"):
        composer.job(["data=custom"])
