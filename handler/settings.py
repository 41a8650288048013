"""The settings: what the environment says about this deployment, read and checked once."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handler.errors import SettingsError

# The one place where AWS Lambda lets a function write.
DEFAULT_CACHE = Path("/tmp/thinlens")
DEFAULT_BUNDLE = "bundle"
DEFAULT_VISION = Path("vision")
DEFAULT_MAX_AGE_S = 60
LONGEST_MAX_AGE_S = 31_536_000
PUBLIC_KEY_BYTES = 32  # Ed25519: RFC 8032, section 5.1.5
# What browsers send as Origin (https://url.spec.whatwg.org/#origin); they leave the usual port out.
_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
_USUAL_PORTS = {"http": 80, "https": 443}
_MEDIA_URL = re.compile(r"(https?://[^\s/,;?#]+)?(/[^\s,;?#]*)?", re.ASCII | re.IGNORECASE)
_BASE_PATH = re.compile(r"[^\s?#]*")
_FLAGS = {"": False, "0": False, "1": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this deployment answers.

    Attributes:
        bundle: The address of the store that the bundle to serve comes from: a folder, of one bundle or with
            current.json, or s3://bucket/prefix (THINLENS_BUNDLE).
        public_key: 32 bytes, the Ed25519 key that must have signed the manifest, if one must
            (THINLENS_PUBLIC_KEY, base64).
        cache: Folder for what is fetched from S3 (THINLENS_CACHE).
        media_url: What relative addresses of photos and thumbnails are relative to; empty, or it
            ends with "/" (THINLENS_MEDIA_URL).
        cors_origins: Origins whose pages may read the answers, or ("*",) for every one
            (THINLENS_CORS_ORIGINS, separated by commas).
        max_age_s: For how many seconds an answer may be kept by browsers and CDNs
            (THINLENS_MAX_AGE_S).
        base_path: Where a front door serves the function, if its events don't say so: "/gallery", or empty
            (THINLENS_BASE_PATH).
        vision: The folder of what looks at pictures that are asked with, if it is there (THINLENS_VISION).
        log_queries: Whether the log names what people search for (THINLENS_LOG_QUERIES, 0 or 1).
    """

    bundle: str
    public_key: bytes | None = None
    cache: Path = DEFAULT_CACHE
    media_url: str = ""
    cors_origins: tuple[str, ...] = ()
    max_age_s: int = DEFAULT_MAX_AGE_S
    base_path: str = ""
    vision: Path = DEFAULT_VISION
    log_queries: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read THINLENS_*; raises SettingsError that names the variable and what it may be."""
        return cls(
            bundle=environment.get("THINLENS_BUNDLE") or DEFAULT_BUNDLE,
            public_key=_public_key(environment.get("THINLENS_PUBLIC_KEY", "")),
            cache=Path(environment.get("THINLENS_CACHE") or DEFAULT_CACHE),
            media_url=_media_url(environment.get("THINLENS_MEDIA_URL", "")),
            cors_origins=_origins(environment.get("THINLENS_CORS_ORIGINS", "")),
            max_age_s=_max_age(environment.get("THINLENS_MAX_AGE_S", "")),
            base_path=_base_path(environment.get("THINLENS_BASE_PATH", "")),
            vision=Path(environment.get("THINLENS_VISION") or DEFAULT_VISION),
            log_queries=_flag(environment.get("THINLENS_LOG_QUERIES", "")),
        )


def _public_key(text: str) -> bytes | None:
    if not text:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != PUBLIC_KEY_BYTES:
        # Not what it holds: somebody may have taken the private key for the public one.
        raise SettingsError(f"THINLENS_PUBLIC_KEY is no public key (expected {PUBLIC_KEY_BYTES} bytes in base64)")
    return key


def _media_url(text: str) -> str:
    if not _MEDIA_URL.fullmatch(text):
        raise SettingsError(f"THINLENS_MEDIA_URL is {text!r} (expected an http(s) address or an absolute path)")
    return f"{text.rstrip('/')}/" if text else ""


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    return origins if origins == ("*",) else tuple(_origin(origin) for origin in origins)


def _origin(text: str) -> str:
    """An origin as browsers send it: what is written otherwise would never be theirs.

    Example: "HTTPS://Example.org:443/" -> "https://example.org"
    """
    origin = _ORIGIN.fullmatch(text.lower().removesuffix("/"))
    if origin is None or int(origin[3] or 0) > 65_535:
        raise SettingsError(
            f"THINLENS_CORS_ORIGINS names {text!r} (expected '*' alone, or whole origins such as https://example.org, "
            "separated by commas; a name with other letters as browsers send it: https://xn--bcher-kva.example)"
        )
    scheme, host, port = origin.groups()
    return (
        f"{scheme}://{host}" if port is None or int(port) == _USUAL_PORTS[scheme] else f"{scheme}://{host}:{int(port)}"
    )


def _max_age(text: str) -> int:
    if not text:
        return DEFAULT_MAX_AGE_S
    if re.fullmatch("[0-9]{1,9}", text) and int(text) <= LONGEST_MAX_AGE_S:
        return int(text)
    raise SettingsError(f"THINLENS_MAX_AGE_S is {text!r} (expected 0 to {LONGEST_MAX_AGE_S} seconds)")


def _base_path(text: str) -> str:
    path = text.strip("/")
    if not _BASE_PATH.fullmatch(path):
        raise SettingsError(f"THINLENS_BASE_PATH is {text!r} (expected a path such as /gallery)")
    return f"/{path}" if path else ""


def _flag(text: str) -> bool:
    if text not in _FLAGS:
        raise SettingsError(f"THINLENS_LOG_QUERIES is {text!r} (expected 0 or 1)")
    return _FLAGS[text]
