"""Signing: a bundle's manifest is signed (Ed25519, RFC 8032), so that the function knows who published it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Self

from export.errors import PublishingError, installing
from handler.errors import in_words
from handler.store.signature import verifies

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_EXPECTED = "expected an Ed25519 key without a password, as 'openssl genpkey -algorithm ed25519' writes it"


class SigningKey:
    """The private key of a publisher."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._public_key = key.public_key().public_bytes_raw()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a key from a PEM file.

        Raises:
            PublishingError: It is none, or what reads it isn't installed.
        """
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
            from cryptography.hazmat.primitives.serialization import load_pem_private_key
        except ImportError as error:
            raise PublishingError(f"signing needs cryptography; {installing('publish')}") from error
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise PublishingError(f"{path} can't be read: {error.strerror}; {_EXPECTED}") from error
        except (ValueError, TypeError) as error:  # TypeError: it has a password
            raise PublishingError(f"{path} can't be used: {in_words(error)}; {_EXPECTED}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise PublishingError(f"{path} holds a key of another kind; {_EXPECTED}")
        return cls(key)

    @property
    def public_key(self) -> str:
        """The public key as the handler's THINLENS_PUBLIC_KEY takes it: its 32 bytes in base64."""
        return base64.b64encode(self._public_key).decode()

    def sign(self, manifest_bytes: bytes) -> bytes:
        """The signature of a manifest, 64 bytes, accepted by the code that will check it."""
        signature = self._key.sign(manifest_bytes)
        if not verifies(public_key=self._public_key, signature=signature, message=manifest_bytes):
            raise PublishingError("the signature isn't accepted by the handler's own check")
        return signature
