from io import StringIO

from rich.console import Console

from posepyr.cli.scores import print_scores


def test_joints_are_rows_and_splits_are_columns() -> None:
    console = Console(file=StringIO(), width=60)
    print_scores({"test/pck/ankle": 0.25, "test/pck": 0.5, "val/pck": 0.75}, console)
    text = console.file.getvalue()
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    assert lines == [["pck", "0.500", "0.750"], ["ankle", "0.250", ""]]
    assert "test" in text
