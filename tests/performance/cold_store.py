"""Cold start from a store: process start to the first answer with the bundle in S3, beside a plain download.

`python -m tests.performance cold_store`, for it is not among those that are run together. The store is Ceph's gateway
on the same machine, which must be installed. What is downloaded plainly is what has to be here before a question is
answered; the rest is fetched as the question asks for it.

Ceph takes the time of the same two cores, several times what the function takes for a request. So there is also a store
that costs nothing: files of this machine, which come after a pause and as slowly as from S3.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import boto3

from handler.bundle.manifest import MANIFEST_FILE, bundle_id
from handler.bundle.manifest_reader import read_manifest
from handler.store.pointer import POINTER_KEY, Pointer, bundle_key
from tests.e2e.s3_servers import S3Server, ceph_server
from tests.functional.handler.published import publish
from tests.performance.cold_start import BARE_IMPORTS, FIRST_ANSWER, PLAIN_DOWNLOAD, Kind, Start, start_in_turn
from tests.performance.report import Table, spread

STARTS = 7
BUCKET = "gallery"
ROOM_BYTES = 4 << 30
COUNT_REQUESTS = """
import threading
from handler.store.s3 import s3_client
get_range, asked = s3_client.S3Client.get_range, []
def counted(self, key, start, into, **options):
    if threading.current_thread().name != "thinlens-rest":
        asked.append(len(into))
    return get_range(self, key, start, into, **options)
s3_client.S3Client.get_range = counted
"""
# In place of HTTP: a file of the folder STORE, after 15 ms, at 90 MB a second and connection.
SIMULATED = """
import os, time
from handler.store.s3 import s3_client
def read(key, start, into):
    started = time.perf_counter()
    with open(f"{os.environ['STORE']}/{key}", "rb") as file:
        file.seek(start)
        file.readinto(into)
    time.sleep(max(0.0, started + 0.015 + len(into) / 90e6 - time.perf_counter()))
def get(self, key, **options):
    body = bytearray(os.path.getsize(f"{os.environ['STORE']}/{key}"))
    read(key, 0, body)
    return s3_client.Content(body=bytes(body), etag="")
s3_client.S3Client.get = get
s3_client.S3Client.get_range = lambda self, key, start, into, **options: read(key, start, into)
"""
SIMULATED_DOWNLOAD = """
for key in os.environ["KEYS"].split():
    body = bytearray(os.path.getsize(f"{os.environ['STORE']}/{key}"))
    read(key, 0, body)
    with open(f"{os.environ['THINLENS_CACHE']}/{key.replace('/', '_')}", "wb") as file:
        file.write(body)
"""
TELL_REQUESTS = """
import pathlib
pathlib.Path(os.environ["ASKED"]).write_text(f"{len(asked)} {sum(asked)}")
"""


def measure(bundles: Sequence[Path], folder: Path) -> Table:
    """Start each kind of process STARTS times in turn, with each of the bundles in Ceph.

    Args:
        bundles: The bundles.
        folder: Empty, for Ceph.
    """
    rows = []
    with ceph_server(folder, room_bytes=ROOM_BYTES) as server:
        server.make_bucket(BUCKET)
        for bundle in bundles:
            rows += _rows(server, bundle, folder)
    return Table(
        title="Cold start from S3",
        how=(
            f"{STARTS} fresh processes of each kind, taking turns; from starting the process to its work done, median "
            f"and quartiles. The bare imports are `{BARE_IMPORTS}`. The plain download has one connection, and fetches "
            "the files that must be here before a question is answered. The first answer is that to an event, with an "
            "empty cache: requests and bytes are those before it, without what a thread fetches behind it. Ceph's "
            "gateway runs on the same two cores. Simulated: files of this machine, each request of which takes 15 ms "
            "and as long as its bytes take at 90 MB a second."
        ),
        header=("photos", "process", "ms", "processor ms", "requests", "MB", "ratio to its plain download"),
        rows=rows,
    )


def _rows(server: S3Server, bundle: Path, folder: Path) -> list[tuple[str, ...]]:
    manifest_bytes = (bundle / MANIFEST_FILE).read_bytes()
    manifest = read_manifest(manifest_bytes)
    identity = bundle_id(manifest_bytes)
    store = f"s3://{BUCKET}/{identity}"
    _upload(server, bundle, identity, (MANIFEST_FILE, *manifest.all_files))
    keys = [bundle_key(identity, name) for name in (MANIFEST_FILE, *manifest.whole_files)]
    place = folder / f"store {identity}"
    publish(place, bundle)
    environment = {**server.environment, "THINLENS_BUNDLE": store, "KEYS": " ".join(keys), "STORE": str(place)}
    with tempfile.NamedTemporaryFile(dir=folder) as asked:
        environment["ASKED"] = asked.name
        first = f"{COUNT_REQUESTS}{FIRST_ANSWER}import os{TELL_REQUESTS}"
        kinds = [
            Kind(name="the bare imports", code=BARE_IMPORTS, environment={}),
            Kind(name="first answer, the bundle here", code=FIRST_ANSWER, environment={"THINLENS_BUNDLE": str(bundle)}),
            Kind(name="a plain download from Ceph", code=PLAIN_DOWNLOAD, environment=environment),
            Kind(name="first answer from Ceph", code=first, environment=environment),
            Kind(name="a plain download, simulated", code=SIMULATED + SIMULATED_DOWNLOAD, environment=environment),
            Kind(name="first answer, simulated", code=SIMULATED + first, environment=environment),
        ]
        starts = start_in_turn(kinds, STARTS)
        requests, size_bytes = map(int, Path(asked.name).read_text().split())
    whole_mb = sum(info.size_bytes for info in manifest.whole_files.values()) / 1e6
    downloaded, answered = (len(keys), whole_mb), (requests, size_bytes / 1e6)
    sizes = {kind.name: downloaded if "download" in kind.name else answered for kind in kinds[2:]}
    return [_row(manifest.counts.photos, kind.name, starts, sizes) for kind in kinds]


def _row(
    photos: int, kind: str, starts: Mapping[str, Sequence[Start]], sizes: Mapping[str, tuple[int, float]]
) -> tuple[str, ...]:
    times = [start["took_ms"] for start in starts[kind]]
    peer = "a plain download, simulated" if "simulated" in kind else "a plain download from Ceph"
    download = median(start["took_ms"] for start in starts[peer])
    requests, megabytes = sizes.get(kind, (0, 0.0))
    return (
        f"{photos:,}",
        kind,
        spread(times, 0),
        spread([start["processor_ms"] for start in starts[kind]], 0),
        str(requests or "–"),
        f"{megabytes:.1f}" if megabytes else "–",
        f"{median(times) / download:.2f}",
    )


def _upload(server: S3Server, bundle: Path, identity: str, names: Sequence[str]) -> None:
    """Put a bundle into a store of its own, and in service."""
    environment = server.environment
    client = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL_S3"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    for name in names:
        key = bundle_key(identity, name)
        client.put_object(Bucket=BUCKET, Key=f"{identity}/{key}", Body=(bundle / name).read_bytes())
    pointer = Pointer(bundle=identity, published="2026-01-02T03:04:05+00:00", previous=None)
    client.put_object(Bucket=BUCKET, Key=f"{identity}/{POINTER_KEY}", Body=pointer.to_bytes())
