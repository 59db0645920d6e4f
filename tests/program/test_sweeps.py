"""Every sweep by name, and every experiment, composes and passes the checks."""

from typing import Any

import pytest

from posepyr.configuration import catalogue
from posepyr.configuration.compose import Composer

SWEEPS = catalogue.choices([catalogue.configuration_folder()], "sweep")


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_is_several_different_runs(composer: Composer, name: str) -> None:
    jobs = composer.jobs([f"sweep={name}"])
    assert len(jobs) > 1
    assert len({str(job.config) for job in jobs}) == len(jobs)


PYRANET: dict[str, tuple[str, str, list[tuple[str, Any]]]] = {
    "pyranet/init": (
        "pyranet/mpii_ablation",
        "init._target_",
        [("posepyr.initialisation.schemes.Xavier", 2), ("posepyr.initialisation.schemes.MSR", 2),
         ("posepyr.initialisation.multibranch.MultiBranch", 2)],
    ),
    "pyranet/ladder": (
        "pyranet/mpii_ablation",
        "model.shortcut",
        [("identity", 2), (None, 2), (None, 2)],
    ),
    "pyranet/control": ("pyranet/mpii", "model.shortcut", [("identity", 8), (None, 8)]),
    "pyranet/resnet": ("pyranet/variance_resnet_mpii", "model.depth", [(50, None), (101, None), (152, None)]),
}  # fmt: skip
"""The experiment on MPII at full size, a key that is swept, and its values with the stacks of each run."""


def value(config: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        config = config[part]
    return config


@pytest.mark.parametrize("name", PYRANET)
def test_studies_run_small_on_figures_and_in_full_on_mpii_by_one_override(composer: Composer, name: str) -> None:
    experiment, key, expected = PYRANET[name]
    assert f"experiment={experiment}" in catalogue.header(SWEEPS[name]).title
    small, full = composer.jobs([f"sweep={name}"]), composer.jobs([f"sweep={name}", f"experiment={experiment}"])
    for jobs, source, size in ((small, "figures.Figures", [64, 64]), (full, "mpii.Mpii", [256, 256])):
        configs = [job.config for job in jobs]
        assert [(value(config, key), config["model"].get("stacks")) for config in configs] == expected
        for config in configs:
            assert config["data"]["source"]["_target_"].endswith(source)
            assert config["data"]["input_size"] == size
            measured = "variance" in config["callbacks"]
            assert measured == (name in ("pyranet/control", "pyranet/resnet"))
    assert {job.config["trainer"]["max_epochs"] > 100 for job in full} == {True}
    assert {job.config["trainer"]["max_epochs"] < 10 for job in small} == {True}


def test_the_ladders_last_rung_has_pyramids(composer: Composer) -> None:
    blocks = [job.config["model"]["block"]["_target_"] for job in composer.jobs(["sweep=pyranet/ladder"])]
    assert [block.rpartition(".")[2] for block in blocks] == ["ResidualBlocks", "ResidualBlocks", "PyramidBlocks"]
