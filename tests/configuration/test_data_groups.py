"""The data sets from files, composed as the command line does."""

from pathlib import Path

import pytest

from posepyr import skeleton as skeletons
from posepyr.configuration.compose import Composer
from posepyr.data.sources.coco import Coco
from posepyr.data.sources.custom import Custom
from posepyr.data.sources.mixture import Mixture
from posepyr.errors import UsageError
from posepyr.nodes import build


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


@pytest.mark.parametrize(
    ("name", "skeleton"),
    [
        ("lsp", "lsp"),
        ("lspet", "lsp"),
        ("posetrack", "posetrack"),
        ("ai_challenger", "ai_challenger"),
        ("coco_detections", "coco"),
    ],
)
def test_data_sets_bring_skeletons_with_their_joints(composer: Composer, name: str, skeleton: str) -> None:
    config = composer.job([f"data={name}", "data.source.folder=/archives/it"]).config
    assert config["skeleton"]["name"] == skeleton
    source = build(config["data"]["source"])
    assert source.folder == Path("/archives/it")
    assert build(config["skeleton"]).joints == getattr(skeletons, f"{skeleton.upper()}_JOINTS")


def test_lsp_extended_is_cut_for_the_study(composer: Composer) -> None:
    source = build(composer.job(["data=lspet", "data.source.splits.test=[9000,9500]"]).config["data"]["source"])
    assert source.splits == {"train": [0, 8000], "val": [8000, 9000], "test": [9000, 9500]}
    assert source.box == "joints"


def test_mixtures_are_of_all_their_sources(composer: Composer) -> None:
    config = composer.job(["data=lsp_mpii", "data.source.sources.mpii.folder=/archives/mpii"]).config
    source = build(config["data"]["source"])
    assert isinstance(source, Mixture)
    assert source.joints == build(config["skeleton"]).joints == skeletons.LSP_JOINTS
    assert list(source.sources) == ["lsp", "lspet", "mpii"]
    assert source.sources["mpii"].folder == Path("/archives/mpii")
    assert source.evaluate_on == "lsp"
    # Another skeleton asks for its own joints; a source can be left out.
    config = composer.job(["skeleton=mpii", "data=lsp_mpii", "~data.source.sources.lspet"]).config
    source = build(config["data"]["source"])
    assert source.joints == build(config["skeleton"]).joints
    assert list(source.sources) == ["lsp", "mpii"]
    config = composer.job(["data=coco_ai"]).config
    assert build(config["data"]["source"]).joints == skeletons.COCO_JOINTS
    with pytest.raises(UsageError, match=r"data\.source\.sources\.coco\.folder must be str, got 3"):
        composer.job(["data=coco_ai", "data.source.sources.coco.folder=3"])
