"""CRC-32C, the checksum in files of TensorFlow, computed on many lanes of the data at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78
_DELTA = 0xA282EAD8


def _table() -> NDArray[np.uint32]:
    """The checksum of each byte."""
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> 1) ^ np.uint32(_POLYNOMIAL), values >> 1).astype(np.uint32)
    return values


_TABLE = _table()


def masked_crc32c(data: bytes | memoryview) -> int:
    """The checksum as files of TensorFlow store it: rotated, plus a constant.

    Args:
        data: the bytes.

    >>> f"{masked_crc32c(b'123456789'):08x}"
    'c78ab0e5'
    """
    value = crc32c(data)
    return ((value >> 15 | value << 17) + _DELTA) & 0xFFFFFFFF


def crc32c(data: bytes | memoryview) -> int:
    """CRC-32C of bytes.

    Args:
        data: the bytes.

    >>> f"{crc32c(b'123456789'):08x}"
    'e3069283'
    """
    array = np.frombuffer(data, np.uint8)
    lanes = max(1, int(len(array) ** 0.5) // 4)
    size = len(array) // lanes
    rows = array[: lanes * size].reshape(lanes, size)
    states = np.zeros(lanes, np.uint32)
    states[0] = 0xFFFFFFFF
    for column in np.ascontiguousarray(rows.T):
        states = (states >> np.uint32(8)) ^ _TABLE[(states ^ column) & np.uint32(255)]
    after = _after_zeros(size) if lanes > 1 else []
    state = int(states[0])
    for each in states[1:].tolist():  # a state, moved over the next lane, and the state of that lane
        state = after[0][state & 255] ^ after[1][state >> 8 & 255] ^ after[2][state >> 16 & 255] ^ after[3][state >> 24]
        state ^= each
    for byte in array[lanes * size :].tolist():
        state = (state >> 8) ^ int(_TABLE[(state ^ byte) & 255])
    return state ^ 0xFFFFFFFF


def _after_zeros(count: int) -> list[list[int]]:
    """For each byte of a state: what its 256 values become after `count` zeros. States are linear in their bits."""
    states = np.array([1 << bit for bit in range(32)], np.uint32)
    for _ in range(count):
        states = (states >> np.uint32(8)) ^ _TABLE[states & np.uint32(255)]
    values = np.arange(256)
    tables = []
    for byte in range(4):
        table = np.zeros(256, np.uint32)
        for bit in range(8):
            table[values >> bit & 1 == 1] ^= states[8 * byte + bit]
        tables.append(table.tolist())
    return tables
