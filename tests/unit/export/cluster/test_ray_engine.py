"""What a reader holds in memory is bounded."""

from __future__ import annotations

from pathlib import Path

from export.cluster.ray_engine import BATCH_BYTES, _in_memory
from export.understanding.engine import ReadingTask


def task(size_bytes: int) -> ReadingTask:
    return ReadingTask(id="a", path=Path("a"), content="", size_bytes=size_bytes, stamp=0, caption=True)


def test_large_photos_are_given_out_a_few_at_a_time() -> None:
    small, half, large = task(1), task(BATCH_BYTES // 2), task(BATCH_BYTES * 2)
    parts = [[photo.size_bytes for photo in part] for part in _in_memory([small, half, half, large, small])]
    assert parts == [[1, BATCH_BYTES // 2], [BATCH_BYTES // 2], [BATCH_BYTES * 2], [1]]
