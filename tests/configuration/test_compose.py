import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from posepyr.configuration.compose import Composer
from posepyr.configuration.hydra_loader import PLUGINS
from posepyr.errors import UsageError

Writer = Callable[[Path, dict[str, str]], Path]


def test_a_configuration_is_plain_complete_and_resolved(conf: Path) -> None:
    config = Composer().job([]).config
    assert config == {
        "name": "train",
        "seed": 0,
        "checkpoint": {"monitor": "val/pck", "mode": "max"},
        "model": {
            "_target_": "support.cli_parts.Network",
            "block": {"_target_": "support.cli_parts.Block", "variant": "B", "levels": 4, "scale": 1.0},
            "stacks": 2,
            "width": None,
            "size": [64, 64],
            "rates": [0.1, 0.2],
            "bias": True,
            "where": None,
        },
        "data": {
            "_target_": "support.cli_parts.Data",
            "source": {"_target_": "support.cli_parts.Source", "file": "train.json", "share": 0.1},
            "batch_size": 16,
        },
        "callbacks": {"sheet": {"_target_": "support.cli_parts.Sheet", "count": 8}},
        "logger": {},
    }
    assert type(config["model"]) is dict
    assert type(config["model"]["size"]) is list


@pytest.mark.parametrize(
    ("overrides", "path", "value"),
    [
        (["model.stacks=8"], "model.stacks", 8),
        (["model.block.levels=2"], "model.block.levels", 2),
        (["model=pyramid_small", "model.block.variant=B"], "model.block.variant", "B"),
        (["data.source.names=[a,b]"], "data.source.names", ["a", "b"]),
        (["experiment=paper/first"], "model.stacks", 8),
        (["experiment=paper/first", "name=mine"], "data.source.file", "mine.json"),
        (["callbacks.sheet=null"], "callbacks.sheet", None),
        (["+callbacks.mine={_target_:support.cli_parts.Sheet}"],
         "callbacks.mine", {"_target_": "support.cli_parts.Sheet"}),
        (["model.width=${seed}", "seed=3"], "model.width", 3),
        (["model.head={_target_:support.cli_parts.Plain,_partial_:true}"], "model.head._partial_", True),
        (["model._target_=support.cli_parts.Anything", "~model.block", "model.own=5"], "model.own", 5),
        (["model.block._target_=support.cli_parts.Sheet", "~model.block.variant", "model.block.count=3"],
         "model.block", {"_target_": "support.cli_parts.Sheet", "count": 3}),
    ],
)  # fmt: skip
def test_any_argument_is_overridden_without_a_plus(conf: Path, overrides: list[str], path: str, value: object) -> None:
    job = Composer().job(overrides)
    found: object = job.config
    for part in path.split("."):
        assert isinstance(found, dict)
        found = found[part]
    assert found == value
    assert job.overrides == overrides


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.stcks=2", "model.stcks is no argument of support.cli_parts.Network, got 2; did you mean model.stacks?"),
        (
            "+model.stcks=2",
            "model.stcks is no argument of support.cli_parts.Network, got 2; did you mean model.stacks?",
        ),
        ("model.stacks=two", "model.stacks must be int, got 'two'"),
        ("model.stacks.deep=1", "model.stacks must be int, got {'deep': 1}"),
        ("model.joints=14", "model.joints must not be given, got 14: it comes from the group skeleton"),
        ("model._target_=support.cli_parts.Netwrk", "did you mean support.cli_parts.Network?"),
        ("model=pyramit", "model must be one of the files in model/, got 'pyramit'; did you mean pyramid"),
        ("experiment=paper/frist", "got 'paper/frist'; did you mean paper/first?"),
        ("modle=plain", "modle is no key of the configuration; did you mean model=plain?"),
        ("nmae=x", "nmae is no key of the configuration; did you mean name=x?"),
        ("checkpoint.monitr=x", "checkpoint.monitr is no key of checkpoint; did you mean checkpoint.monitor?"),
        ("callbacks.shet.count=3", "callbacks.shet is no key of callbacks; did you mean callbacks.sheet?"),
        ("+callbacks.mine=3", "a new entry needs a _target_"),
        ("data=missing", "data.source.file must be given: add data.source.file=VALUE"),
        ("~data.source.file", "data.source.file must be given, support.cli_parts.Source needs it"),
        ("~model", "model must not be left out: give it a value with model=VALUE"),
        ("logger=null", "logger must name a choice, got null: write ~logger to do without"),
        ("+model=plain", "model has a choice already: write model=plain, without +"),
        ("model=[plain", "an override must read key=value, got 'model=[plain'"),
        ("model.stacks=1,2", "model.stacks=1,2 must be one value without -m: add -m to run each of them"),
        ("model.width=${sed}", "Interpolation key 'sed' not found"),
        ("hydra.run.dirr=x", "hydra.run.dirr is no key of hydra.run; did you mean hydra.run.dir?"),
        ("hydra/job_logging=stdot", "got 'stdot'; did you mean stdout?"),
    ],
)
def test_an_error_names_key_value_and_what_was_meant(conf: Path, override: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Composer().job([override])
    assert message in str(caught.value)
    assert "+" + override not in str(caught.value), "a + would not help"


def test_every_fault_is_named_at_once(conf: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Composer().job(["model.stacks=x", "seed=y", "nmae=z"])
    assert len(str(caught.value).splitlines()) == 3


def test_a_key_that_the_file_left_behind_can_be_dropped(conf: Path) -> None:
    with pytest.raises(UsageError, match=r"add ~model\.block\.variant to drop what the file says"):
        Composer().job(["model.block._target_=support.cli_parts.Plain"])
    job = Composer().job(["model.block._target_=support.cli_parts.Plain", "~model.block.variant"])
    assert job.config["model"]["block"] == {"_target_": "support.cli_parts.Plain"}


def test_a_faulty_experiment_is_found(conf: Path, tmp_path: Path, write: Writer) -> None:
    own = write(tmp_path / "own", {"experiment/typo": "# @package _global_\nmodle: {stacks: 3}\nmodel: {stcks: 3}"})
    with pytest.raises(UsageError) as caught:
        Composer(own).job(["experiment=typo"])
    assert "did you mean model.stacks=3?" in str(caught.value)
    assert "add ~model.stcks to drop what the file says" in str(caught.value)


def test_the_users_folder_comes_first_and_is_completed(conf: Path, tmp_path: Path, write: Writer) -> None:
    own = write(
        tmp_path / "own",
        {"model/mine": "_target_: support.cli_parts.Network\nblock: {_target_: support.cli_parts.Block}",
         "model/plain": "_target_: support.cli_parts.Network\nstacks: 5\nblock: {_target_: support.cli_parts.Plain}",
         "mine": "defaults: [config, {override model: mine}, _self_]\nname: mine"},
    )  # fmt: skip
    assert Composer(own).job(["model=mine", "model.block.levels=7"]).config["model"]["block"]["levels"] == 7
    assert Composer(own).job(["model=plain"]).config["model"]["stacks"] == 5
    config = Composer(own, "mine").job([]).config
    assert (config["name"], config["model"]["block"]["variant"]) == ("mine", "A")


def test_where_configurations_come_from_must_exist(conf: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--config-dir must name a folder"):
        Composer(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"--config-name must name a file, got 'confg'; did you mean config\?"):
        Composer(None, "confg")


def test_a_sweep_is_every_combination(conf: Path) -> None:
    jobs = Composer().jobs(["model=plain,pyramid", "model.stacks=range(1,3)", "seed=${hydra:job.num}"])
    found = [(job.config["model"]["block"]["_target_"], job.config["model"]["stacks"]) for job in jobs]
    assert found == [
        ("support.cli_parts.Plain", 1),
        ("support.cli_parts.Plain", 2),
        ("support.cli_parts.Block", 1),
        ("support.cli_parts.Block", 2),
    ]
    assert [job.config["seed"] for job in jobs] == [0, 1, 2, 3]
    assert len(Composer().jobs(["model=glob(p*)"])) == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.stacks=1,2,x", "model.stacks must be int, got 'x'"),
        ("model=plain,pyramid,pyramit", "got 'pyramit'; did you mean pyramid"),
        ("model.stcks=1,2", "did you mean model.stacks?"),
        ("seed=interval(0,1)", "does not support sweep type"),
    ],
)
def test_every_value_of_a_sweep_is_checked(conf: Path, override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        Composer().jobs([override])


def test_a_sweep_may_stand_in_a_file(conf: Path, tmp_path: Path, write: Writer) -> None:
    text = "# @package _global_\nhydra: {sweeper: {params: {model.block.levels: '2,3', model.stacks: '1,2'}}}"
    own = write(tmp_path / "own", {"experiment/levels": text})
    jobs = Composer(own).jobs(["experiment=levels", "model.stacks=4"])
    found = [(job.config["model"]["block"]["levels"], job.config["model"]["stacks"]) for job in jobs]
    assert found == [(2, 4), (3, 4)], "the command line wins over the file"


@pytest.fixture
def run_folder(conf: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    folder.mkdir()
    config = Composer().job(["name=old", "model.stacks=5"]).config
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def test_a_stored_run_is_repeated_and_changed(run_folder: Path) -> None:
    before = yaml.safe_load((run_folder / "config.yaml").read_text(encoding="utf-8"))
    same = Composer().stored(run_folder, [])
    assert same.config == before
    assert same.composed.hydra.run.dir == "runs/old/run"
    changed = Composer().stored(run_folder, ["model.block.levels=2", "seed=4", "hydra.run.dir=there"])
    assert changed.config == {
        **before, "seed": 4, "model": {**before["model"], "block": {**before["model"]["block"], "levels": 2}}
    }  # fmt: skip
    assert changed.composed.hydra.run.dir == "there"
    assert changed.overrides == ["model.block.levels=2", "seed=4"]


@pytest.mark.parametrize("name", ["new", "a, b", "it's", "c=d (e)"])
def test_a_stored_run_gets_the_folder_of_its_new_name(name: str, run_folder: Path) -> None:
    job = Composer().stored(run_folder, ["name='" + name.replace("'", "\\'") + "'"])
    assert job.config["name"] == name
    assert job.folder == Path(f"runs/{name}/run")
    (run_folder / "config.yaml").write_text(yaml.safe_dump(job.config), encoding="utf-8")
    assert Composer().stored(run_folder, []).folder == job.folder
    assert Composer().run_folder(job.config) == job.folder


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=plain", "model=... must not choose a group here"),
        ("model.stcks=3", "did you mean model.stacks?"),
        ("model.stacks=x", "model.stacks must be int, got 'x'"),
        ("nmae=x", "did you mean name=x?"),
        ("model.stacks=1,2", "must be changed by key=value, got 'model.stacks=1,2'"),
        ("~model.stacks", "must be changed by key=value, got '~model.stacks'"),
    ],
)
def test_a_stored_run_is_checked_alike(run_folder: Path, override: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Composer().stored(run_folder, [override])
    assert message in str(caught.value)


def test_groups_of_a_stored_run_can_be_swapped_where_asked_for(run_folder: Path) -> None:
    job = Composer().stored(run_folder, ["data=missing", "data.source.file=b.json", "seed=2"], swap=True)
    assert job.config["data"]["source"]["file"] == "b.json"
    assert (job.config["seed"], job.config["model"]["stacks"]) == (2, 5)


def test_a_sweep_over_a_stored_run_changes_that_run(run_folder: Path) -> None:
    before = yaml.safe_load((run_folder / "config.yaml").read_text(encoding="utf-8"))
    composer = Composer(base=run_folder)
    jobs = composer.jobs(["seed=1,2", "model.block.levels=3"])
    block = {**before["model"]["block"], "levels": 3}
    assert [job.config for job in jobs] == [
        {**before, "seed": seed, "model": {**before["model"], "block": block}} for seed in (1, 2)
    ]
    assert jobs[0].config["model"]["stacks"] == 5
    assert jobs[0].overrides == ["seed=1", "model.block.levels=3"]
    assert str(jobs[0].composed.hydra.sweep.dir) == "runs/old/sweep"


def test_groups_of_a_stored_run_are_swept_over(run_folder: Path) -> None:
    plain, pyramid = Composer(base=run_folder).jobs(["model=plain,pyramid", "seed=3"])
    assert plain.config == Composer().job(["name=old", "model=plain", "seed=3"]).config
    assert pyramid.config["model"]["stacks"] == 2, "of the file"


def test_what_a_stored_run_lacks_is_the_files(run_folder: Path) -> None:
    path = run_folder / "config.yaml"
    before = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({key: before[key] for key in before.keys() - {"seed", "callbacks"}}))
    [job] = Composer(base=run_folder).jobs(["model.stacks=7"])
    assert "callbacks" not in job.config, "the run has done without"
    del before["callbacks"]
    assert job.config == {**before, "model": {**before["model"], "stacks": 7}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.stcks=3,4", "did you mean model.stacks?"),
        ("experiment=paper/first", "experiment=... must not be chosen for a stored run"),
    ],
)
def test_a_sweep_over_a_stored_run_is_checked(override: str, message: str, run_folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Composer(base=run_folder).jobs([override])
    assert message in str(caught.value)


def test_a_folder_that_holds_no_run_is_refused(conf: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a run folder must hold config.yaml, but .* cannot be read"):
        Composer().stored(tmp_path, [])
    (tmp_path / "config.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="must hold a mapping, got list"):
        Composer().stored(tmp_path, [])


def test_files_that_are_no_yaml_are_named(conf: Path, tmp_path: Path, write: Writer) -> None:
    own = write(tmp_path / "own", {"model/broken": "_target_: [cli_parts", "model/odd": "defaults: 3"})
    with pytest.raises(UsageError, match=r"broken\.yaml"):
        Composer(own).job(["model=broken"])
    with pytest.raises(UsageError, match="Invalid defaults list in 'model/odd'"):
        Composer(own).job(["model=odd"])


def test_composing_leaves_the_environment_alone(conf: Path) -> None:
    before, folder = dict(os.environ), Path.cwd()
    Composer().job(["seed=3"])
    assert (dict(os.environ), Path.cwd()) == (before, folder)


def test_a_configuration_is_shown_as_written_or_resolved(conf: Path) -> None:
    job = Composer().job(["name=a"])
    assert yaml.safe_load(job.text("job", resolve=False))["data"]["source"]["file"] == "${name}.json"
    assert yaml.safe_load(job.text("job", resolve=True)) == job.config
    assert yaml.safe_load(job.text("all", resolve=True))["hydra"]["output_subdir"] is None


OTHER_SWEEPER = "hydra.sweeper._target_=somebody.Sweeper"
"""One that asks for jobs as it goes, and need not be there to be checked."""


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        (["seed=int(interval(1,2))", "model.scale=interval(0.0,1.0)"], r"model\.scale is no argument"),
        (["model.block.scale=interval(0.0,1.0)", "model.stacks=choice(1,2,x)"], r"model\.stacks must be int, got 'x'"),
        (["model.stacks=interval(1,2.5)"], r"model\.stacks must be int, got 1\.0"),
        (["model.block.scale=tag(log,interval(0.1,1))", "model.stakcs=3"], "did you mean model.stacks"),
        (["experiment=swept"], "seed must be int, got 'x'"),
    ],
)
def test_values_of_another_sweeper_are_checked_beside_the_first_of_all_others(
    conf: Path, write: Writer, overrides: list[str], fault: str
) -> None:
    params = "{seed: 'choice(0,x)', model.stacks: 'int(interval(1,3))'}"
    write(conf, {"experiment/swept": f"# @package _global_\nhydra: {{sweeper: {{params: {params}}}}}"})
    with pytest.raises(UsageError, match=fault):
        Composer().jobs([OTHER_SWEEPER, *overrides])


def test_another_sweepers_jobs_are_its_own_affair(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composer, checked = Composer(), []
    monkeypatch.setattr(composer, "_checked", lambda composed: checked.append(composed))
    swept = ["model.block.scale=interval(0.0,1.0)", "seed=7,8,9", "model=pyramid_small,pyramid"]
    assert composer.jobs([OTHER_SWEEPER, *swept]) == []
    tried = [(job.seed, job.model.get("block", {}).get("scale"), job.hydra.runtime.choices.model) for job in checked]
    assert tried == [
        (7, 0.0, "pyramid_small"), (7, 1.0, "pyramid_small"), (8, 0.0, "pyramid_small"), (9, 0.0, "pyramid_small"),
        (7, 0.0, "pyramid"),
    ]  # fmt: skip


def test_a_sweep_by_name_without_m_is_refused_unless_it_sweeps_over_nothing(conf: Path, write: Writer) -> None:
    """It would be one run with none of the values."""
    params = "{hydra: {sweeper: {params: {model.stacks: '1,2', seed: '3,4'}}}}"
    write(conf, {"sweep/both": f"# @package _global_\n{params}", "sweep/none": "# @package _global_\nseed: 5"})
    main = (conf / "config.yaml").read_text()
    (conf / "config.yaml").write_text(main.replace("  - experiment: null", "  - experiment: null\n  - sweep: null"))
    expected = (
        r"^sweep=both must come with -m, which runs every combination of model\.stacks, seed: "
        r"posepyr train -m sweep=both name=x$"
    )
    with pytest.raises(UsageError, match=expected):
        Composer().job(["sweep=both", "name=x"])
    assert len(Composer().jobs(["sweep=both"])) == 4
    assert Composer().job(["sweep=none"]).config["seed"] == 5


@pytest.mark.parametrize(
    ("choice", "package"),
    [
        ("hydra/launcher=joblib", "posepyr[joblib]"),
        ("hydra/launcher=submitit_slurm", "posepyr[submitit]"),
        ("hydra/sweeper=optuna", "posepyr[optuna]"),
        ("hydra/sweeper/sampler=tpe", "posepyr[optuna]"),
        ("hydra/sweeper=ax", "hydra-ax-sweeper"),
    ],
)
def test_a_plugin_that_is_not_installed_is_answered_with_what_brings_it(
    conf: Path, monkeypatch: pytest.MonkeyPatch, choice: str, package: str
) -> None:
    composer = Composer()
    monkeypatch.setattr(composer.loader, "get_group_options", lambda _: ["basic"])
    with pytest.raises(UsageError, match=re.escape(f"{choice} must be installed")) as caught:
        composer.jobs([choice, "seed=1,2"])
    assert str(caught.value).endswith(f"pip install '{package}'")


def test_plugins_are_those_of_our_extras() -> None:
    file = Path(__file__).parents[2] / "pyproject.toml"
    extras = tomllib.loads(file.read_text())["project"]["optional-dependencies"]
    ours = {package for package in PLUGINS.values() if package.startswith("posepyr[")}
    assert {package[len("posepyr[") : -1] for package in ours} <= set(extras)
