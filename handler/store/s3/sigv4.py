"""Signatures of requests, as AWS's services and everything that speaks S3 want them (Signature Version 4).

Knows what is signed and how (docs.aws.amazon.com, "Create a signed AWS API request"); sends nothing.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

ALGORITHM = "AWS4-HMAC-SHA256"
NO_BODY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key; its secrets show in no log and no traceback."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def signed_headers(
    headers: Mapping[str, str],
    *,
    path: str,
    region: str,
    credentials: Credentials,
    at: datetime.datetime,
    service: str = "s3",
) -> dict[str, str]:
    """The headers that make a GET request without a body a signed one.

    Args:
        headers: What is sent and signed beside x-amz-date and the token: names lower-case, "host" among them.
        path: As it stands in the request: percent-encoded, without a query.
        region: The region that the service lies in.
        credentials: Who asks.
        at: Now, UTC.
        service: The service's name in the signature.

    Returns:
        All headers to send: those given, x-amz-date, authorization, and the token if there is one.
    """
    time = at.strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "x-amz-date": time}
    if credentials.session_token:
        sent["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{' '.join(sent[name].split())}\n" for name in sorted(sent))
    request = f"GET\n{path}\n\n{lines}\n{names}\n{NO_BODY_SHA256}"
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    text = f"{ALGORITHM}\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    signature = _hmac(key, text).hex()
    sent["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
