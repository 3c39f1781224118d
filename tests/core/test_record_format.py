"""Checksums of records: those of long records are computed in parallel."""

import struct

import numpy as np
import pytest

from gazelle.core import record_format


def bit_by_bit(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return masked(crc ^ 0xFFFFFFFF)


def masked(crc):
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@pytest.mark.parametrize("size", [0, 5, 127, 128, 1023, 1024, 1025, 2**19 + 3])
def test_checksums_of_long_records_are_those_of_the_bytes(size):
    data = np.random.default_rng(size).bytes(size)
    assert record_format.checksum(data) == bit_by_bit(data)


def test_the_checksum_is_a_masked_crc_32c():
    assert record_format.checksum(b"123456789") == masked(0xE3069283)  # the check value of the standard
