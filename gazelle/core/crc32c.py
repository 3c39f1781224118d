"""CRC-32C, the checksum in files of TensorFlow: checkpoints, TFRecord files and event files."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

_BLOCK = 1024  # bytes that are looked up at once in long records


def masked_crc32c(data: bytes) -> int:
    """The checksum as files of TensorFlow store it: rotated by 15 bits, plus a constant.

    Args:
        data: The bytes.

    >>> f"{masked_crc32c(b'123456789'):08x}"
    'c78ab0e5'
    """
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """CRC-32C of bytes.

    Args:
        data: The bytes.

    >>> f"{crc32c(b'123456789'):08x}"
    'e3069283'
    """
    return _state(data) ^ 0xFFFFFFFF


@functools.cache
def _table() -> list[int]:
    out = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        out.append(number)
    return out


@functools.cache
def _position_table() -> Any:
    """What each byte of a block adds to the state after the block: (position, byte)."""
    table = np.empty((_BLOCK, 256), np.uint32)
    table[-1] = _table()
    for position in range(_BLOCK - 2, -1, -1):
        table[position] = table[position + 1] >> 8 ^ table[-1][table[position + 1] & 0xFF]
    return table


def _state(data: bytes) -> int:
    """The state after all bytes. It is linear in them, so that those of long records are looked up in parallel."""
    crc = 0xFFFFFFFF
    if len(data) < 128:
        for byte in data:
            crc = _table()[(crc ^ byte) & 0xFF] ^ crc >> 8
        return crc
    padded = np.zeros(-(-len(data) // _BLOCK) * _BLOCK, np.uint8)  # zeros before the bytes change no state of 0
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    padded[len(padded) - len(data) :][:4] ^= 0xFF  # the state before them acts like its xor with the first four
    table, index, crc = _position_table(), np.arange(_BLOCK), 0
    first, second, third, fourth = table[:4].tolist()
    for start in range(0, len(padded), 512 * _BLOCK):
        blocks = padded[start : start + 512 * _BLOCK].reshape(-1, _BLOCK)
        for added in np.bitwise_xor.reduce(table[index, blocks], axis=1).tolist():
            crc = first[crc & 0xFF] ^ second[crc >> 8 & 0xFF] ^ third[crc >> 16 & 0xFF] ^ fourth[crc >> 24] ^ added
    return crc
