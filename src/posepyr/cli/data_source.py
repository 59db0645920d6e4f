"""The data set that a command of ``posepyr data`` looks at: composed as for training, without a network."""

import argparse
from typing import TYPE_CHECKING, Any

from posepyr.cli import options
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.studies.datasets.check import Data


def parser(command: str, description: str, examples: str) -> options.Parser:
    """Return a parser that takes overrides and a folder of configuration files."""
    made = options.Parser(f"posepyr data {command}", description, examples)
    made.add_argument("overrides", nargs="*", metavar="key=value", help="choose the data set, as for training")
    options.add_config_dir(made)
    return made


def configuration(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the configuration that the overrides choose."""
    # Here, after parsing: --help and a wrong flag must not wait for Hydra.
    from posepyr.configuration.compose import compose

    return compose(chosen.overrides, chosen.config_dir)


def build_data(config: dict[str, Any]) -> "Data":
    """Build the data set of a configuration."""
    from posepyr.data.module import ClassificationDataModule, PoseDataModule
    from posepyr.training.build import make_data

    data = make_data(config)
    if not isinstance(data, PoseDataModule | ClassificationDataModule):
        raise UsageError(
            f"data._target_ must be PoseDataModule or ClassificationDataModule to be looked at, got {type(data)}"
        )
    return data


def describe(chosen: argparse.Namespace) -> str:
    """Return the choice of the data set, for a report's first line."""
    return " ".join(chosen.overrides) or "as configured"
