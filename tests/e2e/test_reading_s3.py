"""The function's own S3 client against real servers: what boto3 wrote, read with signatures of our own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from handler.bundle.bundle import Bundle
from handler.errors import StoreError
from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.store.pointer import POINTER_KEY, Pointer
from handler.store.store import Store, deliver, open_store
from tests.e2e.s3_servers import SECRET_KEY, S3Server, ceph_server, moto_server
from tests.functional.handler.artefacts import PHOTOS, write_bundle
from tests.functional.handler.published import publish

BUCKET = "thinlens-reading"
PREFIX = "Ferien & Fotos/été (1)"


@pytest.fixture(scope="module", params=[ceph_server, moto_server], ids=["ceph", "moto"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with request.param(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket(BUCKET)
        yield server


def upload(server: S3Server, folder: Path) -> None:
    """Put a folder's files below the prefix, the pointer last."""
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.environment["AWS_REGION"],
        aws_access_key_id=server.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=server.environment["AWS_SECRET_ACCESS_KEY"],
    )
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == POINTER_KEY):
        client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{path.relative_to(folder).as_posix()}", Body=path.read_bytes())
    client.close()


def connect(server: S3Server, cache: Path, **variables: str) -> Store:
    environment = {
        **server.environment,
        "THINLENS_BUNDLE": f"s3://{BUCKET}/{PREFIX}",
        "THINLENS_CACHE": str(cache),
        **variables,
    }
    return open_store(Settings.from_environment(environment), environment)


def test_a_published_bundle_answers_and_a_new_one_and_a_rollback_are_noticed(server: S3Server, tmp_path: Path) -> None:
    first = publish(tmp_path / "store", write_bundle(tmp_path / "first"))
    upload(server, tmp_path / "store")
    store = connect(server, tmp_path / "cache")
    searcher = Searcher(Bundle.receive(deliver(store)))
    assert searcher.bundle.id == first
    assert searcher.search("a dog runs in the park", k=1)["results"][0]["id"] == "animals/dog.jpg"
    assert store.newest() == first

    pointer = (tmp_path / "store" / POINTER_KEY).read_bytes()
    second = publish(tmp_path / "store", write_bundle(tmp_path / "second", PHOTOS[:3]))
    upload(server, tmp_path / "store")
    assert store.newest() == second
    assert Bundle.receive(deliver(store, second)).id == second

    (tmp_path / "store" / POINTER_KEY).write_bytes(pointer)
    upload(server, tmp_path / "store")
    assert store.newest() == Pointer.parse(pointer).bundle == first


def test_what_is_not_there_is_said(server: S3Server, tmp_path: Path) -> None:
    for place, message in ((f"s3://{BUCKET}/nothing", "404 NoSuchKey"), ("s3://no-such-bucket", "404 NoSuchBucket")):
        with pytest.raises(StoreError, match=f"{place}/current.json: {message}: publish a bundle there first"):
            connect(server, tmp_path / "cache", THINLENS_BUNDLE=place).newest()


def test_a_wrong_key_is_refused_and_not_shown(server: S3Server, tmp_path: Path) -> None:
    if server.name == "moto":
        pytest.skip("moto's server believes every key")
    wrong = f"not {SECRET_KEY}".replace(" ", "-")
    with pytest.raises(StoreError, match="403 SignatureDoesNotMatch: may the function's role read it") as error:
        connect(server, tmp_path / "cache", AWS_SECRET_ACCESS_KEY=wrong).newest()
    assert wrong not in str(error.value)
    with pytest.raises(StoreError, match="403 InvalidAccessKeyId"):
        connect(server, tmp_path / "cache", AWS_ACCESS_KEY_ID="NOBODY").newest()
