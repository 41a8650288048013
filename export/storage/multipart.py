"""A large object, sent to S3 part by part; the parts that a killed process has sent aren't sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from export.storage.bucket import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipartUpload:
    """An upload under way; every process that sends the same file sends the same parts."""

    bucket: Bucket
    key: str
    id: str

    def send(self, parts: Iterable[bytes], advance: Callable[[int], None]) -> bool:
        """Send the parts, each of at least 5 MiB but for the last; once all have arrived, the object is there.

        Args:
            parts: If they raise, the object doesn't come about.
            advance: Is told of the bytes that have arrived.

        Returns:
            False where another process has completed or given up the upload meanwhile.

        Raises:
            StoreError: The bucket can't be used.
        """
        arrived = self._arrived()
        complete: list[CompletedPartTypeDef] = []
        for number, part in enumerate(parts, start=1):
            tag = f'"{hashlib.md5(part, usedforsecurity=False).hexdigest()}"'
            if arrived.get(number) != tag:
                sent = self._send_part(number, part)
                if sent is None:
                    return False
                tag = sent
            complete.append({"PartNumber": number, "ETag": tag})
            advance(len(part))
        done = self.bucket.find(
            f"writing {self.key}",
            lambda: self.bucket.client.complete_multipart_upload(
                Bucket=self.bucket.name, Key=self.key, UploadId=self.id, MultipartUpload={"Parts": complete}
            ),
        )
        return done is not None

    def _send_part(self, number: int, part: bytes) -> str | None:
        """Send a part; returns its ETag, or None where there is no such upload any more."""
        sent = self.bucket.find(
            f"writing {self.key}",
            lambda: self.bucket.client.upload_part(
                Bucket=self.bucket.name, Key=self.key, UploadId=self.id, PartNumber=number, Body=part
            ),
        )
        return None if sent is None else sent["ETag"]

    def _arrived(self) -> dict[int, str]:
        """The ETags of the parts that are there, which are their MD5 unless the bucket encrypts with keys of KMS."""
        pages = self.bucket.client.get_paginator("list_parts").paginate(
            Bucket=self.bucket.name, Key=self.key, UploadId=self.id
        )
        parts = self.bucket.find(
            f"looking for parts of {self.key}", lambda: [part for page in pages for part in page.get("Parts", [])]
        )
        return {part["PartNumber"]: part["ETag"] for part in parts or ()}
