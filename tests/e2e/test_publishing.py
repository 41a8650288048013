"""Publishing to real S3 implementations: the command as users run it, killed and raced, and what the function reads."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest

from export.errors import PublishingError
from export.publishing.staged_bundle import Choices
from export.storage.bucket import Bucket
from export.storage.bucket_objects import BucketObjects
from export.storage.object_store import Upload
from export.storage.schemes import open_store
from handler.bundle.manifest import SEGMENT_FILES
from handler.bundle.photos.addresses import thumbnail
from handler.store.folder_store import open_bundle
from tests.e2e.deadly_proxy import DeadlyProxy
from tests.e2e.processes import RUN_LIMIT_S, THINLENS
from tests.e2e.s3_servers import S3Server, ceph_server, moto_server
from tests.functional.export.galleries import write_photo
from tests.functional.export.stores import (
    KilledError,
    publish_growing,
    publish_quietly,
    race,
    segments_of,
    serve,
    write_other_out,
    write_out,
)

BUCKET = "thinlens-tests"
PUBLISHERS = 10
ROUNDS = 3
POINTS = 5
PART_BYTES = 5 << 20


@pytest.fixture(scope="module", params=[ceph_server, moto_server], ids=["ceph", "moto"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server with an empty bucket."""
    with request.param(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture(autouse=True)
def environment(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This process's environment finds the server, and nothing of the machine's own configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # which knows the keys of an environment from before
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def address(request: pytest.FixtureRequest) -> str:
    """A store of the test's own."""
    return f"s3://{BUCKET}/{request.node.originalname}"


def thinlens(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [THINLENS, *map(str, arguments)],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )


def served(address: str, cache: Path) -> str:
    """What the function reads from the store, into a cache of its own."""
    shutil.rmtree(cache, ignore_errors=True)
    return serve({**os.environ, "THINLENS_BUNDLE": address, "THINLENS_CACHE": str(cache)})


def test_publish_versions_rollback_and_prune(address: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_out(out)
    first = thinlens("publish", address, "--out", out)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1].endswith(" MB sent.")
    one = served(address, tmp_path / "cache")
    assert f"Bundle {one} with 6 photos is in service in {address}: " in first.stdout
    again = thinlens("publish", address, "--out", out)
    assert (
        again.stdout.splitlines()[-1] == f"Bundle {one} with 6 photos was in service in {address} already: 0.0 MB sent."
    )
    write_other_out(out, 1)
    assert thinlens("publish", address, "--out", out).returncode == 0
    two = served(address, tmp_path / "cache")
    assert two != one
    listed = json.loads(thinlens("versions", address, "--json").stdout)
    assert (listed["in_service"], listed["previous"]) == (two, one)
    assert {(bundle["id"], bundle["photos"], bundle["problem"]) for bundle in listed["bundles"]} == {
        (one, 6, None),
        (two, 7, None),
    }
    back = thinlens("rollback", address)
    assert back.stdout == f"Bundle {one} is in service in {address} again, instead of {two}.\n"
    assert served(address, tmp_path / "cache") == one
    assert len(open_store(address).objects("previews/")) == 7
    assert thinlens("publish", address, "--out", out, "--no-previews").returncode == 0
    assert served(address, tmp_path / "cache") not in (one, two)
    assert thinlens("rollback", address).returncode == 0
    pruned = thinlens("prune", address, "--keep", "1")
    assert pruned.returncode == 0, pruned.stderr
    assert served(address, tmp_path / "cache") == one


def test_one_more_photo_sends_one_segment_more(address: str, tmp_path: Path) -> None:
    store = open_store(address)
    first, second = publish_growing(tmp_path, store, times=2)
    (shared,) = segments_of(store, first.bundle)
    kept, new = segments_of(store, second.bundle)
    assert (kept, new.photos) == (shared, 1)
    written = {found.key: found.modified_s for found in store.objects("segments/")}
    assert written.keys() == {f"{segment.folder}/{name}" for segment in (shared, new) for name in SEGMENT_FILES}
    assert served(address, tmp_path / "cache") == second.bundle
    old_bytes = sum(info.size_bytes for info in shared.files.values())
    assert second.sent_bytes < first.sent_bytes - old_bytes
    assert publish_quietly(tmp_path / "out", store).sent_bytes == 0
    store.remove([f"{new.folder}/views.i8"])
    assert publish_quietly(tmp_path / "out", store).sent_bytes == new.files["views.i8"].size_bytes
    assert {found.key: found.modified_s for found in store.objects(f"{shared.folder}/")}.items() <= written.items()
    back = thinlens("rollback", address)
    assert back.stdout == f"Bundle {first.bundle} is in service in {address} again, instead of {second.bundle}.\n"
    assert served(address, tmp_path / "cache") == first.bundle


def test_objects_say_what_they_are_and_for_how_long_they_may_be_kept(address: str, tmp_path: Path) -> None:
    write_out(tmp_path)
    bundle = publish_quietly(tmp_path, open_store(address)).bundle
    client = boto3.client("s3")
    prefix = address.removeprefix(f"s3://{BUCKET}/")

    def head(key: str) -> tuple[str, str]:
        answer = client.head_object(Bucket=BUCKET, Key=f"{prefix}/{key}")
        return answer["ContentType"], answer["CacheControl"]

    immutable = "public, max-age=31536000, immutable"
    opened = open_bundle(tmp_path / "bundle")
    assert head("current.json") == ("application/json", "no-cache")
    assert head(f"bundles/{bundle}/manifest.json") == ("application/json", immutable)
    assert head(f"bundles/{bundle}/collection.bin") == ("application/octet-stream", immutable)
    assert head(f"{opened.manifest.segments[0].folder}/views.i8") == ("application/octet-stream", immutable)
    assert head(thumbnail(opened.photos.record(0).content)) == ("image/jpeg", immutable)


def test_errors_are_one_line_that_says_what_to_do(server: S3Server, address: str, tmp_path: Path) -> None:
    write_out(tmp_path)
    missing = thinlens("publish", "s3://no-such-bucket/gallery", "--out", tmp_path)
    assert missing.returncode == 1
    assert missing.stderr.startswith("thinlens: reading current.json in s3://no-such-bucket failed: 404 NoSuchBucket")
    assert missing.stderr.endswith("make the bucket first, or correct the address\n")
    if server.name == "ceph":
        refused = thinlens("publish", address, "--out", tmp_path, environment={"AWS_SECRET_ACCESS_KEY": "wrong"})
        assert refused.returncode == 1
        assert refused.stderr == (
            f"thinlens: reading current.json in s3://{BUCKET} failed: 403 SignatureDoesNotMatch; "
            "check the credentials: the secret key isn't that of the access key\n"
        )
        unknown = thinlens("versions", address, environment={"AWS_ACCESS_KEY_ID": "NOBODY"})
        assert "403 InvalidAccessKeyId" in unknown.stderr
    nobody = thinlens("versions", address, environment={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert "there are no credentials; set AWS_ACCESS_KEY_ID" in nobody.stderr


def test_photos_of_a_bucket_are_indexed(address: str, tmp_path: Path) -> None:
    client, prefix = boto3.client("s3"), address.removeprefix(f"s3://{BUCKET}/")
    for name, colour in (("red.jpg", "red"), ("walls/blue.png", "blue")):
        client.upload_file(str(write_photo(tmp_path / name, colour)), BUCKET, f"{prefix}/{name}")
    indexed = thinlens("index", address, "--out", tmp_path / "out", "--workers", "1")
    assert indexed.returncode == 0, indexed.stderr
    assert indexed.stdout.endswith(": 2 read, 0 forgotten\n")
    client.delete_object(Bucket=BUCKET, Key=f"{prefix}/red.jpg")
    again = thinlens("index", address, "--out", tmp_path / "out", "--workers", "1")
    assert again.stdout.endswith(": 0 read, 1 forgotten\n")
    found = json.loads(thinlens("search", "a wall", "--min-relevance", "0", "--out", tmp_path / "out", "--json").stdout)
    assert [result["id"] for result in found["results"]] == ["walls/blue.png"]


def test_of_ten_publishers_at_once_one_wins_each_round(address: str, tmp_path: Path) -> None:
    outs = [tmp_path / f"out{number}" for number in range(PUBLISHERS)]
    for number, out in enumerate(outs):
        write_other_out(out, number)
    race(outs, lambda: open_store(address), lambda: served(address, tmp_path / "cache"), rounds=ROUNDS)


def test_a_large_file_goes_on_where_it_was(address: str, tmp_path: Path) -> None:
    """Three of five parts have arrived when a publisher ends; the next one sends the other two."""
    bucket = Bucket.connect(BUCKET)
    sent: list[int] = []
    bucket.client.meta.events.register(
        "before-parameter-build.s3.UploadPart", lambda params, **_: sent.append(params["PartNumber"])
    )
    content = os.urandom(4 * PART_BYTES + 1)
    (tmp_path / "views.i8").write_bytes(content)
    upload = Upload(
        key="bundles/a/views.i8",
        path=tmp_path / "views.i8",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="application/octet-stream",
    )
    store = BucketObjects(bucket, f"{address.removeprefix(f's3://{BUCKET}/')}/", part_bytes=PART_BYTES)

    def end_after_three(_: int) -> None:
        if len(sent) == 3:
            raise KilledError

    with pytest.raises(KilledError):
        store.put(upload, end_after_three)
    assert not store.holds(upload)
    store.put(upload, lambda _: None)
    assert sent == [1, 2, 3, 4, 5]
    assert store.holds(upload)
    found = store.read(upload.key, max_bytes=len(content))
    assert found is not None
    assert found.data == content


def test_a_large_file_that_changes_while_it_is_sent_does_not_come_about(address: str, tmp_path: Path) -> None:
    content = os.urandom(PART_BYTES + 1)
    (tmp_path / "photo.jpg").write_bytes(content)
    upload = Upload(
        key="photos/a.jpg",
        path=tmp_path / "photo.jpg",
        size_bytes=len(content),
        sha256="0" * 64,
        media_type="image/jpeg",
    )
    store = BucketObjects(Bucket.connect(BUCKET), f"{address.removeprefix(f's3://{BUCKET}/')}/", part_bytes=PART_BYTES)
    with pytest.raises(PublishingError, match=r"photo.jpg isn't what it was when it was indexed"):
        store.put(upload, lambda _: None)
    assert store.objects("") == []
    # What was begun of it can be cleared away.
    store.remove_partial(before_s=time.time() + 3_600)
    under_way = Bucket.connect(BUCKET).client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    assert [found["Key"] for found in under_way if "photo" in found["Key"]] == []


@pytest.fixture
def proxy(server: S3Server) -> Iterator[DeadlyProxy]:
    with DeadlyProxy(server.endpoint) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


def test_killed_at_points_through_a_publish(proxy: DeadlyProxy, address: str, tmp_path: Path) -> None:
    """Kill -9 of the real command; the function reads the old bundle, or at the very last the new one, always whole."""
    old_out, out = tmp_path / "old", tmp_path / "out"
    write_out(old_out)
    write_other_out(out, 1)

    def publish_through_proxy(store: str, *, deadly: int, after: bool) -> int:
        proxy.requests, proxy.deadly, proxy.after = 0, deadly, after
        environment = {**os.environ, "AWS_ENDPOINT_URL_S3": proxy.address}
        with (tmp_path / "log").open("wb") as log:
            proxy.process = subprocess.Popen(
                [THINLENS, "publish", store, "--out", str(out)], env=environment, stdout=log, stderr=log
            )
            return proxy.process.wait(RUN_LIMIT_S)

    old = publish_quietly(old_out, open_store(f"{address}/whole")).bundle
    assert publish_through_proxy(f"{address}/whole", deadly=0, after=False) == 0, (tmp_path / "log").read_text()
    new, last = served(f"{address}/whole", tmp_path / "cache"), proxy.requests
    points = [(last * part // (POINTS - 1) or 1, part % 2 == 1) for part in range(POINTS - 1)]
    for deadly, after in [*points, (last, False), (last, True)]:
        store = f"{address}/{deadly}-{after}"
        publish_quietly(old_out, open_store(store))
        assert publish_through_proxy(store, deadly=deadly, after=after) == -signal.SIGKILL
        assert served(store, tmp_path / "cache") == (new if (deadly, after) == (last, True) else old)
        assert publish_quietly(out, open_store(store), Choices(previews=True)).bundle == new
        assert served(store, tmp_path / "cache") == new
