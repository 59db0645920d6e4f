from typing import Any

import pytest

from posepyr.errors import UsageError
from posepyr.sweeps import slots as module
from posepyr.sweeps.slots import Slots, make_slots, process_count


def config(accelerator: str = "cpu", devices: Any = 1, threads: int | None = None) -> dict[str, Any]:
    return {"trainer": {"accelerator": accelerator, "devices": devices}, "threads": threads, "data": {}}


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setattr(module, "cores", lambda: 16)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr(module, "cores", lambda: 8)


def taken(slots: Slots, *configs: dict[str, Any]) -> list[dict[str, str] | None]:
    found = [slots.take(one) for one in configs]
    return [None if slot is None else slot.environment for slot in found]


def test_every_gpu_is_a_slot(four_gpus: None) -> None:
    job = config("auto", "auto")
    environments = taken(make_slots(None, [job] * 6), *[job] * 6)
    assert [one and one["CUDA_VISIBLE_DEVICES"] for one in environments] == ["0", "1", "2", "3", None, None]
    assert {one["POSEPYR_CORES"] for one in environments if one} == {"4"}


def test_a_job_takes_as_many_gpus_as_it_has_processes(four_gpus: None) -> None:
    slots = make_slots(None, [config("gpu")] * 3)
    two, one, again = config("gpu", 2), config("gpu", 1), config("gpu", "2")
    first = slots.take(two)
    assert first is not None
    assert first.environment == {"CUDA_VISIBLE_DEVICES": "0,1", "POSEPYR_CORES": "4"}
    assert taken(slots, one, again) == [{"CUDA_VISIBLE_DEVICES": "2", "POSEPYR_CORES": "4"}, None]
    slots.give_back(first)
    assert taken(slots, two, one) == [
        {"CUDA_VISIBLE_DEVICES": "3,0", "POSEPYR_CORES": "4"}, {"CUDA_VISIBLE_DEVICES": "1", "POSEPYR_CORES": "4"}
    ]  # fmt: skip


def test_visible_gpus_keep_their_names(four_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-8932f937")
    job = config("auto")
    environments = taken(make_slots(None, [job] * 3), *[job] * 3)
    assert [one and one["CUDA_VISIBLE_DEVICES"] for one in environments] == ["5", "GPU-8932f937", None]


def test_groups_stay_together(four_gpus: None) -> None:
    slots = make_slots([[0, 1], [2, 3]], [config("gpu", 2)])
    environments = taken(slots, config("gpu", 2), config("gpu", 1), config("gpu", 1))
    assert [one and one["CUDA_VISIBLE_DEVICES"] for one in environments] == ["0,1", "2,3", None]


def test_a_number_divides_what_there_is(four_gpus: None) -> None:
    slots = make_slots(2, [config("gpu", 2)])
    assert [one and one["CUDA_VISIBLE_DEVICES"] for one in taken(slots, *[config("gpu", 2)] * 3)] == [
        "0,2",
        "1,3",
        None,
    ]
    with pytest.raises(UsageError, match=r"slots must be at most 4, the GPUs of this machine, got 5"):
        make_slots(5, [config("gpu")])


@pytest.mark.parametrize(
    ("jobs", "threads", "devices", "expected"),
    [
        (100, None, 1, ["1"] * 8),
        (3, None, 1, ["2", "3", "3"]),
        (1, None, 1, ["8"]),
        (100, 3, 1, ["3", "3"]),
        (100, None, 4, ["1", "1"]),
        (2, None, 2, ["2", "2"]),
        (2, 20, 1, ["8"]),
    ],
)
def test_cores_are_divided_by_what_a_job_takes(
    eight_cores: None, jobs: int, threads: int | None, devices: int, expected: list[str]
) -> None:
    """``expected`` are the cores of each process of the jobs that fit side by side."""
    configs = [config(devices=devices, threads=threads)] * jobs
    environments = taken(make_slots(None, configs), *configs)
    assert [one["POSEPYR_CORES"] for one in environments if one] == expected
    assert not any("CUDA_VISIBLE_DEVICES" in one for one in environments if one)


def test_a_number_of_slots_on_the_cpu(eight_cores: None) -> None:
    configs = [config()] * 5
    assert taken(make_slots(2, configs), *configs) == [{"POSEPYR_CORES": "4"}] * 2 + [None] * 3


@pytest.mark.parametrize("setting", [0, -1, True, "all", [], [[]], [None], [[0], {}], 1.5])
def test_a_wrong_setting_is_named(four_gpus: None, setting: Any) -> None:
    with pytest.raises(UsageError, match=r"^hydra\.launcher\.slots must .*got "):
        make_slots(setting, [config("gpu")])


def test_a_job_that_never_fits_is_refused(four_gpus: None) -> None:
    with pytest.raises(UsageError, match=r"trainer\.devices must be at most 2, .*slots, got 3"):
        make_slots([0, 1], [config("gpu", 3)]).check(config("gpu", 3))


def test_which_devices_is_not_the_jobs_to_say() -> None:
    assert [process_count({"devices": devices}) for devices in ("auto", -1, 2, "3")] == [1, 1, 2, 3]
    with pytest.raises(UsageError, match=r"trainer\.devices must be a number in a sweep, got \[1\]"):
        process_count({"devices": [1]})
