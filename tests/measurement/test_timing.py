"""Turns, ratios and what is timed: with clocks that are made up, on networks that can be seen through."""

import gc
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
import torch
from torch import Tensor, nn

from posepyr.layers.pooling import FractionalMaxPools, redraw_regions
from posepyr.measurement.timing import (
    Budget,
    Duration,
    NetworkWork,
    Quartiles,
    Settings,
    Workload,
    cpu_clock,
    quartiles,
    ratio,
    repeat_rounds,
    summarise,
    time_in_turn,
    torch_settings,
)

IMAGE = torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class Diary:
    """Calls that note themselves, and a clock that moves by one second at each."""

    def __init__(self, *names: str) -> None:
        self.lines: list[str] = []
        self.seconds = 0.0
        self.calls = [Workload(self._note(f"run {name}"), self._note(f"prepare {name}")) for name in names]

    def _note(self, line: str) -> Callable[[], None]:
        return lambda: self.lines.append(line)

    def clock(self, run: Callable[[], object]) -> Duration:
        self.lines.append("start")
        run()
        self.lines.append("stop")
        self.seconds += 1
        return Duration(self.seconds, 0.0)

    def now(self) -> float:
        return self.seconds


def test_all_take_turns_and_only_runs_are_timed() -> None:
    diary = Diary("A", "B")
    taken = time_in_turn(diary.calls, diary.clock, Budget(warmup=1, repeat=2, seconds=100), diary.now)
    a = ["prepare A", "start", "run A", "stop"]
    b = ["prepare B", "start", "run B", "stop"]
    assert diary.lines == (a + b) * 3
    # The clock's seconds 1 and 2 were the warm-up's.
    assert [[turn.wall for turn in turns] for turns in taken] == [[3, 5], [4, 6]]


@pytest.mark.parametrize(("seconds", "rounds"), [(100, 4), (5, 2), (4, 1), (0, 1)])
def test_no_round_begins_after_the_time_is_up(seconds: float, rounds: int) -> None:
    """A round takes two seconds, and so does the warm-up; there is one round in any case."""
    diary = Diary("A", "B")
    taken = time_in_turn(diary.calls, diary.clock, Budget(warmup=1, repeat=4, seconds=seconds), diary.now)
    assert [len(turns) for turns in taken] == [rounds, rounds]


def test_results_are_kept_by_program_and_each_round_is_announced() -> None:
    ran: list[str] = []
    clock = iter([0.0, 10.0, 20.0, 30.0])

    def named(name: str) -> Callable[[], int]:
        def run() -> int:
            ran.append(name)
            return len(ran)

        return run

    begun: list[int] = []
    budget = Budget(warmup=0, repeat=9, seconds=15.0)
    results = repeat_rounds([named("A"), named("B")], budget, now=lambda: next(clock), begin=begun.append)
    assert "".join(ran) == "ABAB"
    assert begun == [0, 1]
    assert results == [[1, 3], [2, 4]]


def test_there_is_one_round_in_any_case_and_no_more_than_asked_for() -> None:
    assert repeat_rounds([lambda: 1], Budget(0, 5, -1.0)) == [[1]]
    assert repeat_rounds([lambda: 1], Budget(0, 2, 1e9)) == [[1, 1]]


@pytest.fixture
def collecting() -> Iterator[None]:
    yield
    gc.enable()


@pytest.mark.parametrize("before", [True, False])
def test_nothing_is_collected_while_the_clock_runs(collecting: None, before: bool) -> None:
    seen: list[bool] = []

    def run() -> None:
        seen.append(gc.isenabled())
        if len(seen) == 3:
            raise InterruptedError

    (gc.enable if before else gc.disable)()
    call = Workload(run, lambda: None)
    time_in_turn([call], cpu_clock, Budget(0, 2, 9))
    assert gc.isenabled() is before
    with pytest.raises(InterruptedError):
        time_in_turn([call], cpu_clock, Budget(0, 2, 9))
    assert seen == [False] * 3
    assert gc.isenabled() is before


def test_a_clock_tells_waiting_from_working() -> None:
    waited = cpu_clock(lambda: time.sleep(0.05))
    assert waited.wall >= 0.05
    assert waited.processor < waited.wall / 2
    worked = cpu_clock(lambda: sum(range(300_000)))
    assert worked.processor > 1e-4


