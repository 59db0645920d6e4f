from pathlib import Path

from posepyr.training.record import read_record, write_record
from posepyr.training.sweep_job import read_sweep_job, write_sweep_job


def test_a_record_takes_up_what_the_launcher_left(tmp_path: Path) -> None:
    sweep = tmp_path / "demo" / "multirun_2026-01-31_12-00-00"
    for number in range(2):
        (sweep / str(number)).mkdir(parents=True)
    write_sweep_job(sweep / "0", sweep, 0, ["seed=2"])
    for number in range(2):
        write_record(sweep / str(number), {"seed": 2}, ["trainer=cpu", "seed=2"])
    expected = {"sweep": "demo/multirun_2026-01-31_12-00-00", "number": 0, "varies": ["seed=2"]}
    assert read_sweep_job(sweep / "0") == expected
    assert read_record(sweep / "0")["sweep"] == expected
    assert read_sweep_job(sweep / "1") is None
    assert "sweep" not in read_record(sweep / "1")
