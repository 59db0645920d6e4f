"""Suggestions for misspelt names in error messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(given: str, known: Iterable[str], prefix: str = "", show: int = 12) -> str:
    """Return the end of an error message: the nearest of the known names, or all of them where none is near.

    ``prefix`` completes the names to full keys; at most ``show`` names are listed.
    """
    names = sorted(set(known))
    close = get_close_matches(given, names, n=3, cutoff=0.65)
    if not close and len(names) > show:
        # Too many to list: a distant name helps more than the beginning of the list.
        close = get_close_matches(given, names, n=1, cutoff=0.3)
    if close:
        return f"did you mean {' or '.join(prefix + name for name in close)}?"
    if not names:
        return "there is none"
    rest = f" and {len(names) - show} more" if len(names) > show else ""
    return f"there is {', '.join(prefix + name for name in names[:show])}{rest}"
