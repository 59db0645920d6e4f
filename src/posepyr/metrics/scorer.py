"""What every score is: a function of predictions and truth."""

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from posepyr.records import NOT_LABELLED, Predictions, Truth

Asked = npt.NDArray[np.bool_]


class Scorer(Protocol):
    """Scores by name, as ``pck`` and ``pck/wrist``; a quantity that nothing was measured for is left out.

    Built with the ``skeleton`` that predictions and truth have.
    """

    def __call__(self, found: Predictions, truth: Truth, asked: Asked | None = None) -> dict[str, float]:
        """``asked`` ``N K`` are the joints of ``found``'s people to score, by default all that are labelled."""
        ...


@runtime_checkable
class Stating(Protocol):
    """A score that says how it is taken."""

    @property
    def protocol(self) -> str:
        """What is counted as found, and what is a mean of what; one line."""
        ...


def asked_for(found: Predictions, truth: Truth, asked: Asked | None) -> Asked:
    """The labelled joints ``N K`` of the people that were looked at, or those among them that are asked for."""
    labelled: Asked = truth.visibility[found.sample] != NOT_LABELLED
    return labelled if asked is None else labelled & asked
