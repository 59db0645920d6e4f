"""The data set that a sub-command of ``posepyr data`` looks at: composed as for training, without a network."""

import argparse
from typing import TYPE_CHECKING, Any, TypeAlias

from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.data.module import ClassificationDataModule, PoseDataModule

    Data: TypeAlias = PoseDataModule | ClassificationDataModule


def parser(command: str, description: str, examples: str) -> argparse.ArgumentParser:
    """Takes overrides and a folder of configuration files."""
    made = argparse.ArgumentParser(
        f"posepyr data {command}",
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("overrides", nargs="*", metavar="key=value", help="choose the data set, as for training")
    made.add_argument("--config-dir", help="a folder of your own configuration files, looked into first")
    return made


def configuration(options: argparse.Namespace) -> dict[str, Any]:
    """The configuration that the overrides choose."""
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.configuration.compose import Composer

    return Composer(options.config_dir).job(options.overrides).config


def data_of(config: dict[str, Any]) -> "Data":
    """The data set of a configuration."""
    from posepyr.data.module import ClassificationDataModule, PoseDataModule
    from posepyr.training.build import make_data

    data = make_data(config)
    if not isinstance(data, PoseDataModule | ClassificationDataModule):
        raise UsageError(
            f"data._target_ must be PoseDataModule or ClassificationDataModule to be looked at, got {type(data)}"
        )
    return data


def named(options: argparse.Namespace) -> str:
    """What was chosen, as a report's first line says it."""
    return " ".join(options.overrides) or "as configured"
