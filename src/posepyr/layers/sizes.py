"""Check of image sizes against a network's divisor."""


def check_divisible(size: tuple[int, int], divisor: int, reason: str) -> None:
    """Raise unless height and width of ``size`` are multiples of ``divisor``; the error names the nearest that are."""
    height, width = size
    if not (height % divisor or width % divisor or not height or not width):
        return
    raise ValueError(
        f"image must have a height and a width divisible by {divisor} ({reason}), got {height} x {width}; "
        f"the nearest height is {_nearest(height, divisor)}, the nearest width {_nearest(width, divisor)}"
    )


def _nearest(length: int, divisor: int) -> str:
    below, above = max(length // divisor, 1) * divisor, max(-(-length // divisor), 1) * divisor
    return f"{below}" if below == above else f"{below} or {above}"
