from pathlib import Path

import pytest

from posepyr.cli.arguments import parse
from posepyr.errors import UsageError


@pytest.mark.parametrize(
    "line",
    [
        "-m a=1 b=2,3 --config-dir own",
        "a=1 -m b=2,3 --config-dir own",
        "a=1 --config-dir own b=2,3 --multirun",
        "--config-dir=own a=1 b=2,3 -m",
    ],
)
def test_flags_may_stand_anywhere(line: str) -> None:
    request = parse(line.split())
    assert request.overrides == ["a=1", "b=2,3"]
    assert request.multirun
    assert request.config == ("own", "config")


def test_defaults_ask_for_nothing() -> None:
    request = parse(["a=b=c", "~d", "+e=-1"])
    assert request.overrides == ["a=b=c", "~d", "+e=-1"]
    assert (request.multirun, request.cfg, request.values) == (False, None, {})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--multrun", "did you mean --multirun"),
        ("--multirun=yes", "--multirun must stand alone"),
        ("--rerun", "--rerun must be followed by a value, got 'nothing'"),
        ("--cfg -m", "--cfg must be followed by a value, got '-m'"),
        ("--cfg joob", "--cfg must be job or all, got 'joob'"),
        ("--resolve", "--resolve must come with --cfg"),
        ("stacks", "must be a flag or key=value, got 'stacks'"),
        ("=3", "must be a flag or key=value, got '=3'"),
        ("--rerun a --resume b", "must not come together"),
        ("--resume a -m", "--resume must not come with -m"),
        ("--resume a --config-name b", "--resume must not come with --config-dir or --config-name"),
        ("hydra.mode=MULTIRUN", "hydra.mode=MULTIRUN must not be given"),
    ],
)
def test_a_wrong_line_says_what_is_wrong(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        parse(line.split())


def test_a_command_has_flags_and_words_of_its_own(tmp_path: Path) -> None:
    odd = tmp_path / "lr=3.ckpt"
    odd.touch()
    request = parse([str(odd), "a=1", "--split", "val"], words=1, own=["--split"], refused=["--rerun"])
    assert (request.words, request.overrides, request.values) == ([str(odd)], ["a=1"], {"split": "val"})
    with pytest.raises(UsageError, match="--rerun is no flag of this command"):
        parse(["--rerun", "a"], refused=["--rerun"])


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--lr", "0.1"], "optimizer.lr=0.1"),
        (["--epochs=3"], "trainer.max_epochs=3"),
        (["--gpus", "2"], "trainer.devices=2"),
        (["--batch-size", "8"], "data.batch_size=8"),
        (["--seed=3"], "seed=3"),
        (["--resume-from", "runs/a"], "--resume runs/a"),
        (["--config_dir", "mine"], "--config-dir"),
        (["--multrun"], "--multirun"),
        (["--lr"], "optimizer.lr=VALUE"),
    ],
)
def test_flags_of_other_programs_are_answered_with_our_keys(words: list[str], meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    flag = words[0].partition("=")[0]
    assert str(caught.value) == f"{flag} is no flag of this command; did you mean {meant}?"
