"""What ``posepyr bench model`` found, for reading."""

from typing import Any

PASSES = {"evaluation": "forward, as in evaluation", "training": "forward and backward, as in training"}


def heading(report: dict[str, Any]) -> str:
    """The machine, and which networks are measured on it."""
    machine = report["machine"]
    load = " ".join(f"{value:.2f}" for value in machine["load_average"]) or "unknown"
    lines = [
        f"machine    {machine['device']}, {machine['name']}; {machine['threads']} of {machine['cores']} CPU threads, "
        f"torch {machine['torch']}, load average before {load}"
    ]
    lines += [f"network {number}  {_network(entry)}" for number, entry in enumerate(report["networks"], 1)]
    return "\n".join(lines)


def _network(entry: dict[str, Any]) -> str:
    height, width = entry["input_size"]
    settings = [
        f"{height}x{width}", f"batch {entry['batch']}", entry["precision"].replace("32", "32 bit"),
        "channels last" if entry["channels_last"] else "channels first", *(["compiled"] if entry["compiled"] else []),
    ]  # fmt: skip
    name = " ".join(entry["overrides"]) or entry["network"]
    parameters, operations = entry["parameters"] / 1e6, entry["multiply_adds"] / 1e9
    return f"{name}: {', '.join(settings)}; {parameters:.2f}M parameters, {operations:.2f}G multiply-adds a picture"


def table(report: dict[str, Any]) -> str:
    """The figures of each kind of pass, a line a network, and how they were come by."""
    on_cpu = report["machine"]["device"] == "cpu"
    head = ["network", "ms a batch", "quartiles", "pictures/s", "time vs 1", "quartiles"]
    head += ["CPU time vs 1", "quartiles"] if on_cpu else []
    head += ["peak memory"] if report["memory"] else []
    lines = []
    for name, what in PASSES.items():
        rows = [_row(entry[name], number, on_cpu) for number, entry in enumerate(report["networks"], 1)]
        lines += ["", what, *aligned([head, *rows])]
    return "\n".join([*lines, "", *_method(report)]) + "\n"


def _row(figures: dict[str, Any], number: int, on_cpu: bool) -> list[str]:
    row = [str(number), *median_and_quartiles(figures["wall_ms"], 2), f"{figures['pictures_per_second']:.2f}"]
    for name in ("wall_ratio", "processor_ratio") if on_cpu else ("wall_ratio",):
        row += ["1", ""] if number == 1 else median_and_quartiles(figures[name], 3)
    return row + ([f"{figures['peak_bytes'] / 2**20:,.0f} MiB"] if "peak_bytes" in figures else [])


def median_and_quartiles(figures: dict[str, float], digits: int) -> list[str]:
    """A spread in two columns."""
    return [f"{figures['median']:.{digits}f}", f"{figures['lower']:.{digits}f} to {figures['upper']:.{digits}f}"]


def aligned(rows: list[list[str]]) -> list[str]:
    """Rows as lines whose columns end below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.rjust, row, widths)).rstrip() for row in rows]


def _method(report: dict[str, Any]) -> list[str]:
    limits, rounds = report["limits"], report["rounds"]
    cut = f" of {limits['repeat']}, cut short by --seconds {limits['seconds']:g}" if rounds < limits["repeat"] else ""
    lines = [
        f"Medians of {rounds} round{'s' if rounds > 1 else ''}{cut}; in each, every network takes its turn. Ratios "
        "hold the times of a picture in the same round against each other."
    ]
    return lines + ([f"Memory: {report['memory']}."] if report["memory"] else [])
