"""Many machines: Ray on this machine beside the built-in workers, and what is done twice when processes are killed.

Kill -9 is timed by what has arrived in the store, which a proxy before it counts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import boto3
import numpy as np

from export.cluster.shard_collecting import SHARD_PHOTOS
from tests.e2e.deadly_proxy import DeadlyProxy
from tests.e2e.processes import THINLENS
from tests.e2e.s3_servers import ceph_server
from tests.functional.export.cluster.clusters import readers_of
from tests.functional.export.stores import receive
from tests.performance.indexing import make_photos
from tests.performance.report import Table, spread

PHOTOS = 5_000
SIZE = (800, 600)
RUNS = 3
KILLED_PHOTOS = 1_000
READERS = 3
READER_KILLED_AT = 300
DRIVER_KILLED_AT = 700
BUCKET = "thinlens-bench"
LIMIT_S = 600


def measure(folder: Path) -> Table:
    """Index the same photos by Ray and by the built-in workers, taking turns."""
    photos = folder / "photos"
    make_photos(photos, folder / "samples", count=PHOTOS, size=SIZE)
    took_s: dict[str, list[float]] = {"processes": [], "ray": []}
    segments = set()
    for number in range(RUNS):
        for engine, runs in took_s.items():
            out = folder / f"{engine}-{number}"
            runs.append(_index(str(photos), str(out), "--engine", engine))
            segments |= {path.name for path in (out / "bundle/segments").iterdir()}
    ratio = float(np.median(took_s["processes"]) / np.median(took_s["ray"]))
    return Table(
        title="Many machines: Ray on one of them",
        how=(
            f"`thinlens index` of {PHOTOS:,} JPEG photos of {SIZE[0]} × {SIZE[1]} pixels into a folder, whole runs of "
            f"the command, with a process for each of {os.cpu_count()} cores; starting and ending Ray is part of it. "
            f"{RUNS} runs of each, taking turns; median and quartiles. Ray is {ratio:.2f} times as fast. All runs "
            f"together wrote {len(segments)} different segments."
        ),
        header=("engine", "photos/s", "s"),
        rows=[(engine, spread([PHOTOS / run_s for run_s in runs]), spread(runs)) for engine, runs in took_s.items()],
    )


def measure_deaths(folder: Path) -> Table:
    """Index photos of Ceph with three readers; kill one, then the driver; run again, and compare with one machine."""
    photos = folder / "photos"
    make_photos(photos, folder / "samples", count=KILLED_PHOTOS, size=SIZE)
    (folder / "ceph").mkdir()
    with ceph_server(folder / "ceph") as server:
        os.environ |= server.environment
        server.make_bucket(BUCKET)
        client = boto3.client("s3")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda path: client.upload_file(str(path), BUCKET, f"photos/{path.name}"), photos.iterdir()))
        source, store = f"s3://{BUCKET}/photos", f"s3://{BUCKET}/library"
        # With --force: crops of eleven photographs are too much alike for the quality gate.
        arguments = (source, store, "--engine", "ray", "--workers", str(READERS), "--force")
        with _counting(server.endpoint) as proxy:
            os.environ["AWS_ENDPOINT_URL_S3"] = proxy.address
            at_death = _kill_reader_and_driver(arguments, proxy)
            again_s = _index(*arguments)
            os.environ["AWS_ENDPOINT_URL_S3"] = server.endpoint
        served = receive({**os.environ, "THINLENS_BUNDLE": store, "THINLENS_CACHE": str(folder / "cache")})
        _index(source, str(folder / "alone"))
        alone = {path.name for path in (folder / "alone/bundle/segments").iterdir()}
        understood, read = _times(proxy, "PUT", "/thumbnails/"), _times(proxy, "GET", "/photos/")
    same = {segment.id for segment in served.manifest.segments} == alone
    return Table(
        title="Many machines: a reader and the driver are killed",
        how=(
            f"`thinlens index s3://… --out s3://… --engine ray --workers {READERS}` of {KILLED_PHOTOS:,} photos in "
            f"Ceph on the same machine. Kill -9 of a reader once {READER_KILLED_AT} photos are understood, of the "
            f"driver at {DRIVER_KILLED_AT}; then the command again. A photo counts as understood when its thumbnail "
            f"arrives. A shard has at most {SHARD_PHOTOS} photos. The segments are {'' if same else 'NOT '}those of "
            "one machine."
        ),
        header=(
            *("understood before", "photos in service", "missing", "understood twice", "fetched twice"),
            "the second run, s",
        ),
        rows=[
            (
                f"{at_death:,}",
                f"{len(served.photos.present()):,}",
                f"{KILLED_PHOTOS - len(served.photos.present()):,}",
                f"{sum(times - 1 for times in understood):,}",
                f"{sum(times - 1 for times in read):,}",
                f"{again_s:.1f}",
            )
        ],
    )


@contextmanager
def _counting(endpoint: str) -> Iterator[DeadlyProxy]:
    with DeadlyProxy(endpoint) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


def _kill_reader_and_driver(arguments: tuple[str, ...], proxy: DeadlyProxy) -> int:
    """Run the command until it is killed; returns how many photos were understood until then."""
    photos, store, *options = arguments
    driver = subprocess.Popen([THINLENS, "index", photos, "--out", store, *options], stderr=subprocess.DEVNULL)
    _wait_for(proxy, READER_KILLED_AT, driver)
    os.kill(readers_of(driver.pid)[0], signal.SIGKILL)
    _wait_for(proxy, DRIVER_KILLED_AT, driver)
    driver.kill()
    driver.wait()
    time.sleep(3)  # until its readers have noticed
    return len(_times(proxy, "PUT", "/thumbnails/"))


def _wait_for(proxy: DeadlyProxy, photos: int, driver: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while len(_times(proxy, "PUT", "/thumbnails/")) < photos:
        if driver.poll() is not None or time.monotonic() > end_s:
            raise RuntimeError(f"the driver ended before {photos} photos were understood")
        time.sleep(0.05)


def _times(proxy: DeadlyProxy, method: str, part: str) -> list[int]:
    """How many times each object was written or read."""
    with proxy.lock:
        return [times for (asked, path), times in proxy.asked.items() if asked == method and part in path]


def _index(photos: str, out: str, *options: str) -> float:
    """Run the command; returns the seconds that it took."""
    started_s = time.perf_counter()
    command = [THINLENS, "index", photos, "--out", out, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - started_s
