"""A network's keys in the words of its release: what the rules of reading make of them is undone."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from posepyr.checkpoints.file_words import rename
from posepyr.checkpoints.official import recognise
from posepyr.checkpoints.releases import RELEASES

CLASSIFIERS = {
    "names": ["incre_modules.0.0.conv1.weight", "downsamp_modules.2.0.bias", "final_layer.1.weight", "classifier.bias"],
    "numbers": ["head.0.3.0.bn2.bias", "head.1.0.1.weight", "head.2.0.weight", "fc.weight"],
}


def state_of(keys: list[str]) -> dict[str, Tensor]:
    return dict.fromkeys(keys, torch.zeros(1))


def check_round(state: dict[str, Tensor], source: str) -> None:
    release = RELEASES[source]
    rules, words = release.rules(state), release.words(state)
    for key in state:
        assert rename(rename(key, rules), words) == key


@pytest.mark.parametrize(
    "name", ["hrnet_w32_coco", "ppnet_m2_d2_w32_coco", "simple_baseline_r50_coco", "hourglass_s2_b1_mpii"]
)
def test_every_key_of_the_releases_is_named_as_in_its_file(shared: Path, name: str) -> None:
    keys = list(json.loads((shared / "golden" / f"{name}.json").read_text())["state_dict"])
    assert len(keys) > 300
    check_round(state_of(keys), recognise(state_of(keys), name))


@pytest.mark.parametrize("words", CLASSIFIERS)
def test_heads_of_hrnets_classifiers_have_names_or_numbers(words: str) -> None:
    check_round(state_of(CLASSIFIERS[words]), "hrnet")


def test_a_residual_networks_last_layer_is_torchvisions() -> None:
    check_round(state_of(["layer4.2.conv3.weight", "fc.weight", "conv1.weight", "bn1.running_var"]), "simple_baseline")


def test_what_is_missing_as_a_whole_is_named_too() -> None:
    """Nothing of the file shows how its head would be called."""
    assert rename("heads.0.bias", RELEASES["hrnet"].words({})) == "final_layer.bias"
    assert rename("merge_heatmaps.0.0.weight", RELEASES["ppnet"].words({})) == "heatmap_layer_.0.0.weight"
    assert rename("head.classify.bias", RELEASES["hrnet"].words({})) == "classifier.bias"
