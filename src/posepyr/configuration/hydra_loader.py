"""Hydra's loader, taught to complete configurations. The only file that builds on Hydra's internals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import ConfigCompositionException, HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from posepyr.configuration.signatures import complete
from posepyr.errors import UsageError


def parse_overrides(lines: Sequence[str]) -> list[Override]:
    """Overrides as Hydra's grammar reads them."""
    parsed: list[Override] = []
    for line in lines:
        try:
            parsed += OverridesParser.create().parse_overrides([line])
        except HydraException as error:
            reason = str(error).splitlines()[0]
            raise UsageError(
                f"an override must read key=value, got {line!r} ({reason}); "
                "put quotes inside quotes around text with special characters: 'key=\"a, b\"'"
            ) from error
    return parsed


def plain(config: DictConfig, resolve: bool) -> dict[str, Any]:
    """A composed configuration without Hydra's own node, as plain data."""
    if not resolve:
        return {key: value for key, value in _to_dict(config, False).items() if key != "hydra"}
    job: dict[str, Any] = {}
    for key in config:
        if key != "hydra":
            # Node by node, where it stands: interpolations may look into the node hydra.
            value = config[key]
            job[str(key)] = _to_dict(value, True) if OmegaConf.is_config(value) else value
    return job


def _to_dict(config: Any, resolve: bool) -> Any:
    return OmegaConf.to_container(config, resolve=resolve)


class CompletingLoader(ConfigLoaderImpl):
    """Hydra's loader, which completes the merged files from the signatures of their targets.

    It does so before the command line's overrides are applied, but with the targets that these choose: so any
    argument of any target is a key that can be overridden without ``+``, in sweeps as well. A key that is none
    is let through, because the check that follows knows better what it could have been.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        search = ConfigSearchPathImpl()
        search.append("hydra", "pkg://hydra.conf")
        for folder in folders:
            search.append("main" if folder == folders[-1] else "--config-dir", f"file://{folder}")
        search.append("schema", "structured://")
        super().__init__(search)
        self.declared: dict[str, Any] = {}
        """The files merged and completed, as of the last composition."""
        self._targets: dict[str, Any] = {}

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        parsed = parse_overrides(overrides)
        self._targets = {
            override.key_or_group: override.value()
            for override in parsed
            if override.key_or_group.endswith("._target_") and not override.is_sweep_override()
        }
        try:
            return super().load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
        except ConfigCompositionException as refusal:
            lines = zip(parsed, overrides, strict=True)
            let_through = ["++" + line if self._is_plain(one) else line for one, line in lines]
            try:
                config = super().load_configuration(
                    config_name, let_through, run_mode, from_shell, validate_sweep_overrides
                )
            except ConfigCompositionException:
                raise refusal from None
        config.hydra.overrides.task = [
            line for one, line in zip(parsed, overrides, strict=True) if not one.is_hydra_override()
        ]
        return config

    def _is_plain(self, override: Override) -> bool:
        return (
            override.type is OverrideType.CHANGE
            and not override.is_hydra_override()
            and not self.repository.group_exists(override.key_or_group)
        )

    def _compose_config_from_defaults_list(self, defaults: Any, repo: Any) -> DictConfig:
        config: DictConfig = super()._compose_config_from_defaults_list(defaults, repo)
        with open_dict(config):
            for key, target in self._targets.items():
                OmegaConf.update(config, key, target, force_add=True)
            self.declared = complete(plain(config, resolve=False))
            for key, value in self.declared.items():
                config[key] = value
        return config
