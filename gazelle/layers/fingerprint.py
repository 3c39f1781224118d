"""64-bit fingerprints of bytes: FarmHash, SipHash and their chaining, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_MASK = 2**64 - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_MURMUR = 0xC6A4A7935BD1E995


def _rotate(x: int, right: int) -> int:
    x &= _MASK
    return (x >> right | x << 64 - right) & _MASK


def _shift_mix(x: int) -> int:
    x &= _MASK
    return x ^ x >> 47


def _mix(u: int, v: int, mul: int) -> int:
    a = _shift_mix((u ^ v) * mul)
    return _shift_mix((v ^ a) * mul) * mul & _MASK


def _seeded(w: Sequence[int], a: int, b: int) -> tuple[int, int]:
    """A weak hash of four words and two seeds."""
    a += w[0]
    b = _rotate(b + a + w[3], 21)
    c = a
    a += w[1] + w[2]
    return (a + w[3]) & _MASK, (b + _rotate(a, 44) + c) & _MASK


def farmhash64(data: bytes) -> int:
    """Fingerprint64 of Google's FarmHash (Pike 2014), what `tf.strings.to_hash_bucket_fast` takes modulo its buckets.

    >>> farmhash64(b"1footrue") - 2**64  # FARM_FINGERPRINT in the documentation of BigQuery
    -1541654101129638711
    """
    size = len(data)

    def word(at: int, width: int = 8) -> int:
        at = at if at >= 0 else size + at
        return int.from_bytes(data[at : at + width], "little")

    if size > 64:
        return _farmhash_long(data)
    mul = _K2 + 2 * size
    if size > 16:
        a, b, c, d = word(0) * (_K1 if size <= 32 else _K2), word(8), word(-8) * mul, word(-16) * _K2
        y, z = _rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c
        y &= _MASK
        z = _mix(y, z & _MASK, mul)
        if size <= 32:
            return z
        e, f, g, h = word(16) * mul, word(24), (y + word(-32)) * mul, (z + word(-24)) * mul
        return _mix((_rotate(e + f, 43) + _rotate(g, 30) + h) & _MASK, (e + _rotate(f + a, 18) + g) & _MASK, mul)
    if size >= 8:
        a, b = word(0) + _K2, word(-8)
        return _mix((_rotate(b, 37) * mul + a) & _MASK, (_rotate(a, 25) + b) * mul & _MASK, mul)
    if size >= 4:
        return _mix(size + (word(0, 4) << 3), word(-4, 4), mul)
    if size:
        y, z = data[0] + (data[size >> 1] << 8), size + (data[-1] << 2)
        return _shift_mix(y * _K2 ^ z * _K0) * _K2 & _MASK
    return _K2


def _farmhash_long(data: bytes) -> int:
    """More than 64 bytes: a state of 56 bytes goes over blocks of 64, the last one overlapping."""
    seed, size = 81, len(data)
    y = seed * _K1 + 113
    z = _shift_mix(y * _K2 + 113) * _K2
    x, v, w = seed * _K2 + int.from_bytes(data[:8], "little"), (0, 0), (0, 0)
    rest = (size - 1) & 63

    def block(at: int, mul: int, last: bool) -> None:
        nonlocal x, y, z, v, w
        b = [int.from_bytes(data[at + 8 * i : at + 8 * i + 8], "little") for i in range(8)]
        x = _rotate(x + y + v[0] + b[1], 37) * mul & _MASK
        y = _rotate(y + v[1] + b[6], 42) * mul
        x ^= w[1] * 9 & _MASK if last else w[1]
        y = (y + v[0] * (9 if last else 1) + b[5]) & _MASK
        z = _rotate(z + w[0], 33) * mul & _MASK
        v = _seeded(b[:4], v[1] * mul, x + w[0])
        w = _seeded(b[4:], z + w[1], y + b[2])
        z, x = x, z

    for at in range(0, (size - 1) // 64 * 64, 64):
        block(at, _K1, False)
    mul = _K1 + ((z & 255) << 1)
    w = (w[0] + rest, w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    block(size - 64, mul, True)
    first = _mix(v[0], w[0], mul) + _shift_mix(y) * _K0 + z
    return _mix(first & _MASK, (_mix(v[1], w[1], mul) + x) & _MASK, mul)


def siphash64(data: bytes, key: Sequence[int]) -> int:
    """SipHash-2-4 (Aumasson and Bernstein 2012) under a key of two numbers, as in `tf.strings.to_hash_bucket_strong`.

    >>> key = [0x0706050403020100, 0x0F0E0D0C0B0A0908]
    >>> hex(siphash64(bytes(range(15)), key))  # the example of the paper
    '0xa129ca6149be45e5'
    """
    k0, k1 = (int(k) & _MASK for k in key)
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def rounds(count: int) -> None:
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0, v2 = v0 + v1 & _MASK, v2 + v3 & _MASK
            v1, v3 = _rotate(v1, 51) ^ v0, _rotate(v3, 48) ^ v2
            v0, v2 = _rotate(v0, 32) + v3 & _MASK, v2 + v1 & _MASK
            v1, v3 = _rotate(v1, 47) ^ v2, _rotate(v3, 43) ^ v0
            v2 = _rotate(v2, 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xFF
    rounds(4)
    return v0 ^ v1 ^ v2 ^ v3


def chained(first: int, second: int) -> int:
    """One fingerprint of two, their order counting: a step of MurmurHash2."""
    out = (first ^ _MURMUR) ^ (_shift_mix(second * _MURMUR) * _MURMUR & _MASK)
    return _shift_mix(_shift_mix(out * _MURMUR) * _MURMUR)


def buckets(values: Any, count: int, salt: Sequence[int] | None = None) -> np.ndarray[Any, Any]:
    """The bucket of each string or whole number in `values`: its fingerprint modulo `count`.

    Numbers are hashed as their decimal digits. With a `salt` of two numbers it is SipHash, else FarmHash.
    """
    values = np.asarray(values)
    unique, where = np.unique(values.astype(str) if values.dtype.kind != "U" else values, return_inverse=True)
    texts = [str(v).encode() for v in unique]
    marks = [(farmhash64(t) if salt is None else siphash64(t, salt)) % count for t in texts]
    return np.asarray(marks, np.int64)[where].reshape(values.shape)
