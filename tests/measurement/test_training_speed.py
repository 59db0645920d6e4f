"""Programs that take speeds: what they are told, what they may answer, and what follows from it."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from posepyr.measurement.training_speed import (
    PARTS,
    PartTimes,
    SpeedTask,
    TrainingSpeed,
    read_speed,
    run_program,
    summarise_speeds,
)

NAME = "--baseline 'x'"


def program(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_task_goes_through_the_environment() -> None:
    task = SpeedTask(steps=7, warmup=3, device="cuda", threads=2, started=12345.678901)
    assert SpeedTask.read(task.environment()) == task
    assert task.environment()["OMP_NUM_THREADS"] == "2"
    free = task._replace(threads=None)
    assert SpeedTask.read(free.environment()) == free
    assert "OMP_NUM_THREADS" not in free.environment()


def test_a_program_that_nobody_gave_a_task_has_one() -> None:
    task = SpeedTask.read({})
    assert task.steps > 0
    assert task.warmup > 0
    assert (task.device, task.threads) == ("cpu", None)


def test_a_program_is_told_its_task_and_heard() -> None:
    code = (
        "import os, json; print('epoch 1'); print(json.dumps({"
        "'samples_per_second': int(os.environ['POSEPYR_BENCH_STEPS']),"
        "'processor_ms': int(os.environ['POSEPYR_BENCH_WARMUP']), 'threads': int(os.environ['OMP_NUM_THREADS']),"
        "'first_step_seconds': float(os.environ['POSEPYR_BENCH_STARTED'])})); print()"
    )
    speed = run_program(program(code), SpeedTask(11, 5, "cpu", threads=3), NAME)
    assert (speed.samples_per_second, speed.processor_ms, speed.threads) == (11, 5, 3)
    assert speed.first_step_seconds is not None
    assert speed.first_step_seconds > 1.7e9
    assert (speed.peak_bytes, speed.split_ms) == (None, None)


def test_python_is_the_one_that_runs_this() -> None:
    found = shutil.which("python", path=SpeedTask(1, 1, "cpu").environment()["PATH"])
    assert found is not None
    assert Path(found).parent == Path(sys.executable).parent


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; print('out'); sys.exit('no such file')", "it ended with 1:\nno such file"),
        ("import sys; print('only here'); sys.exit(3)", "it ended with 3:\nonly here"),
        ("import os; os._exit(4)", "it ended with 4:\nno output"),
        ("import os; os.kill(os.getpid(), 9)", "it was killed by signal 9, perhaps out of memory:\nno output"),
    ],
)
def test_a_program_that_fails(code: str, message: str) -> None:
    with pytest.raises(ValueError, match="must end with exit code 0, but") as raised:
        run_program(program(code), SpeedTask(1, 1, "cpu"), NAME)
    assert str(raised.value).startswith(f"{NAME} must end with exit code 0, but {message}")


def test_only_the_end_of_what_it_said_is_told() -> None:
    code = "import sys; [print(f'line {n:03d}', file=sys.stderr) for n in range(100)]; sys.exit(1)"
    with pytest.raises(ValueError, match="line 099") as raised:
        run_program(program(code), SpeedTask(1, 1, "cpu"), NAME)
    assert "line 050" not in str(raised.value)


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="'x' must be a program that can be started, got nowhere/at-all: No such file"):
        run_program(["nowhere/at-all"], SpeedTask(1, 1, "cpu"), NAME)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "must end its output with a line of JSON .*, got ''"),
        ("7 samples/s", "must end its output with a line of JSON .*, got '7 samples/s'"),
        ('{"samples_per_second": 3}\nbye', "got 'bye'"),
        ("[3]", "whose rate must be a positive number"),
        ('{"rate": 3}', "whose rate must be a positive number"),
        ('{"samples_per_second": 0}', "whose rate must be a positive number"),
        ('{"samples_per_second": NaN}', "report samples_per_second as a number .*, got nan"),
        ('{"samples_per_second": "3"}', "report samples_per_second as a number .*, got '3'"),
        ('{"samples_per_second": 3, "memory": 1}', "no other keys than samples_per_second, .*, got memory"),
        ('{"samples_per_second": 3, "processor_ms": -1}', "report processor_ms as a number .*, got -1"),
        ('{"samples_per_second": 3, "peak_bytes": "1 GB"}', "report peak_bytes as a number .*, got '1 GB'"),
    ],
)
def test_what_a_program_may_not_answer(output: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_speed(output, NAME)


def test_a_whole_answer() -> None:
    speed = TrainingSpeed(2.0, 3.0, 0.0, dict.fromkeys(PARTS, 1.5), 4.0, 5, 6, 0)
    assert read_speed(f"hello\n{json.dumps(speed._asdict())}\n\n", NAME) == speed


def test_ratios_are_of_the_same_round() -> None:
    """The first is slower by a quarter in every round, whatever the machine does meanwhile."""
    first = [TrainingSpeed(80.0 * speed, processor_ms=10.0 / speed) for speed in (1.0, 0.1, 0.5)]
    other = [TrainingSpeed(100.0 * speed, processor_ms=9.0 / speed) for speed in (1.0, 0.1, 0.5)]
    found = summarise_speeds(other, first)
    same = {"median", "lower", "upper"}
    assert found["wall_ratio"] == pytest.approx(dict.fromkeys(same, 0.8))
    assert found["processor_ratio"] == pytest.approx(dict.fromkeys(same, 0.9))
    assert found["samples_per_second"]["median"] == 50.0


def test_what_a_program_does_not_measure_is_none() -> None:
    found = summarise_speeds(
        [TrainingSpeed(1.0), TrainingSpeed(1.0, processor_ms=3.0)], [TrainingSpeed(1.0, processor_ms=2.0)] * 2
    )
    for name in ("processor_ms", "processor_ratio", "data_wait", "split_ms", "peak_bytes"):
        assert found[name] is None, name


def test_peaks_are_the_highest_and_parts_medians() -> None:
    speeds = [
        TrainingSpeed(1.0, split_ms={part: float(number) for part in PARTS}, peak_bytes=number * 10)
        for number in (3, 1, 2)
    ]
    found = summarise_speeds(speeds, speeds)
    assert found["peak_bytes"] == 30
    assert {part["median"] for part in found["split_ms"].values()} == {2.0}


def test_parts_inside_each_other_are_counted_once() -> None:
    now = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    parts = PartTimes(lambda: now)
    backward = parts.timed("backward", lambda: pass_by(2.0))
    logging = parts.timed("logging", lambda: pass_by(0.5))

    def forward() -> str:
        pass_by(1.0)
        logging()
        return "loss"

    timed_forward = parts.timed("forward", forward)

    def optimizer() -> str:
        pass_by(4.0)
        loss = timed_forward()
        backward()
        pass_by(8.0)
        return loss

    run = parts.timed("optimizer", optimizer)
    assert [run(), run()] == ["loss", "loss"]
    assert parts.seconds == {
        "data": 0.0, "forward": 2.0, "backward": 4.0, "optimizer": 24.0, "logging": 1.0, "rest": 0.0
    }  # fmt: skip


def test_a_part_that_fails_is_counted_all_the_same() -> None:
    ticks = iter(range(100))
    parts = PartTimes(lambda: float(next(ticks)))

    def fail() -> None:
        raise RuntimeError("no")

    inner = parts.timed("forward", fail)

    def catch() -> None:
        with pytest.raises(RuntimeError):
            inner()

    parts.timed("rest", catch)()
    # Seconds 0 to 3 in all, of which 1 to 2 were the failing part's.
    assert (parts.seconds["forward"], parts.seconds["rest"]) == (1.0, 2.0)
