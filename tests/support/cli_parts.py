"""What the configurations of the command line's tests name: every kind of argument, and nothing to wait for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


class Block:
    def __init__(self, variant: Literal["A", "B"] = "A", levels: int = 4, scale: float = 1.0) -> None:
        self.variant, self.levels, self.scale = variant, levels, scale


class Plain:
    def __init__(self) -> None:
        pass


class Network:
    def __init__(
        self,
        joints: int,
        block: Block,
        stacks: int = 2,
        width: int | None = None,
        size: tuple[int, int] = (64, 64),
        rates: Sequence[float] = (0.1, 0.2),
        bias: bool = True,
        head: Callable[[int], Any] = print,
        where: Path | None = None,
    ) -> None:
        self.joints = joints


@dataclass(frozen=True)
class Source:
    file: str
    share: float = 0.1
    names: list[str] = field(default_factory=list)


class Data:
    def __init__(self, source: Source, batch_size: int = 16, seed: int = 0) -> None:
        self.source = source


class Anything:
    def __init__(self, first: int = 1, **others: object) -> None:
        self.others = others


class Sheet:
    def __init__(self, count: int = 8) -> None:
        self.count = count
