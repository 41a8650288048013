"""Many machines, as users run them: photos and the library in Ceph, read by a Ray cluster that is there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import boto3
import pytest

from export.cluster.run_lease import Lease
from export.photos.samples import copy_samples
from export.storage.schemes import open_store
from tests.e2e.processes import START_LIMIT_S, free_port, run_thinlens
from tests.e2e.s3_servers import S3Server, ceph_server
from tests.functional.export.stores import receive

BUCKET = "thinlens-tests"
RAY = str(Path(sys.executable).parent / "ray")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Ceph with an empty bucket, which this process's environment finds."""
    for package in ("ray", "pyarrow"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (make setup EXTRAS=ray)")
    with ceph_server(tmp_path_factory.mktemp("s3")) as server, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**server.environment, "AWS_CONFIG_FILE": "none", "RAY_USAGE_STATS_ENABLED": "0"}.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # which knows the keys of an environment from before
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture(scope="module")
def photos(server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample photographs, one of them twice, and a file that is none; in the bucket too."""
    folder = tmp_path_factory.mktemp("photos")
    copy_samples(folder)
    (folder / "coffee again.png").write_bytes((folder / "coffee.png").read_bytes())
    (folder / "broken.jpg").write_bytes(b"no photo")
    for path in folder.iterdir():
        boto3.client("s3").upload_file(str(path), BUCKET, f"photos/{path.name}")
    return folder


@pytest.fixture(scope="module")
def cluster(server: S3Server) -> Iterator[str]:
    """The address of a Ray cluster of one machine, with a token."""
    port = free_port()
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="ray-") as folder,  # the names of sockets in it may not be long
    ):
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", "ab" * 32)
        command = [RAY, "start", "--head", "--block", "--port", str(port), "--num-cpus", "2", "--temp-dir", folder]
        command += ["--object-store-memory", str(100 << 20), "--include-dashboard", "false", "--disable-usage-stats"]
        with Path(folder, "log").open("wb") as log:
            head = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            end_s = time.monotonic() + START_LIMIT_S
            while b"Ray runtime started" not in Path(folder, "log").read_bytes():
                assert head.poll() is None, Path(folder, "log").read_text()
                assert time.monotonic() < end_s, Path(folder, "log").read_text()
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
            assert head.poll() is None, "it stays"
        finally:
            head.terminate()  # it ends its own processes
            head.wait(START_LIMIT_S)


def index(store: str, *options: str) -> subprocess.CompletedProcess[str]:
    return run_thinlens("index", f"s3://{BUCKET}/photos", "--out", store, "--engine", "ray", *options)


def test_photos_of_a_bucket_become_a_library_in_a_bucket(photos: Path, cluster: str, tmp_path: Path) -> None:
    store = f"s3://{BUCKET}/library"
    first = index(store, "--address", cluster, "--force")
    assert first.returncode == 0, first.stderr
    bundle = run_thinlens("versions", store).stdout.split()[0]
    lines = first.stdout.splitlines()
    assert lines[0] == f"12 photos in bundle {bundle}: 11 read, 0 forgotten", "of two that are the same one is read"
    assert lines[1].startswith(f"It is in service in {store}: ")
    assert first.stderr.splitlines()[:1] == ["1 photo can't be used:"], "Ray's own messages stay away"
    served = receive({**os.environ, "THINLENS_BUNDLE": store, "THINLENS_CACHE": str(tmp_path / "cache")})
    alone = run_thinlens("index", photos, "--out", tmp_path / "alone", "--workers", "1")
    assert alone.stderr == first.stderr
    segments = [path.name for path in (tmp_path / "alone/bundle/segments").iterdir()]
    assert [segment.id for segment in served.manifest.segments] == segments
    again = index(store, "--force")
    assert (
        again.stdout
        == f"12 photos in bundle {bundle}: 0 read, 0 forgotten\nIt is in service in {store}: 0.0 MB sent.\n"
    )
    with Lease(open_store(store)):
        refused = index(store, "--force")
        assert refused.returncode == 1
        assert f"{store} is in use by another thinlens run, process {os.getpid()} on " in refused.stderr
    shards = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="library/library/")["Contents"]
    assert run_thinlens("prune", store, "--keep", "1").returncode == 0
    left = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="library/library/")["Contents"]
    assert [found["Key"] for found in left] == [found["Key"] for found in shards]
