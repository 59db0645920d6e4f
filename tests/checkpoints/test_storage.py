import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from posepyr.checkpoints.storage import read_checkpoint, read_released, read_weights, write_checkpoint


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


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_a_file_that_would_run_code_is_refused_with_a_way_out(tmp_path: Path, capsys) -> None:
    torch.save({"state_dict": {}, "best_acc": Harmful()}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"tensors and plain data only: .* would have to run .* weights_only=False"):
        read_weights(tmp_path / "a.pth")
    assert capsys.readouterr().out == ""


SCALARS = {
    "best_acc": np.float64(0.75),
    "perf": np.float32(0.5),
    "epoch": np.int64(140),
    "old": np.dtype(">f8").type(2),
}


@pytest.mark.parametrize("legacy", [False, True])
def test_a_training_checkpoint_with_scalars_of_numpy_is_read(tmp_path: Path, legacy: bool) -> None:
    content = {"state_dict": {"a.weight": torch.ones(2)}, **SCALARS}
    torch.save(content, tmp_path / "a.pth.tar", _use_new_zipfile_serialization=not legacy)
    assert read_weights(tmp_path / "a.pth.tar").keys() == {"a.weight"}
    assert not any("numpy" in str(allowed) for allowed in torch.serialization.get_safe_globals())
    with pytest.raises(ValueError, match="plain data and tensors"):
        read_checkpoint(tmp_path / "a.pth.tar")


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
@pytest.mark.parametrize(
    ("dtype", "order", "value"),
    [("f8", "<", struct.pack("<d", 0.75)), ("f4", ">", struct.pack(">f", 0.75)), ("i8", "<", struct.pack("<q", 3))],
)
def test_scalars_of_either_numpy_are_numbers(tmp_path: Path, module: str, dtype: str, order: str, value: bytes) -> None:
    write_by_hand(tmp_path / "a.pth", scalar_opcodes(module, dtype, order, value))
    content = read_released(tmp_path / "a.pth")
    assert content == {"perf": 3 if dtype == "i8" else 0.75}
    assert type(content["perf"]) in (int, float)


@pytest.mark.parametrize(
    ("module", "dtype", "value"),
    [
        ("numpy.core.multiarray", "O", bytes(8)), ("numpy.core.multiarray", "V8", bytes(8)),
        ("numpy.core.multiarray", "f8", bytes(4)), ("numpy.core.multiarray", "c16", bytes(16)),
        ("numpy.other", "f8", bytes(8)),
    ],
)  # fmt: skip
def test_no_other_type_of_numpy_is_read(tmp_path: Path, module: str, dtype: str, value: bytes) -> None:
    write_by_hand(tmp_path / "a.pth", scalar_opcodes(module, dtype, "<", value))
    with pytest.raises(ValueError, match="tensors and plain data only"):
        read_weights(tmp_path / "a.pth")


def scalar_opcodes(module: str, dtype: str, order: str, value: bytes) -> bytes:
    """Pickle a scalar under ``perf`` as numpy and protocol 2 do, opcode by opcode."""
    text = value.decode("latin1").encode()

    def unicode(data: bytes) -> bytes:
        return b"X" + struct.pack("<I", len(data)) + data

    kind = b"cnumpy\ndtype\n" + unicode(dtype.encode()) + b"\x89\x88\x87R"  # dtype(..., False, True)
    state = b"(K\x03" + unicode(order.encode()) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    data = b"c_codecs\nencode\n" + unicode(text) + unicode(b"latin1") + b"\x86R"
    scalar = b"c" + module.encode() + b"\nscalar\n" + kind + state + data + b"\x86R"
    return b"\x80\x02}" + unicode(b"perf") + scalar + b"s."


def write_by_hand(path: Path, content: bytes) -> None:
    """Write a file of ``torch.save`` whose pickle is given."""
    torch.save({}, path)
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, content if name.endswith("data.pkl") else data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"posepyr": {}, "state_dict": {}}, "is a checkpoint of posepyr already"),
        ({"epoch": 3}, "must hold a network's weights by name; found epoch"),
        ({"state_dict": {}}, "found none"),
    ],
)
def test_a_file_without_weights_is_refused(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path / "a.pth")


def test_wrappings_are_taken_off(tmp_path: Path) -> None:
    weights = {"a.weight": torch.arange(3), "module_b": torch.ones(1)}
    for content in (
        weights,
        {"model": weights, "epoch": 1},
        {"model": "a name", "state_dict": {f"module.{key}": value for key, value in weights.items()}},
    ):
        torch.save(content, tmp_path / "a.pth")
        assert read_weights(tmp_path / "a.pth").keys() == weights.keys()
