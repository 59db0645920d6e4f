"""How long the rest of a training takes, by a clock that only steps and validations move."""

import pytest

from posepyr.training.callbacks.pace import Pace, Plan

PLAN = Plan(steps=12, batches=4, accumulated=1, validate_every=4, validated_epochs=1)


class Course:
    """A training whose first step takes 100 seconds, all others 2, and a validation 10."""

    def __init__(self, plan: Plan, begun_at: int = 0) -> None:
        self.now, self.step, self.plan = 0.0, begun_at, plan
        self.pace = Pace(plan, begun_at, lambda: self.now)

    def run(self, steps: int) -> "Course":
        for _ in range(steps):
            before = self.plan.validations(self.step)
            self.now += 2 if self.pace.measures else 100
            self.step += 1
            if not self.pace.measures:
                self.pace.step(self.step)
            for _ in range(self.plan.validations(self.step) - before):
                self.pace.begin_validation()
                self.now += 10
                self.pace.end_validation()
        return self

    def left(self) -> float | None:
        return self.pace.seconds_left(self.step)


def test_what_is_left_are_steps_and_validations() -> None:
    course = Course(PLAN)
    assert [course.left(), course.run(1).left()] == [None, None]
    # Nobody knows yet how long a validation takes.
    assert course.run(2).left() == pytest.approx(9 * 2)
    assert course.run(1).left() == pytest.approx(8 * 2 + 2 * 10)
    assert course.run(3).left() == pytest.approx(5 * 2 + 2 * 10)
    assert course.run(5).left() == 0


def test_a_run_that_goes_on_is_measured_from_where_it_goes_on() -> None:
    course = Course(PLAN, begun_at=6).run(3)
    assert course.left() == pytest.approx(3 * 2 + 1 * 10)
    assert Pace(PLAN, 12).seconds_left(12) == 0


def test_a_training_without_end_has_no_time_left() -> None:
    assert Course(PLAN._replace(steps=None)).run(3).left() is None


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, [0, 0, 1, 1, 2, 3]),
        ({"validate_every": 2}, [0, 1, 2, 3, 4, 6]),
        ({"validated_epochs": 2}, [0, 0, 0, 0, 1, 1]),
        # Counted across epochs, as Lightning does where check_val_every_n_epoch is null.
        ({"validate_every": 3, "validated_epochs": None}, [0, 1, 1, 2, 2, 4]),
        # A step of two batches: an epoch has two steps.
        ({"accumulated": 2}, [0, 1, 2, 3, 4, 6]),
        # Five batches are three steps, of which the last has one batch.
        ({"accumulated": 2, "batches": 5, "validate_every": 5}, [0, 1, 1, 2, 2, 4]),
        ({"validate_every": None}, [0, 0, 0, 0, 0, 0]),
        ({"batches": None, "validate_every": 5}, [0, 0, 0, 1, 1, 2]),
    ],
)
def test_validations_are_counted_as_lightning_makes_them(changes: dict[str, int], counts: list[int]) -> None:
    plan = PLAN._replace(**changes)
    assert [plan.validations(step) for step in (0, 3, 4, 6, 8, 12)] == counts


@pytest.mark.parametrize(("steps", "epochs"), [(12, 3), (9, 3), (4, 1), (None, None)])
def test_epochs_are_those_that_are_begun(steps: int | None, epochs: int | None) -> None:
    assert PLAN._replace(steps=steps).epochs == epochs