def test_quartiles() -> None:
    assert quartiles([5, 1, 4, 2, 3]) == Quartiles(median=3, lower=2, upper=4)
    assert quartiles([4, 2]) == Quartiles(median=3, lower=2.5, upper=3.5)
    assert quartiles([7]) == Quartiles(7, 7, 7)


def test_ratios_are_taken_within_rounds() -> None:
    """A machine that is ten times slower in each round leaves the ratio what it is; medians alone would not tell."""
    assert ratio([2, 20, 200], [1, 10, 100]) == Quartiles(2, 2, 2)
    assert ratio([1, 2, 6], [1, 1, 1]) == Quartiles(2, 1.5, 4)
    assert ratio([1, 1, 1], [1, 1, 1], factor=0.25) == Quartiles(0.25, 0.25, 0.25)


def test_figures_compare_pictures_not_batches() -> None:
    first = [Duration(0.2, 0.1), Duration(0.4, 0.2)]
    own = [Duration(0.4, 0.4), Duration(0.8, 0.8)]
    found = summarise(own, 4, first, 2)
    assert found["wall_ms"] == pytest.approx({"median": 600, "lower": 500, "upper": 700})
    assert found["pictures_per_second"] == pytest.approx(4 / 0.6)
    assert found["wall_ratio"] == pytest.approx({"median": 1, "lower": 1, "upper": 1})
    assert found["processor_ratio"] == pytest.approx({"median": 2, "lower": 2, "upper": 2})
    assert found["wall_ms_by_round"] == pytest.approx([400, 800])


class Pooled(nn.Module):
    """A convolution, a norm and a pooling, which notes what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.pools = FractionalMaxPools(2)
        self.kinds: list[torch.dtype] = []
        self.draws: list[Tensor] = []

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        x = self.convolution(image.float())
        self.kinds.append(x.dtype)
        if self.training:
            self.draws.append(self.pools.regions.clone())
        return tuple(self.pools(self.norm(x)))


def work(**settings: object) -> tuple[Pooled, NetworkWork]:
    torch.manual_seed(0)
    model = Pooled()

    def objective() -> Tensor:
        return torch.stack([output.float().square().mean() for output in model(IMAGE)]).sum()

    return model, NetworkWork(model, IMAGE, objective, Settings((8, 8), 2, **settings), seed=3)


def test_evaluation_is_a_forward_pass_without_a_trace() -> None:
    model, timed = work()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    timed.evaluation.prepare()
    timed.evaluation.run()
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_step_redraws_regions_and_starts_from_no_gradients() -> None:
    model, timed = work()
    timed.training.prepare()
    timed.training.run()
    once = model.convolution.weight.grad.clone()
    timed.training.run()
    twin, generator = Pooled(), torch.Generator().manual_seed(3)
    for drawn in model.draws:
        redraw_regions(twin, generator)
        assert torch.equal(drawn, twin.pools.regions)
    assert len(model.draws) == 2
    # The same regions again, so that the gradients would be the first ones twice if they were not dropped.
    model.pools.regions.copy_(model.draws[0])
    timed._regions.manual_seed(3)
    timed.training.run()
    torch.testing.assert_close(model.convolution.weight.grad, once)
    assert once.abs().max() > 0


def test_settings_reach_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = count()
    monkeypatch.setattr(nn.Module, "compile", lambda _model: next(compiled))
    for precision, dtype in (("32", torch.float32), ("bf16", torch.bfloat16)):
        model, timed = work(precision=precision)
        for call in (timed.evaluation, timed.training):
            call.prepare()
            call.run()
        assert model.kinds == [dtype, dtype]
        assert model.convolution.weight.grad.dtype is torch.float32
    assert next(compiled) == 0
    for last in (True, False):
        model, _ = work(channels_last=last, compiled=True)
        weight = model.convolution.weight
        assert weight.is_contiguous(memory_format=torch.channels_last) is last
        assert weight.is_contiguous() is not last
    assert next(compiled) == 3


def test_threads_are_the_callers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)  # whatever an earlier training has left
    threads = torch.get_num_threads()
    with torch_settings("cpu", threads + 1):
        assert torch.get_num_threads() == threads + 1
    with torch_settings("cuda", None):
        assert torch.get_num_threads() == threads
        assert torch.backends.cudnn.benchmark
    assert torch.get_num_threads() == threads
    assert not torch.backends.cudnn.benchmark
