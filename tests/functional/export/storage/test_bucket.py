"""A bucket that is busy, silent, cut short or closed to us: tried again for a while, and told in one line."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from export.errors import StoreError, UnavailableStoreError
from export.storage import retrying
from export.storage.bucket import Bucket
from export.storage.bucket_objects import BucketObjects
from export.storage.object_store import StoredObject, Upload
from export.storage.schemes import open_store

PATIENCE_S = 0.5


class ScriptedServer(HTTPServer):
    """Answers each request with the next of its answers, the last one for ever; a status of 0 hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Scripted)
        self.answers: list[tuple[int, bytes]] = []
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, *answers: tuple[int, str]) -> None:
        self.answers = [(status, body.encode()) for status, body in answers]
        self.requests.clear()


class _Scripted(BaseHTTPRequestHandler):
    server: ScriptedServer

    def respond(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append(f"{self.command} {self.path}")
        status, body = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if status == 0:
            return
        self.send_response(status)
        self.send_header("ETag", '"etag"')
        # More than there is, where the answer is to be cut short.
        self.send_header("Content-Length", str(len(body) + body.count(b"CUT")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    do_GET = do_HEAD = do_PUT = do_DELETE = respond  # noqa: N815


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def store(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[BucketObjects]:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.01)
    for name, value in {
        "AWS_ENDPOINT_URL_S3": server.address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "the-secret",
        "AWS_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    connected = Bucket.connect("bucket")
    yield BucketObjects(Bucket(client=connected.client, name="bucket", patience_s=PATIENCE_S), "prefix/")
    connected.client.close()


def error(code: str, message: str = "") -> str:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"


@pytest.mark.parametrize(
    "trouble",
    [(503, error("SlowDown")), (500, error("InternalError")), (429, ""), (502, "<html>"), (0, ""), (200, "CUT")],
    ids=str,
)
def test_trouble_that_passes(store: BucketObjects, server: ScriptedServer, trouble: tuple[int, str]) -> None:
    server.answer(trouble, trouble, (200, "content"))
    assert store.read("file", max_bytes=100) == StoredObject(data=b"content", version='"etag"', etag="etag")
    assert server.requests == ["GET /bucket/prefix/file"] * 3


def test_trouble_that_stays_is_given_up_in_time(store: BucketObjects, server: ScriptedServer) -> None:
    server.answer((503, error("SlowDown", "Reduce your request rate.")))
    started_s = time.monotonic()
    with pytest.raises(StoreError) as told:
        store.read("file", max_bytes=100)
    assert time.monotonic() - started_s < 10 * PATIENCE_S
    assert str(told.value) == (
        "reading file in s3://bucket failed: 503 SlowDown; Reduce your request rate.; "
        "given up after 0 seconds of trying"
    )
    assert len(server.requests) > 2


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "AccessDenied", "the credentials need the rights of PublisherPolicy in infra/template.yaml"),
        (403, "SignatureDoesNotMatch", "check the credentials: the secret key isn't that of the access key"),
        (404, "NoSuchBucket", "make the bucket first, or correct the address"),
        (400, "ExpiredToken", "log in again"),
        (403, "RequestTimeTooSkewed", "the clock here is wrong by more than a quarter of an hour: set it"),
    ],
)
def test_trouble_that_does_not_pass(
    store: BucketObjects, server: ScriptedServer, status: int, code: str, advice: str
) -> None:
    server.answer((status, error(code)))
    with pytest.raises(StoreError, match=f"^listing in s3://bucket failed: {status} {code}; {advice}") as told:
        store.objects("")
    assert len(server.requests) == 1
    assert "the-secret" not in str(told.value)


@pytest.mark.parametrize(
    ("status", "code"), [(301, "PermanentRedirect"), (301, "301"), (400, "AuthorizationHeaderMalformed")]
)
def test_a_bucket_of_another_region(status: int, code: str) -> None:
    def refused() -> None:
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": {"x-amz-bucket-region": "eu-west-3"}}
        raise ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, "ListObjectsV2")  # type: ignore[typeddict-item]

    with pytest.raises(StoreError, match=f"{status} {code}; set AWS_REGION to the bucket's region, eu-west-3$"):
        Bucket.connect("bucket").ask("listing", refused)


def test_the_region_is_the_one_that_other_sdks_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert Bucket.connect("bucket").client.meta.region_name == "eu-west-3"
    monkeypatch.delenv("AWS_REGION")
    assert Bucket.connect("bucket").client.meta.region_name == "us-west-2"


def test_nobody_listens(store: BucketObjects, server: ScriptedServer) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(StoreError, match="Could not connect to the endpoint URL.*; given up after 0 seconds of trying"):
        store.objects("")


def test_what_is_not_there(store: BucketObjects, server: ScriptedServer, tmp_path: Path) -> None:
    server.answer((404, error("NoSuchKey")))
    assert store.read("file", max_bytes=100) is None
    assert not store.holds(_upload(tmp_path, b"content"))


def test_a_conditional_write_is_made_once(store: BucketObjects, server: ScriptedServer) -> None:
    server.answer((200, ""))
    assert store.swap("current.json", b"{}", version=None)
    server.answer((412, error("PreconditionFailed")))
    assert not store.swap("current.json", b"{}", version=None)
    assert len(server.requests) == 1
    for trouble in ((500, error("InternalError")), (409, error("ConditionalRequestConflict")), (0, "")):
        server.answer(trouble)
        with pytest.raises(UnavailableStoreError):
            store.swap("current.json", b"{}", version='"etag"')
        assert len(server.requests) == 1


def test_a_file_that_is_not_what_it_should_be_is_not_sent(
    store: BucketObjects, server: ScriptedServer, tmp_path: Path
) -> None:
    upload = _upload(tmp_path, b"content")
    upload.path.write_bytes(b"changed")
    server.answer((200, ""))
    with pytest.raises(Exception, match="file isn't what it was when it was indexed: index again, then publish"):
        store.put(upload, lambda _: None)
    assert server.requests == []


def _upload(folder: Path, content: bytes) -> Upload:
    (folder / "file").write_bytes(content)
    return Upload(
        key="file",
        path=folder / "file",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="text/plain",
    )


@pytest.mark.parametrize("address", ["http://bucket/x", "s3:/bucket", "gs://b/x"])
def test_addresses_of_no_store(address: str) -> None:
    with pytest.raises(StoreError, match=r"is no store \(expected s3://bucket, s3://bucket/prefix or a folder\)"):
        open_store(address)


@pytest.mark.parametrize("address", ["s3://", "s3:///x", "s3://bucket/../x", "s3://bucket//x"])
def test_addresses_of_no_bucket(address: str) -> None:
    with pytest.raises(StoreError, match=r"^STORE is '.*' \(expected s3://bucket or s3://bucket/prefix\)$"):
        open_store(address)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("address", "told"),
    [("s3://bucket", "s3://bucket"), ("s3://bucket/", "s3://bucket"), ("s3://b.c-d/e/f/", "s3://b.c-d/e/f")],
)
def test_addresses_of_stores(address: str, told: str) -> None:
    assert open_store(address).address == told
