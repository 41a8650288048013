"""kill -9 of a reader and of the driver: nothing is lost, and no more is done twice than what they were at."""

from __future__ import annotations

import threading
from dataclasses import fields, replace
from pathlib import Path

from export.cluster.ray_engine import BATCHES_EACH
from export.library.records import Failure
from export.understanding.worker_pool import BATCH_SIZE
from tests.functional.export.cluster.clusters import (
    DeadlySource,
    index_alone,
    index_here,
    kill_a_reader,
    served_records,
    shards,
    strict_models,
    understood,
)
from tests.functional.export.deaths import Death, die
from tests.functional.export.galleries import write_photo, write_photos

PHOTOS = 60
SHARD = 32
# Small shards and batches, so that few photos make several.
WORK = f"""
import export.cluster.ray_engine, export.cluster.shard_collecting, export.understanding.worker_pool
from tests.functional.export.cluster.clusters import index_here

export.cluster.shard_collecting.SHARD_PHOTOS = {SHARD}
export.cluster.ray_engine.BATCH_SIZE = export.understanding.worker_pool.BATCH_SIZE = 4
index_here(base)
"""


def test_a_reader_that_is_killed(ray: None, tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", PHOTOS)
    killer = threading.Thread(target=kill_a_reader, args=(tmp_path,), kwargs={"after": 8})
    killer.start()
    report = index_here(tmp_path, models=strict_models(tmp_path, delay_s=0.03))
    killer.join()
    assert (report.index.photos, report.index.read, report.index.failures) == (PHOTOS, PHOTOS, ())
    assert PHOTOS <= understood(tmp_path) <= PHOTOS + BATCHES_EACH * BATCH_SIZE
    assert served_records(tmp_path / "store") == index_alone(tmp_path)


def test_a_photo_that_crashes_its_reader_is_named_and_stops_nothing(ray: None, tmp_path: Path) -> None:
    for number in range(10):
        write_photo(tmp_path / f"photos/{number} red.jpg", "red", seed=number)
    write_photo(tmp_path / "photos/black.jpg", "black")
    models = strict_models(tmp_path)
    deadly = DeadlySource(**{field.name: getattr(models.captioner, field.name) for field in fields(DeadlySource)[:-1]})
    report = index_here(tmp_path, models=replace(models, captioner=deadly))
    assert (report.index.photos, report.index.read) == (10, 10)
    reason = "decoding it ended the process, or its machine has gone"
    assert report.index.failures == (Failure(path="black.jpg", reason=reason),)
    assert index_here(tmp_path).index.photos == 11, "with another captioner it is tried again"


def test_a_driver_that_is_killed(ray: None, tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", PHOTOS)
    strict_models(tmp_path)
    die(Death("export.cluster.bucket_library", "BucketLibrary.put", "before", 2), WORK, tmp_path)
    (shard,) = shards(tmp_path)
    report = index_here(tmp_path)
    assert (report.index.photos, report.index.read) == (PHOTOS, PHOTOS - len(shard.photos))
    assert PHOTOS < understood(tmp_path) <= PHOTOS + SHARD
    assert served_records(tmp_path / "store") == index_alone(tmp_path)
    assert [photo.id for each in shards(tmp_path) for photo in each.photos].count(shard.photos[0].id) == 1
