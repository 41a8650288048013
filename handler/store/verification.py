"""The verification: whether files are what a manifest says, and the manifest is whose it should be.

Knows sizes, hashes and signatures; knows nothing of what is in the files.
"""

from __future__ import annotations

from pathlib import Path

from handler.bundle.manifest import MANIFEST_FILE, SIGNATURE_FILE, FileInfo
from handler.errors import BundleError
from handler.store.hashes import Hash, sha256_of
from handler.store.signature import verifies


def check_signature(manifest_bytes: bytes, signature: bytes, public_key: bytes) -> None:
    """Raises BundleError unless the holder of the key signed the manifest."""
    if not verifies(public_key=public_key, signature=signature, message=manifest_bytes):
        raise BundleError(f"{SIGNATURE_FILE} is not the signature of {MANIFEST_FILE} by the key in THINLENS_PUBLIC_KEY")


def check_size(path: Path, info: FileInfo) -> None:
    """Check a file's size; raises BundleError."""
    size = path.stat().st_size
    if size != info.size_bytes:
        raise BundleError(f"{path.name} is truncated or altered: {size} bytes (expected {info.size_bytes})")


def verify_file(path: Path, info: FileInfo, sha256_of: Hash = sha256_of) -> None:
    """Check a file's size, then its content; raises BundleError."""
    check_size(path, info)
    check_digest(path.name, sha256_of(str(path)), info)


def check_digest(name: str, digest: str, info: FileInfo) -> None:
    """Raises BundleError unless a file's sha256 is the one that the manifest gives."""
    if digest != info.sha256:
        raise BundleError(f"{name} is altered: its sha256 is {digest} (expected {info.sha256})")
