"""JSON files, read so that a damaged one is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def read_json(file: Path, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """What a JSON file holds. ``object_hook`` sees every mapping while it is read."""
    try:
        with file.open(encoding="utf-8") as stream:
            return json.load(stream, object_hook=object_hook)
    except OSError as error:
        raise ValueError(f"{file} must be a readable file ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} must be whole, valid JSON, got {error}; fetch or write the file again") from error
