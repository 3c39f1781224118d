"""The sorted table in the index of a checkpoint of TensorFlow: blocks of keys and values, as in LevelDB."""

from __future__ import annotations

from collections.abc import Iterator

from gazelle.core.crc32c import masked_crc32c
from gazelle.saving.tensorflow_format.protobuf import varint

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48  # bytes


def read_table(data: bytes) -> dict[bytes, bytes]:
    """Return {key: value} of a table.

    Args:
        data: the bytes of the file.

    Raises:
        ValueError: it is no such table, it was changed, or it is compressed.
    """
    if len(data) < _FOOTER or int.from_bytes(data[-8:], "little") != _MAGIC:
        raise ValueError("not the end of a table")
    footer = data[-_FOOTER:-8]
    position = 0
    for _ in range(2):  # the location of the block of properties, which is not needed
        _, position = varint(footer, position)
    found: dict[bytes, bytes] = {}
    for _, location in _entries(_block(data, footer[position:])):
        for key, value in _entries(_block(data, location)):
            found[key] = value
    return found


def _block(data: bytes, location: bytes) -> bytes:
    """The content of the block at a location: (offset, size)."""
    offset, position = varint(location, 0)
    size, _ = varint(location, position)
    end = offset + size
    if end + 5 > len(data) - _FOOTER:
        raise ValueError("a block beyond the end")
    if masked_crc32c(data[offset : end + 1]) != int.from_bytes(data[end + 1 : end + 5], "little"):
        raise ValueError("a block with another checksum")
    if data[end] != 0:
        raise ValueError("a compressed block")
    return data[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a block; each key shares its first bytes with the one before."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = varint(block, position)
        own, position = varint(block, position)
        size, position = varint(block, position)
        if shared > len(key) or position + own + size > end:
            raise ValueError("an entry beyond the end of its block")
        key = key[:shared] + block[position : position + own]
        yield key, block[position + own : position + own + size]
        position += own + size
