"""A store in S3, or in what speaks its language: a bucket, and a prefix of all keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, Unpack

from export.errors import StoreError, UnavailableStoreError
from export.storage.bucket import Bucket
from export.storage.media_types import media_type
from export.storage.multipart import MultipartUpload
from export.storage.object_store import ListedObject, StoredObject, Upload, file_parts

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import MultipartUploadTypeDef

PART_BYTES = 16 << 20
_REMOVED_AT_ONCE = 16
_MAX_COPY_BYTES = 5 << 30  # of one request
# What is published never changes under its name; the pointer is all that does.
_IMMUTABLE = "public, max-age=31536000, immutable"
_CHANGING = "no-cache"
_HASH = "sha256"  # the metadata that keeps an object's hash


class _Condition(TypedDict, total=False):
    IfMatch: str
    IfNoneMatch: str


class BucketObjects:
    """A store in a bucket; ``prefix`` is what all keys begin with: empty, or it ends with a slash."""

    def __init__(self, bucket: Bucket, prefix: str, *, part_bytes: int = PART_BYTES) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._part_bytes = part_bytes

    @property
    def address(self) -> str:
        return f"s3://{self._bucket.name}/{self._prefix}".rstrip("/")

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        def request() -> StoredObject:
            response = self._bucket.client.get_object(Bucket=self._bucket.name, Key=self._prefix + key)
            data = response["Body"].read(max_bytes + 1)
            if len(data) < min(response["ContentLength"], max_bytes + 1):
                raise UnavailableStoreError(f"{self.address} sent only a part of {key}")
            return StoredObject(data=data, version=response["ETag"], etag=response["ETag"].strip('"'))

        return self._bucket.find(f"reading {key}", request)

    def objects(self, prefix: str) -> list[ListedObject]:
        pages = self._bucket.client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket.name, Prefix=self._prefix + prefix
        )
        entries = self._bucket.ask("listing", lambda: [entry for page in pages for entry in page.get("Contents", [])])
        return [
            ListedObject(
                key=entry["Key"].removeprefix(self._prefix),
                size_bytes=entry["Size"],
                modified_s=entry["LastModified"].timestamp(),
                etag=entry.get("ETag", "").strip('"'),
            )
            for entry in entries
        ]

    def holds(self, upload: Upload) -> bool:
        head = self._bucket.find(
            f"looking at {upload.key}",
            lambda: self._bucket.client.head_object(Bucket=self._bucket.name, Key=self._prefix + upload.key),
        )
        return (
            head is not None
            and head["ContentLength"] == upload.size_bytes
            and upload.sha256 in (None, head["Metadata"].get(_HASH))
        )

    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        parts = file_parts(upload, self._part_bytes)
        if upload.size_bytes > self._part_bytes:
            self._put_large(upload, parts, advance)
            return
        data = b"".join(parts)
        self._put(upload.key, data, upload.media_type, _metadata(upload))
        advance(len(data))

    def write(self, key: str, data: bytes) -> None:
        self._put(key, data, media_type(key), {})

    def copy(self, key: str, upload: Upload) -> bool:
        if upload.size_bytes > _MAX_COPY_BYTES or not self.holds(replace(upload, key=key)):
            return False
        copied = self._bucket.find(
            f"copying {key}",
            lambda: self._bucket.client.copy_object(
                Bucket=self._bucket.name,
                Key=self._prefix + upload.key,
                CopySource={"Bucket": self._bucket.name, "Key": self._prefix + key},
            ),
        )
        return copied is not None

    def swap(self, key: str, data: bytes, *, version: str | None) -> bool:
        if version is None:
            return self._write_if(key, data, IfNoneMatch="*")
        # Ceph knows a version only without its quotes, which HTTP's own rules ask for.
        return any(self._write_if(key, data, IfMatch=tag) for tag in (version.strip('"'), version))

    def remove(self, keys: Iterable[str]) -> None:
        # A request for each: not all who speak S3 understand the checksum that a request for many needs.
        with ThreadPoolExecutor(max_workers=_REMOVED_AT_ONCE) as pool:
            list(pool.map(self._remove, keys))

    def remove_partial(self, *, before_s: float) -> None:
        for upload in self._uploads_under_way(self._prefix):
            if upload["Initiated"].timestamp() < before_s:
                self._give_up(upload["Key"], upload["UploadId"])

    def _put(self, key: str, data: bytes, kind: str, metadata: dict[str, str]) -> None:
        self._bucket.ask(
            f"writing {key}",
            lambda: self._bucket.client.put_object(
                Bucket=self._bucket.name,
                Key=self._prefix + key,
                Body=data,
                ContentType=kind,
                CacheControl=_IMMUTABLE,
                Metadata=metadata,
            ),
        )

    def _put_large(self, upload: Upload, parts: Iterable[bytes], advance: Callable[[int], None]) -> None:
        key = self._prefix + upload.key
        begun = [found["UploadId"] for found in self._uploads_under_way(key) if found["Key"] == key]
        multipart = MultipartUpload(bucket=self._bucket, key=key, id=begun[0] if begun else self._begin(upload))
        if not (multipart.send(parts, advance) or self.holds(upload)):
            raise StoreError(f"somebody else has given up the upload of {upload.key}; run again")

    def _begin(self, upload: Upload) -> str:
        begun = self._bucket.ask(
            f"writing {upload.key}",
            lambda: self._bucket.client.create_multipart_upload(
                Bucket=self._bucket.name,
                Key=self._prefix + upload.key,
                ContentType=upload.media_type,
                CacheControl=_IMMUTABLE,
                Metadata=_metadata(upload),
            ),
        )
        return begun["UploadId"]

    def _uploads_under_way(self, prefix: str) -> list[MultipartUploadTypeDef]:
        pages = self._bucket.client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket.name, Prefix=prefix
        )
        return self._bucket.ask(
            "listing uploads", lambda: [upload for page in pages for upload in page.get("Uploads", [])]
        )

    def _write_if(self, key: str, data: bytes, **condition: Unpack[_Condition]) -> bool:
        return self._bucket.write_if(
            f"writing {key}",
            lambda: self._bucket.client.put_object(
                Bucket=self._bucket.name,
                Key=self._prefix + key,
                Body=data,
                ContentType=media_type(key),
                CacheControl=_CHANGING,
                **condition,
            ),
        )

    def _remove(self, key: str) -> None:
        self._bucket.ask(
            f"removing {key}",
            lambda: self._bucket.client.delete_object(Bucket=self._bucket.name, Key=self._prefix + key),
        )

    def _give_up(self, key: str, upload: str) -> None:
        self._bucket.find(
            f"giving up {key}",
            lambda: self._bucket.client.abort_multipart_upload(Bucket=self._bucket.name, Key=key, UploadId=upload),
        )


def _metadata(upload: Upload) -> dict[str, str]:
    return {} if upload.sha256 is None else {_HASH: upload.sha256}
