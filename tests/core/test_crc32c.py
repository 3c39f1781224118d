"""CRC-32C: the checksum of long data is computed in parallel."""

import numpy as np
import pytest

from gazelle.core.crc32c import crc32c, masked_crc32c


def bit_by_bit(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("size", [0, 5, 127, 128, 1023, 1024, 1025, 2**19 + 3])
def test_checksums_of_long_data_are_those_of_the_bytes(size):
    data = np.random.default_rng(size).bytes(size)
    crc = bit_by_bit(data)
    assert crc32c(data) == crc
    assert masked_crc32c(data) == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_the_check_value_of_the_standard():
    assert crc32c(b"123456789") == 0xE3069283
