import json
from pathlib import Path

import pytest

from posepyr.errors import UsageError
from posepyr.sweeps.manifest import Manifest, PlannedJob, read_manifest

JOBS = [PlannedJob(0, ["a=1", "seed=1"], "0", {"a": 1}), PlannedJob(1, ["a=1", "seed=2"], "1", {"a": 1})]


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    manifest = Manifest(["a=1", "seed=1,2"], "/there", None, "config").with_jobs(JOBS)
    manifest.write(tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert manifest.varies() == {0: ["seed=1"], 1: ["seed=2"]}


def test_further_jobs_stand_in_order() -> None:
    manifest = Manifest([], ".", None, "config").with_jobs(JOBS[1:]).with_jobs(JOBS)
    assert [job.number for job in manifest.jobs] == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"DIR must be the folder of a sweep, but .*sweep\.json cannot be read: No such file"),
        ("{", r"sweep\.json must be JSON: "),
        ("[]", "must be a manifest of version 1, got None"),
        (json.dumps({"version": 2}), "must be a manifest of version 1, got 2"),
        (json.dumps({"version": 1}), "must be a manifest as posepyr writes it"),
        (json.dumps({"version": 1, "jobs": [{}]}), "must be a manifest as posepyr writes it"),
    ],
)
def test_a_file_that_is_none_is_an_error(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_manifest(tmp_path)
