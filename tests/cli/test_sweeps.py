"""Every sweep by name, and every experiment, composes and passes the checks."""

from pathlib import Path

import pytest

from posepyr.cli.compose import Composer

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "sweep").glob("*.yaml")))
def test_a_sweep_is_several_different_runs(composer: Composer, name: str) -> None:
    jobs = composer.jobs([f"sweep={name}"])
    assert len(jobs) > 1
    assert len({str(job.config) for job in jobs}) == len(jobs)
