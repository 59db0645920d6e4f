from pathlib import Path

import pytest
import yaml

from posepyr import nodes
from posepyr.configuration.compose import Composer, recheck
from posepyr.configuration.stored import changes, read_stored, with_later_keys


def store(folder: Path, config: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def test_names_of_older_versions_are_read_as_todays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(nodes.MOVED, "posepyr.old.Network", "support.cli_parts.Network")
    monkeypatch.setitem(nodes.RENAMED_ARGUMENTS, "support.cli_parts.Network", {"goes": "stacks"})
    folder = store(tmp_path / "old", {"model": {"_target_": "posepyr.old.Network", "goes": 3}, "seed": 1})
    assert read_stored(folder) == {"model": {"_target_": "support.cli_parts.Network", "stacks": 3}, "seed": 1}


def test_arguments_that_came_later_keep_what_was_done_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(nodes.LATER_ARGUMENTS, "support.cli_parts.Network", {"stacks": 5})
    node = {"_target_": "support.cli_parts.Network"}
    assert read_stored(store(tmp_path / "old", {"model": node})) == {"model": {**node, "stacks": 5}}
    chosen = {"model": {**node, "stacks": 2}}
    assert read_stored(store(tmp_path / "new", chosen)) == chosen


def test_keys_that_came_later_have_their_present_values(conf: Path, tmp_path: Path) -> None:
    now = Composer().job([]).config
    before = {key: value for key, value in now.items() if key != "seed"} | {"checkpoint": {"monitor": "val/top1"}}
    del before["model"]["stacks"]
    config = Composer().stored(store(tmp_path / "old", before), []).config
    assert config["seed"] == 0
    assert config["checkpoint"] == {"monitor": "val/top1", "mode": "max"}
    assert config["model"]["stacks"] == 2


def test_what_a_run_has_done_without_stays_away() -> None:
    present = {"seed": 0, "callbacks": {"a": {"_target_": "x.y"}, "b": {"_target_": "x.z"}}}
    assert with_later_keys({"callbacks": {"a": None}}, present) == {"callbacks": {"a": None}, "seed": 0}


def test_a_configuration_from_elsewhere_is_copied_completed_and_checked(conf: Path) -> None:
    config = Composer().job([]).config
    changed = {**config, "model": {"_target_": "support.cli_parts.Network", "block": config["model"]["block"]}}
    assert recheck(changed) == config
    assert "stacks" not in changed["model"]


def test_changes_are_the_keys_that_differ() -> None:
    before = {"seed": 0, "model": {"width": 8, "sizes": [1, 2]}, "logger": None, "gone": 1}
    after = {"seed": 0, "model": {"width": 4, "sizes": [1, 2]}, "logger": {"project": "a"}, "more": 2}
    assert changes(before, after) == {
        "model.width": [8, 4],
        "logger": [None, {"project": "a"}],
        "gone": [1, None],
        "more": [None, 2],
    }
    assert changes(before, before) == {}


def test_keys_that_came_later_to_our_own_files_have_their_defaults(tmp_path: Path) -> None:
    now = Composer().job([]).config
    later = ("seed", "threads", "recompute", "compile", "progress", "test", "visibility", "init", "loss")
    before = {key: value for key, value in now.items() if key not in later}
    before["checkpoint"] = {"monitor": "val/pck"}
    before["protocol"] = {"_target_": now["protocol"]["_target_"], "flip": True}
    folder = store(tmp_path / "old", before)
    for swap in (False, True):
        assert Composer().stored(folder, [], swap).config == now
