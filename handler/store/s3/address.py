"""The address: where in S3 a store lies, and how its objects are called over HTTP.

Example: "s3://photos/gallery" in eu-central-1 -> https://photos.s3.eu-central-1.amazonaws.com/gallery/current.json
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

from handler.errors import SettingsError

SCHEME = "s3://"
DEFAULT_REGION = "us-east-1"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}", re.ASCII)
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Address:
    """A prefix of a bucket.

    Attributes:
        bucket: The bucket's name.
        prefix: What the keys of the store begin with: empty, or it ends with "/".
        region: The region that the bucket lies in.
        host: Host, and port if need be, that requests go to.
        root: What the paths of requests begin with: empty, or "/" and the bucket.
        secure: Whether requests go over TLS.
    """

    bucket: str
    prefix: str
    region: str
    host: str
    root: str
    secure: bool

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str], *, variable: str) -> Self:
        """Read s3://bucket/prefix, and from the environment the region and perhaps an endpoint other than AWS's.

        Raises:
            SettingsError: One of them is not what it should be; names the variable.
        """
        bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
        prefix = prefix.rstrip("/")
        bad_segment = prefix and not all(segment not in ("", ".", "..") for segment in prefix.split("/"))
        if not _BUCKET.fullmatch(bucket) or bad_segment or not prefix.isprintable() or len(prefix) > 512:
            raise SettingsError(f"{variable} is {text[:200]!r} (expected s3://bucket or s3://bucket/prefix)")
        region_variable, region = _first(environment, _REGION_VARIABLES)
        region = region or DEFAULT_REGION
        if not _REGION.fullmatch(region):
            raise SettingsError(f"{region_variable} is {region[:80]!r} (expected a region such as eu-central-1)")
        endpoint_variable, endpoint = _first(environment, _ENDPOINT_VARIABLES)
        prefix = f"{prefix}/" if prefix else ""
        if endpoint:
            url = urlsplit(endpoint)
            if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.netloc) or url.path.strip("/"):
                raise SettingsError(f"{endpoint_variable} is no address of a server (expected http(s)://host:port)")
            host, root, secure = url.netloc, f"/{bucket}", url.scheme == "https"
        else:
            host, root, secure = f"s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}", "", True
            # A name with dots fits no certificate, and goes into the path.
            host, root = (host, f"/{bucket}") if "." in bucket else (f"{bucket}.{host}", "")
        return cls(bucket=bucket, prefix=prefix, region=region, host=host, root=root, secure=secure)

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    def path(self, key: str) -> str:
        """The path of an object below the prefix, as it stands in a request."""
        return f"{self.root}/{quote(self.prefix + key)}"


def _first(environment: Mapping[str, str], variables: tuple[str, ...]) -> tuple[str, str]:
    """The first of the variables that is set, and its value; empty where none is."""
    for variable in variables:
        if value := environment.get(variable):
            return variable, value
    return variables[0], ""
