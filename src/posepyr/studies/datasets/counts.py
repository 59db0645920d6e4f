"""Numbers of people, pictures or videos against those that were published."""

from collections.abc import Iterator, Sequence
from typing import Any

from posepyr.records import PublishedCount


def miscounts(published: Sequence[PublishedCount], split: Any) -> Iterator[str]:
    """Say how a split differs from every count that was published of it; nothing where one of them agrees."""
    counted = {one.unit: _count(split, one.unit) for one in published}
    if published and all(counted[one.unit] != one.number for one in published):
        ours = " and ".join(f"{count:,} {unit}" for unit, count in counted.items())
        theirs = " or ".join(f"{one.number:,} ({one.where})" for one in published)
        yield f"{ours}, published {theirs}"


def _count(split: Any, unit: str) -> int:
    if unit == "videos":
        return len({frame.video for frame in split.frames})
    if unit == "pictures" and hasattr(split, "joints"):
        return len({split[index].image for index in range(len(split))})
    return len(split)
