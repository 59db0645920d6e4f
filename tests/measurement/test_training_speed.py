"""Programs that take turns: what they are told, what they may answer, and what follows from it."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from posepyr.measurement.training_speed import PARTS, Parts, Task, Turn, figures, in_rounds, read_turn, take_turn

NAME = "--baseline 'x'"


def program(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_task_goes_through_the_environment() -> None:
    task = Task(steps=7, warmup=3, device="cuda", threads=2, started=12345.678901)
    assert Task.read(task.environment()) == task
    assert task.environment()["OMP_NUM_THREADS"] == "2"
    free = task._replace(threads=None)
    assert Task.read(free.environment()) == free
    assert "OMP_NUM_THREADS" not in free.environment()


def test_a_program_that_nobody_gave_a_task_has_one() -> None:
    task = Task.read({})
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
    turn = take_turn(program(code), Task(11, 5, "cpu", threads=3), NAME)
    assert (turn.samples_per_second, turn.processor_ms, turn.threads) == (11, 5, 3)
    assert turn.first_step_seconds is not None
    assert turn.first_step_seconds > 1.7e9
    assert (turn.peak_bytes, turn.split_ms) == (None, None)


def test_python_is_the_one_that_runs_this() -> None:
    found = shutil.which("python", path=Task(1, 1, "cpu").environment()["PATH"])
    assert found is not None
    assert Path(found).parent == Path(sys.executable).parent


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; print('out'); sys.exit('no such file')", "it ended with 1; it said:\nno such file"),
        ("import sys; print('only here'); sys.exit(3)", "it ended with 3; it said:\nonly here"),
        ("import os; os._exit(4)", "it ended with 4 and said nothing"),
        ("import os; os.kill(os.getpid(), 9)", "it was killed by signal 9: its memory may not have sufficed"),
    ],
)
def test_a_program_that_fails(code: str, message: str) -> None:
    with pytest.raises(ValueError, match="must end with exit code 0, but") as raised:
        take_turn(program(code), Task(1, 1, "cpu"), NAME)
    assert str(raised.value).startswith(f"{NAME} must end with exit code 0, but {message}")


def test_only_the_end_of_what_it_said_is_told() -> None:
    code = "import sys; [print(f'line {n:03d}', file=sys.stderr) for n in range(100)]; sys.exit(1)"
    with pytest.raises(ValueError, match="line 099") as raised:
        take_turn(program(code), Task(1, 1, "cpu"), NAME)
    assert "line 050" not in str(raised.value)


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="'x' must be a program that can be started, got nowhere/at-all: No such file"):
        take_turn(["nowhere/at-all"], Task(1, 1, "cpu"), NAME)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "must end its output with a line of JSON .*, got ''"),
        ("7 samples/s", "must end its output with a line of JSON .*, got '7 samples/s'"),
        ('{"samples_per_second": 3}\nbye', "got 'bye'"),
        ("[3]", "whose rate must be a positive number"),
        ('{"rate": 3}', "whose rate must be a positive number"),
        ('{"samples_per_second": 0}', "whose rate must be a positive number"),
        ('{"samples_per_second": NaN}', "whose rate must be a positive number"),
        ('{"samples_per_second": "3"}', "whose rate must be a positive number"),
        ('{"samples_per_second": 3, "memory": 1}', "no other keys than samples_per_second, .*, got memory"),
        ('{"samples_per_second": 3, "processor_ms": -1}', "report processor_ms as a number .*, got -1"),
        ('{"samples_per_second": 3, "peak_bytes": "1 GB"}', "report peak_bytes as a number .*, got '1 GB'"),
        ('{"samples_per_second": 3, "split_ms": {"data": 1}}', "report split_ms of data, forward,"),
    ],
)
def test_what_a_program_may_not_answer(output: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_turn(output, NAME)


def test_a_whole_answer() -> None:
    turn = Turn(2.0, 3.0, 0.0, dict.fromkeys(PARTS, 1.5), 4.0, 5, 6, 0)
    assert read_turn(f"hello\n{json.dumps(turn._asdict())}\n\n", NAME) == turn


def test_all_take_turns_until_the_time_is_up() -> None:
    said: list[str] = []
    clock = iter([0.0, 10.0, 20.0, 30.0])

    def named(name: str) -> Callable[[], Turn]:
        def run() -> Turn:
            said.append(name)
            return Turn(float(len(said)))

        return run

    begun: list[int] = []
    taken = in_rounds([named("A"), named("B")], repeat=9, seconds=15.0, now=lambda: next(clock), begin=begun.append)
    assert "".join(said) == "ABAB"
    assert begun == [0, 1]
    assert [[turn.samples_per_second for turn in turns] for turns in taken] == [[1, 3], [2, 4]]


def test_there_is_one_round_in_any_case_and_no_more_than_asked_for() -> None:
    assert len(in_rounds([lambda: Turn(1.0)], repeat=5, seconds=-1.0)[0]) == 1
    assert len(in_rounds([lambda: Turn(1.0)], repeat=2, seconds=1e9)[0]) == 2


def test_ratios_and_overheads_are_of_the_same_round() -> None:
    """The first is slower by a quarter in every round, whatever the machine does meanwhile."""
    first = [Turn(80.0 * speed, processor_ms=10.0 / speed) for speed in (1.0, 0.1, 0.5)]
    other = [Turn(100.0 * speed, processor_ms=9.0 / speed) for speed in (1.0, 0.1, 0.5)]
    found = figures(other, first)
    same = {"median", "lower", "upper"}
    assert found["wall_ratio"] == pytest.approx(dict.fromkeys(same, 0.8))
    assert found["wall_overhead"] == pytest.approx(dict.fromkeys(same, 0.25))
    assert found["processor_ratio"] == pytest.approx(dict.fromkeys(same, 0.9))
    assert found["processor_overhead"] == pytest.approx(dict.fromkeys(same, 1 / 9))
    assert found["samples_per_second"]["median"] == 50.0


def test_what_a_program_did_not_say_is_left_open() -> None:
    found = figures([Turn(1.0), Turn(1.0, processor_ms=3.0)], [Turn(1.0, processor_ms=2.0)] * 2)
    for name in ("processor_ms", "processor_ratio", "processor_overhead", "data_wait", "split_ms", "peak_bytes"):
        assert found[name] is None, name


def test_peaks_are_the_highest_and_parts_medians() -> None:
    turns = [
        Turn(1.0, split_ms={part: float(number) for part in PARTS}, peak_bytes=number * 10) for number in (3, 1, 2)
    ]
    found = figures(turns, turns)
    assert found["peak_bytes"] == 30
    assert {part["median"] for part in found["split_ms"].values()} == {2.0}


def test_parts_inside_each_other_are_counted_once() -> None:
    now = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    parts = Parts(lambda: now)
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
    parts = Parts(lambda: float(next(ticks)))

    def fail() -> None:
        raise RuntimeError("no")

    inner = parts.timed("forward", fail)

    def catch() -> None:
        with pytest.raises(RuntimeError):
            inner()

    parts.timed("rest", catch)()
    # Seconds 0 to 3 in all, of which 1 to 2 were the failing part's.
    assert (parts.seconds["forward"], parts.seconds["rest"]) == (1.0, 2.0)
