"""MATLAB files, read so that a damaged one is named."""

import io
import warnings
from pathlib import Path
from typing import Any

import scipy.io

from posepyr.data.formats.matlab_format import verify


def read_mat(file: Path, squeeze: bool = False) -> dict[str, Any]:
    """The variables of a file in MATLAB 5's format, by name.

    ``squeeze`` drops axes of length one, so that single numbers and texts are Python's own: a file of nested
    structures then takes a third of the memory.
    """
    try:
        content = file.read_bytes()
        verify(content)
        stream: Any = io.BytesIO(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return dict(scipy.io.loadmat(stream, squeeze_me=squeeze))
    except OSError as error:
        raise ValueError(f"{file} must be a readable file ({error.strerror or error})") from error
    except NotImplementedError as error:
        raise ValueError(f"{file} must be in MATLAB 5's format, got 7.3; save it again with '-v7'") from error
    # SciPy lets through whatever its parser stumbles over: from zlib, struct, NumPy, and errors of its own.
    except Exception as error:
        raise ValueError(
            f"{file} must be a whole file in MATLAB 5's format, got {error or type(error).__name__}; "
            "fetch the file again"
        ) from error
