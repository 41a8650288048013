"""A bucket: requests to S3, made again while it is busy or out of reach, and errors that say what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, SSLError

from export.errors import StoreError, UnavailableStoreError
from export.storage.retrying import PATIENCE_S, persist

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
MAX_CONNECTIONS = 32
# 409: another conditional write of the same object is under way.
_UNAVAILABLE_STATUSES = (408, 409, 429, 500, 502, 503, 504)
_UNAVAILABLE_CODES = ("RequestTimeout", "SlowDown", "Throttling", "ThrottlingException")
_RIGHTS = "the credentials need the rights of PublisherPolicy in infra/template.yaml"
_REGION = "set AWS_REGION to the bucket's region"
_ADVICE = {
    "301": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "403": _RIGHTS,  # the answer to a HEAD has no body that would say more
    "AccessDenied": _RIGHTS,
    "ExpiredToken": "log in again",
    "InvalidAccessKeyId": "check the credentials, and the endpoint that they are for",
    "NoSuchBucket": "make the bucket first, or correct the address",
    "RequestTimeTooSkewed": "the clock here is wrong by more than a quarter of an hour: set it",
    "SignatureDoesNotMatch": "check the credentials: the secret key isn't that of the access key",
}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket, and for how long a request to it is made again, in seconds."""

    client: S3Client
    name: str
    patience_s: float = PATIENCE_S

    @classmethod
    def connect(cls, name: str) -> Self:
        """The bucket, with the credentials, region and endpoint that boto3 finds; raises StoreError."""
        try:
            return cls(client=_make_client(), name=name)
        except (BotoCoreError, ValueError) as error:
            raise StoreError(f"S3 can't be used: {error}") from error

    def ask(self, doing: str, request: Callable[[], _T]) -> _T:
        """Make a request until it succeeds, or time is up; raises StoreError."""
        return persist(lambda: self.ask_once(doing, request), patience_s=self.patience_s)

    def ask_once(self, doing: str, request: Callable[[], _T]) -> _T:
        """Make a request; raises StoreError."""
        with _translated(f"{doing} in s3://{self.name} failed"):
            return request()

    def find(self, doing: str, request: Callable[[], _T]) -> _T | None:
        """The same as ``ask``, for a request about something that may not be there: then None."""

        def request_or_none() -> _T | None:
            try:
                return request()
            except ClientError as error:
                if _status(error) == 404 and _code(error) != "NoSuchBucket":
                    return None
                raise

        return self.ask(doing, request_or_none)

    def write_if(self, doing: str, request: Callable[[], object]) -> bool:
        """Make a conditional write, once.

        Returns:
            Whether the condition was met, and the object is written.

        Raises:
            UnavailableStoreError: It isn't known whether the object is written.
        """

        def write() -> bool:
            try:
                request()
            except ClientError as error:
                # 404: a version was asked for, and there is no object.
                if _status(error) in (404, 412) and _code(error) != "NoSuchBucket":
                    return False
                raise
            return True

        return self.ask_once(doing, write)


def _make_client() -> S3Client:
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=MAX_CONNECTIONS,
        retries={"total_max_attempts": 1},  # persist() makes them, and knows when time is up
        # What has a body is signed with its hash; the newer checksums beside it are refused by many who speak S3.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"payload_signing_enabled": True},
    )
    # As the handler and other SDKs do; boto3 itself knows AWS_DEFAULT_REGION alone.
    region = os.environ.get("AWS_REGION") or None
    client = boto3.client("s3", config=config, region_name=region)
    if ".amazonaws.com" in client.meta.endpoint_url:
        return client
    # Elsewhere a bucket seldom has a host name of its own.
    by_path = config.merge(Config(s3={"payload_signing_enabled": True, "addressing_style": "path"}))
    return boto3.client("s3", config=by_path, region_name=region)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except SSLError as error:
        raise StoreError(f"{what}: {error}") from error
    except (exceptions.ConnectionError, HTTPClientError) as error:
        raise UnavailableStoreError(f"{what}: {error}") from error
    except ClientError as error:
        code = _code(error)
        advice = _ADVICE.get(code)
        if advice == _REGION and (region := _region(error)):
            advice = f"{advice}, {region}"
        found = [f"{_status(error)} {code}", error.response["Error"].get("Message"), advice]
        message = f"{what}: {'; '.join(filter(None, found))}"
        if _status(error) in _UNAVAILABLE_STATUSES or code in _UNAVAILABLE_CODES:
            raise UnavailableStoreError(message) from error
        raise StoreError(message) from error
    except NoCredentialsError as error:
        advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        raise StoreError(f"{what}: there are no credentials; {advice}") from error
    except BotoCoreError as error:
        raise StoreError(f"{what}: {error}") from error


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _region(error: ClientError) -> str | None:
    """The region that a refusal names as the bucket's."""
    return error.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
