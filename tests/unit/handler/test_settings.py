"""Settings: read from the environment once; a bad value names its variable."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from handler.errors import SettingsError
from handler.settings import Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    expected = Settings(bundle="bundle", media_url="", cors_origins=(), max_age_s=60, log_queries=False)

    assert Settings.from_environment({}) == expected
    assert Settings.from_environment(dict.fromkeys(VARIABLES, "")) == expected


def test_everything_can_be_set() -> None:
    settings = Settings.from_environment(
        {
            "THINLENS_BUNDLE": "/opt/bundle",
            "THINLENS_PUBLIC_KEY": base64.b64encode(bytes(range(32))).decode(),
            "THINLENS_CACHE": "/mnt/cache",
            "THINLENS_MEDIA_URL": "https://cdn.example.org/gallery",
            "THINLENS_CORS_ORIGINS": "https://a.example, http://localhost:8000/",
            "THINLENS_MAX_AGE_S": "3600",
            "THINLENS_BASE_PATH": "/gallery/",
            "THINLENS_VISION": "/opt/vision",
            "THINLENS_LOG_QUERIES": "1",
        }
    )

    assert settings == Settings(
        bundle="/opt/bundle",
        public_key=bytes(range(32)),
        cache=Path("/mnt/cache"),
        media_url="https://cdn.example.org/gallery/",
        cors_origins=("https://a.example", "http://localhost:8000"),
        max_age_s=3600,
        base_path="/gallery",
        vision=Path("/opt/vision"),
        log_queries=True,
    )


def test_media_may_lie_on_the_same_origin_and_every_page_may_be_let_in() -> None:
    settings = Settings.from_environment({"THINLENS_MEDIA_URL": "/", "THINLENS_CORS_ORIGINS": "*"})

    assert (settings.media_url, settings.cors_origins) == ("/", ("*",))


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://Site.Example", "https://site.example"),
        ("HTTPS://site.example/", "https://site.example"),
        ("https://site.example:443", "https://site.example"),
        ("http://site.example:80", "http://site.example"),
        ("http://site.example:443", "http://site.example:443"),
        ("http://localhost:08000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_understood_as_browsers_send_it(written: str, sent: str) -> None:
    assert Settings.from_environment({"THINLENS_CORS_ORIGINS": written}).cors_origins == (sent,)


def test_the_bundle_may_lie_in_s3() -> None:
    settings = Settings.from_environment({"THINLENS_BUNDLE": "s3://photos/gallery"})

    assert (settings.bundle, settings.cache) == ("s3://photos/gallery", Path("/tmp/thinlens"))


@pytest.mark.parametrize("key", ["hidden", "aGlkZGVu", base64.b64encode(bytes(64)).decode(), "-----BEGIN PRIVATE KEY"])
def test_what_is_no_public_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(
        SettingsError, match="^THINLENS_PUBLIC_KEY is no public key .expected 32 bytes in base64"
    ) as error:
        Settings.from_environment({"THINLENS_PUBLIC_KEY": key})
    assert key not in str(error.value)


VARIABLES = (
    "THINLENS_BUNDLE",
    "THINLENS_VISION",
    "THINLENS_PUBLIC_KEY",
    "THINLENS_CACHE",
    "THINLENS_MEDIA_URL",
    "THINLENS_CORS_ORIGINS",
    "THINLENS_MAX_AGE_S",
    "THINLENS_BASE_PATH",
    "THINLENS_LOG_QUERIES",
)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("THINLENS_MEDIA_URL", "javascript:alert(1)"),
        ("THINLENS_MEDIA_URL", "ftp://example.org/"),
        ("THINLENS_MEDIA_URL", "https://example.org; script-src *"),
        ("THINLENS_MEDIA_URL", "photos"),
        ("THINLENS_CORS_ORIGINS", "example.org"),
        ("THINLENS_CORS_ORIGINS", "*, https://a.example"),
        ("THINLENS_CORS_ORIGINS", "https://a.example/path"),
        ("THINLENS_CORS_ORIGINS", "null"),
        ("THINLENS_CORS_ORIGINS", "https://*.example.org"),
        ("THINLENS_CORS_ORIGINS", "https://bücher.example"),
        ("THINLENS_CORS_ORIGINS", "https://me@a.example"),
        ("THINLENS_CORS_ORIGINS", "https://a.example?b"),
        ("THINLENS_CORS_ORIGINS", "https://a.example:"),
        ("THINLENS_CORS_ORIGINS", "https://a.example:65536"),
        ("THINLENS_MAX_AGE_S", "-1"),
        ("THINLENS_MAX_AGE_S", "1.5"),
        ("THINLENS_MAX_AGE_S", "never"),
        ("THINLENS_MAX_AGE_S", "9" * 9),
        ("THINLENS_MAX_AGE_S", "٣"),
        ("THINLENS_BASE_PATH", "/a gallery"),
        ("THINLENS_BASE_PATH", "/gallery?x"),
        ("THINLENS_LOG_QUERIES", "yes"),
    ],
)
def test_refuses(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} .*expected"):
        Settings.from_environment({variable: value})
