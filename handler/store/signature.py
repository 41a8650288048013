"""The signature: whether the holder of a private key signed a manifest (Ed25519, RFC 8032).

Knows how signatures are verified, not how they are made: the private key stays with the publisher.
Everything that it computes with is public, so it need not take the same time for every input.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from handler.settings import PUBLIC_KEY_BYTES

SIGNATURE_BYTES = 64

# RFC 8032, section 5.1: the field's prime, the order of the base point, the curve's constant d, a root of -1.
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_SIGN_BIT = 1 << 255


@dataclass(frozen=True, slots=True)
class _Point:
    """A point of the curve in extended homogeneous coordinates: x = X/Z, y = Y/Z, x * y = T/Z."""

    x: int
    y: int
    z: int
    t: int


_NEUTRAL = _Point(0, 1, 1, 0)


def verifies(*, public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is that of `message` under `public_key` (RFC 8032, section 5.1.7).

    Compares encoded points, without the cofactor, as OpenSSL does.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    key_point = _decode(public_key)
    scalar = int.from_bytes(signature[32:], "little")
    if key_point is None or scalar >= _ORDER:
        return False
    challenge = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(challenge, "little") % _ORDER
    minus_key = _Point(-key_point.x % _P, key_point.y, key_point.z, -key_point.t % _P)
    return _encode(_sum_of_multiples(scalar, _BASE, k, minus_key)) == signature[:32]


def _sum_of_multiples(a: int, p: _Point, b: int, q: _Point) -> _Point:
    """[a]p + [b]q, sharing the doublings."""
    chosen = (_NEUTRAL, p, q, _add(p, q))
    result = _NEUTRAL
    for bit in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        result = _add(result, result)
        if choice := (a >> bit & 1) | (b >> bit & 1) << 1:
            result = _add(result, chosen[choice])
    return result


def _add(p: _Point, q: _Point) -> _Point:
    """RFC 8032, section 5.1.4; complete, so that it doubles too."""
    a = (p.y - p.x) * (q.y - q.x) % _P
    b = (p.y + p.x) * (q.y + q.x) % _P
    c = 2 * p.t * q.t * _D % _P
    d = 2 * p.z * q.z % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return _Point(e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _encode(point: _Point) -> bytes:
    inverse = pow(point.z, -1, _P)
    x, y = point.x * inverse % _P, point.y * inverse % _P
    return (y | (x & 1) * _SIGN_BIT).to_bytes(32, "little")


def _decode(data: bytes) -> _Point | None:
    """The point that 32 bytes stand for, or None where they stand for none (section 5.1.3)."""
    number = int.from_bytes(data, "little")
    y, odd = number % _SIGN_BIT, number >= _SIGN_BIT
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if v * x * x % _P != u or (x == 0 and odd):
        return None
    if x % 2 != odd:
        x = _P - x
    return _Point(x, y, 1, x * y % _P)


_BASE = _Point(
    x := 15112221349535400772501151409588531511454012693041857206046113283949847762202,
    y := 46316835694926478169428394003475163141307993866256225615783033603165251855960,
    1,
    x * y % _P,
)
