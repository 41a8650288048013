"""Ed25519: RFC 8032's vectors, and OpenSSL (by the package cryptography) as the reference."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from handler.store.signature import verifies

# RFC 8032, section 7.1: public key, message, signature.
VECTORS = {
    "TEST 1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    "TEST 2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "TEST 3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
    "TEST SHA(abc)": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
        "454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
        "3dca179c138ac17ad9bef1177331a704",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_rfc(name: str) -> None:
    public_key, message, signature = map(bytes.fromhex, VECTORS[name])
    assert verifies(public_key=public_key, signature=signature, message=message)
    assert not verifies(public_key=public_key, signature=signature, message=message + b"\x00")


def reference(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), bit=st.integers(0, 8 * 64 - 1))
def test_agrees_with_the_reference(seed: bytes, message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public_key, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verifies(public_key=public_key, signature=signature, message=message)
    altered = bytearray(signature)
    altered[bit // 8] ^= 1 << bit % 8
    assert not verifies(public_key=public_key, signature=bytes(altered), message=message)
    assert not verifies(public_key=public_key, signature=signature, message=message + b"!")


@given(
    public_key=st.binary(min_size=32, max_size=32),
    signature=st.binary(min_size=64, max_size=64),
    message=st.binary(max_size=20),
)
def test_agrees_with_the_reference_on_what_is_no_signature(public_key: bytes, signature: bytes, message: bytes) -> None:
    found = verifies(public_key=public_key, signature=signature, message=message)
    assert found == reference(public_key, signature, message)


def test_a_signature_has_one_form_only() -> None:
    """S + L would verify too, if it were not refused (RFC 8032, section 8.4, malleability)."""
    public_key, message, signature = map(bytes.fromhex, VECTORS["TEST 2"])
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    forged = signature[:32] + scalar.to_bytes(32, "little")
    assert not verifies(public_key=public_key, signature=forged, message=message)
    assert not reference(public_key, forged, message)


@pytest.mark.parametrize(("key_bytes", "signature_bytes"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_other_lengths_are_no_signature(key_bytes: int, signature_bytes: int) -> None:
    assert not verifies(public_key=bytes(key_bytes), signature=bytes(signature_bytes), message=b"")
