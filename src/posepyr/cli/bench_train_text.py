"""What ``posepyr bench train`` found, for reading."""

from typing import Any

from posepyr.cli.bench_text import aligned, median_and_quartiles

METHOD = {
    "cpu": "Memory: of the training process at its highest, its imports counted in.",
    "cuda": "Memory: what Torch's allocator hands out at most (torch.cuda.max_memory_allocated).",
}


def heading(report: dict[str, Any]) -> str:
    """The machine, and what is measured on it."""
    machine = report["machine"]
    load = " ".join(f"{value:.2f}" for value in machine["load_average"]) or "unknown"
    lines = [
        f"machine  {machine['device']}, {machine['name']}; {machine['cores']} CPU cores, torch {machine['torch']}, "
        f"load average before {load}"
    ]
    return "\n".join([*lines, *(f"{number:<7}  {_name(entry)}" for number, entry in enumerate(report["programs"], 1))])


def _name(entry: dict[str, Any]) -> str:
    if "command" in entry:
        return str(entry["command"])
    name = " ".join(entry["overrides"]) or "as configured"
    rounding = {None: [], True: ["TF32"], False: ["no TF32"]}[entry["tf32"]]
    settings = [
        entry["network"].rpartition(".")[2], f"batch {entry['batch']}", entry["precision"],
        *(["compiled"] if entry["compiled"] else []), *rounding,
    ]  # fmt: skip
    return f"{name}: {', '.join(settings)}"


def table(report: dict[str, Any]) -> str:
    """Rates, what the steps' time goes into, what baselines save, and how all that was come by."""
    entries = list(enumerate(report["programs"], 1))
    on_cpu = report["machine"]["device"] == "cpu"
    head = ["", "samples/s", "quartiles", "time vs 1", "quartiles"]
    head += ["CPU time vs 1", "quartiles"] if on_cpu else []
    head += ["first step", "peak memory", "threads", "workers"]
    lines = ["", *aligned([head, *(_rates(entry, number, on_cpu) for number, entry in entries)])]
    lines += ["", *_splits(entries), *_overheads(entries), "", *_method(report)]
    return "\n".join(lines) + "\n"


def _rates(entry: dict[str, Any], number: int, on_cpu: bool) -> list[str]:
    row = [str(number), *median_and_quartiles(entry["samples_per_second"], 2)]
    for name in ("wall_ratio", "processor_ratio") if on_cpu else ("wall_ratio",):
        known = entry[name] is not None
        row += ["1", ""] if number == 1 else median_and_quartiles(entry[name], 3) if known else ["", ""]
    first, peak = entry["first_step_seconds"], entry["peak_bytes"]
    row += [f"{first['median']:.1f} s" if first else "", f"{peak / 2**20:,.0f} MiB" if peak else ""]
    return row + ["" if entry[name] is None else str(entry[name]) for name in ("threads", "workers")]


def _splits(entries: list[tuple[int, dict[str, Any]]]) -> list[str]:
    """A line for each program that knows it."""
    rows = []
    for number, entry in entries:
        split, wait = entry["split_ms"], entry["data_wait"]
        if split:
            parts = {name: part["median"] for name, part in split.items()}
            whole = sum(parts.values())
            shown = [f"{value:.2f} ({value / whole:.0%})" for value in parts.values()]
            rows.append([str(number), *shown, f"{whole:.2f}", f"{wait['median']:.1%}" if wait else ""])
            head = ["ms a step", *parts, "sum", "waits for data"]
    return aligned([head, *rows]) if rows else []


def _overheads(entries: list[tuple[int, dict[str, Any]]]) -> list[str]:
    """How much longer the first takes than each baseline."""
    lines = []
    for number, entry in entries:
        if "command" in entry:
            spent = [(entry["wall_overhead"], "time"), (entry["processor_overhead"], "CPU time")]
            shares = [
                f"{over['median']:+.1%} {what} ({over['lower']:+.1%} to {over['upper']:+.1%})"
                for over, what in spent
                if over
            ]
            lines.append(f"1 takes for a sample, beside {number}: {', '.join(shares)}")
    return ["", *lines] if lines else []


def _method(report: dict[str, Any]) -> list[str]:
    limits, rounds = report["limits"], report["rounds"]
    cut = f" of {limits['repeat']}, cut short by --seconds {limits['seconds']:g}" if rounds < limits["repeat"] else ""
    return [
        f"Medians of {rounds} round{'s' if rounds > 1 else ''}{cut}; in each, every program is started anew in its "
        f"turn. Rates and waits: of {limits['steps']} steps after {limits['warmup']}. Parts of a step: of "
        f"{limits['steps']} further ones, slowed down by being timed.",
        "Ratios hold the times of a sample in the same round against each other. First step: from the start of the "
        "program to its end.",
        METHOD[report["machine"]["device"]],
    ]
