"""Request signatures: AWS's published examples, and botocore's signer as the reference."""

from __future__ import annotations

import datetime
import re

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from handler.store.s3.address import S3Address
from handler.store.s3.sigv4 import NO_BODY_SHA256, Credentials, signed_headers

VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
SEGMENT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1, max_size=20
).filter(lambda segment: segment not in (".", ".."))


def signature(headers: dict[str, str]) -> str:
    found = re.search("Signature=([0-9a-f]{64})$", headers["authorization"])
    assert found is not None
    return found[1]


def test_the_example_of_the_s3_documentation() -> None:
    """GET Object in "Signature Calculations for the Authorization Header", Amazon S3 API Reference."""
    headers = signed_headers(
        {
            "host": "examplebucket.s3.amazonaws.com",
            "range": "bytes=0-9",
            "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        },
        path="/test.txt",
        region="us-east-1",
        credentials=Credentials(
            access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        ),
        at=datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC),
    )
    assert headers == {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": NO_BODY_SHA256,
        "x-amz-date": "20130524T000000Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            " SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            " Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
    }


@pytest.mark.parametrize(
    ("extra", "path", "expected"),
    [
        ({}, "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ({}, "/%E1%88%B4", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    ],
    ids=["get-vanilla", "get-utf8"],
)
def test_the_vectors_of_the_test_suite(extra: dict[str, str], path: str, expected: str) -> None:
    """From AWS's Signature Version 4 test suite."""
    headers = signed_headers(
        {"host": "example.amazonaws.com", **extra},
        path=path,
        region="us-east-1",
        credentials=Credentials(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        at=datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC),
        service="service",
    )
    assert signature(headers) == expected


@given(
    access_key=VISIBLE,
    secret_key=VISIBLE,
    token=st.one_of(st.just(""), VISIBLE),
    prefix=st.lists(SEGMENT, max_size=3),
    key=SEGMENT,
    byte_range=st.integers(0, 1 << 40),
    at=st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1)),
)
def test_signs_as_botocore_does(
    access_key: str, secret_key: str, token: str, prefix: list[str], key: str, byte_range: int, at: datetime.datetime
) -> None:
    address = S3Address(
        bucket="photos",
        prefix="".join(f"{segment}/" for segment in prefix),
        region="eu-central-1",
        host="127.0.0.1:9000",
        root="/photos",
        secure=False,
    )
    ours = signed_headers(
        {"host": address.host, "x-amz-content-sha256": NO_BODY_SHA256, "range": f"bytes=0-{byte_range}"},
        path=address.path(key),
        region=address.region,
        credentials=Credentials(access_key=access_key, secret_key=secret_key, session_token=token),
        at=at.replace(tzinfo=datetime.UTC),
    )

    request = AWSRequest("GET", f"http://{address.host}{address.path(key)}")
    for name in ours.keys() - {"authorization"}:
        request.headers[name] = ours[name]
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    signer = S3SigV4Auth(BotocoreCredentials(access_key, secret_key, token or None), "s3", address.region)
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert signature(ours) == expected


def test_secrets_do_not_show() -> None:
    credentials = Credentials(access_key="AKID", secret_key="hidden-1", session_token="hidden-2")
    assert repr(credentials) == "Credentials(access_key='AKID')"
