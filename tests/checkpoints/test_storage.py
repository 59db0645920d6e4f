import pickle
from pathlib import Path

import pytest
import torch

from posepyr.checkpoints.storage import read_checkpoint, write_checkpoint


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "new" / "a.ckpt", {"x": torch.arange(3), "name": "n"})
    content = read_checkpoint(tmp_path / "new" / "a.ckpt")
    assert content["name"] == "n"
    assert content["x"].tolist() == [0, 1, 2]


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps(Harmful())])
def test_what_is_no_plain_checkpoint_is_refused(tmp_path: Path, content: bytes, capsys) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.ckpt must be a checkpoint of plain data and tensors"):
        read_checkpoint(path)
    assert capsys.readouterr().out == ""


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"checkpoint at .*no\.ckpt, found nothing"):
        read_checkpoint(tmp_path / "no.ckpt")
    with pytest.raises(ValueError, match="found a folder"):
        read_checkpoint(tmp_path)
