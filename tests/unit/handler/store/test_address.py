"""Addresses in S3: what they are called over HTTP, and what is none."""

from __future__ import annotations

import pytest

from handler.errors import SettingsError
from handler.store.s3.address import S3Address


def parse(text: str, **environment: str) -> S3Address:
    return S3Address.parse(text, environment, variable="THINLENS_BUNDLE")


@pytest.mark.parametrize(
    ("text", "environment", "url", "name"),
    [
        (
            "s3://photos",
            {},
            "https://photos.s3.us-east-1.amazonaws.com/current.json",
            "s3://photos/",
        ),
        (
            "s3://photos/a/b c/",
            {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "us-west-2"},
            "https://photos.s3.eu-central-1.amazonaws.com/a/b%20c/current.json",
            "s3://photos/a/b c/",
        ),
        (
            "s3://my.photos/é",
            {"AWS_DEFAULT_REGION": "cn-north-1"},
            "https://s3.cn-north-1.amazonaws.com.cn/my.photos/%C3%A9/current.json",
            "s3://my.photos/é/",
        ),
        (
            "s3://photos/gallery",
            {"AWS_ENDPOINT_URL": "https://nowhere.example", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:7480/"},
            "http://127.0.0.1:7480/photos/gallery/current.json",
            "s3://photos/gallery/",
        ),
        (
            "s3://photos",
            {"AWS_ENDPOINT_URL": "https://[::1]:9000"},
            "https://[::1]:9000/photos/current.json",
            "s3://photos/",
        ),
    ],
)
def test_addresses(text: str, environment: dict[str, str], url: str, name: str) -> None:
    address = parse(text, **environment)
    scheme = "https" if address.secure else "http"
    assert f"{scheme}://{address.host}{address.path('current.json')}" == url
    assert str(address) == name


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3:///a", "s3://b", "s3://a b", "s3://photos/../x", "s3://photos/a//b", "s3://photos/a\nb", "s3://-ab"],
)
def test_refuses_what_is_no_address(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^THINLENS_BUNDLE is .* \(expected s3://bucket or s3://bucket/prefix\)"):
        parse(text)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_REGION", "eu central"),
        ("AWS_DEFAULT_REGION", "evil.example/"),
        ("AWS_ENDPOINT_URL_S3", "ftp://a"),
        ("AWS_ENDPOINT_URL_S3", "http://host/path"),
        ("AWS_ENDPOINT_URL", "https://user:password@host"),
        ("AWS_ENDPOINT_URL", "localhost:9000"),
        ("AWS_ENDPOINT_URL", "http://"),
    ],
)
def test_refuses_a_bad_region_and_a_bad_endpoint(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} is .*expected") as error:
        parse("s3://photos", **{variable: value})
    assert "password" not in str(error.value)
