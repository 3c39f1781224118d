"""The wire format of protocol buffers: messages as {field number: values}."""

from __future__ import annotations

Fields = dict[int, list[int | bytes]]


def fields(data: bytes) -> Fields:
    """Parse one message; nested messages and strings stay bytes.

    Args:
        data: the bytes of the message.

    Raises:
        ValueError: the bytes end early, or a field has an unknown type.

    >>> fields(bytes([8, 150, 1, 18, 2]) + b"hi")
    {1: [150], 2: [b'hi']}
    """
    out: Fields = {}
    position = 0
    while position < len(data):
        key, position = varint(data, position)
        kind = key & 7
        value: int | bytes
        if kind == 0:
            value, position = varint(data, position)
        else:
            if kind not in (1, 2, 5):
                raise ValueError(f"a field of type {kind}")
            size, position = varint(data, position) if kind == 2 else (8 if kind == 1 else 4, position)
            if size > len(data) - position:
                raise ValueError("a field beyond the end")
            value = data[position : position + size]
            position += size
        out.setdefault(key >> 3, []).append(value)
    return out


def varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the integer of seven bits per byte at a position, and the position after it.

    Args:
        data: bytes.
        position: of the first byte.

    Raises:
        ValueError: it has no end within 64 bits.
    """
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise ValueError("an integer without an end")


def number(message: Fields, field: int) -> int:
    """The integer in a field; 0 if there is none."""
    value = message.get(field, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no integer")
    return value


def content(message: Fields, field: int) -> bytes:
    """The bytes in a field; none if there is no such field."""
    value = message.get(field, [b""])[-1]
    if not isinstance(value, bytes):
        raise ValueError(f"field {field} is no text")
    return value


def contents(message: Fields, field: int) -> list[bytes]:
    """The bytes of all occurrences of a field."""
    return [value for value in message.get(field, []) if isinstance(value, bytes)]
