"""The parts of an HDF5 file, found by pyfive in Python: a strange file can raise an error there, and nothing else."""

from __future__ import annotations

import io
import struct
import time
from typing import Any

from gazelle.core.errors import UnsafeFileError, message

# kinds of messages in an object's header, by the numbers of the HDF5 file format
DATASPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL, LAYOUT, GROUP_INFO, SYMBOLS = 1, 2, 3, 6, 7, 8, 10, 17
COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = 0, 1, 2, 3
_NOWHERE = 2**64 - 1
_SECONDS = 4.0  # of the processor for a file's structure, and one more for each 16 MiB
_KINDS_OF_LINKS = {1: "soft link", 64: "external link"}


class Metered:
    """A file that is read at most about twice: parts that point to each other in a circle come to an end.

    >>> Metered(io.BytesIO(b"12345"), 5).read(3)
    b'123'
    """

    def __init__(self, file: Any, size: int) -> None:
        self._file, self.size = file, size
        self._left = 2 * size + 2**20
        self._until = time.process_time() + _SECONDS + size / 2**24

    def read(self, count: int = -1) -> bytes:
        """The next bytes; fewer at the end of the file, an error when the measure is full."""
        rest = max(0, self.size - self._file.tell())
        count = rest if count < 0 else min(count, rest)
        self._left -= max(count, 16)
        if self._left < 0 or time.process_time() > self._until:
            raise ValueError("its parts point to each other without end")
        data: bytes = self._file.read(count)
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        if whence == 0 and not 0 <= place <= self.size:
            raise ValueError(f"it points to byte {place} of {self.size}")
        return int(self._file.seek(place, whence))

    def tell(self) -> int:
        return int(self._file.tell())


class Node:
    """One object of the file: a group or a dataset."""

    def __init__(self, file: Metered, place: int, heaps: dict[int, Any]) -> None:
        from pyfive.dataobjects import DataObjects

        self.file, self.place, self.heaps = file, place, heaps
        self.header = DataObjects(file, place, global_heaps=heaps)
        self.kinds = {m["type"] for m in self.header.msgs}
        shared = [m for m in self.header.msgs if m["flags"] & 2 and m["type"] in (DATASPACE, DATATYPE, LAYOUT)]
        if shared:
            raise NotImplementedError("it has a type that stands elsewhere")

    @property
    def is_group(self) -> bool:
        return bool(self.kinds & {SYMBOLS, LINK_INFO, GROUP_INFO, LINK})

    @property
    def is_dataset(self) -> bool:
        return LAYOUT in self.kinds and not self.is_group

    def members(self) -> dict[str, int | str]:
        """{name: where the member begins}; the text is what kind of link leads elsewhere."""
        for part in self.header.find_msg_type(LINK):
            kind = _kind_of_link(self.header.msg_data, part["offset_to_message"])
            if kind not in (0, 1):
                raise UnsafeFileError(
                    message(
                        "The file is refused",
                        expected="data in the file itself",
                        got=f"an {_KINDS_OF_LINKS.get(kind, 'unknown link')}",
                    )
                )
        links = self.header.get_links().items()
        return {name: "a soft link" if isinstance(place, str) else place for name, place in links}

    def attributes(self) -> dict[str, Any]:
        """{name: value}: text as str, lists of text as lists, numbers as NumPy has them."""
        return {name: _text(value) for name, value in self.header.get_attributes().items()}

    def layout(self) -> tuple[int, int, int]:
        """(class of the storage, place of its bytes, their number); of compact storage the place in the header,
        of chunks the place of their index and its number of axes."""
        start, kind, place = self.header.get_id_storage_params()
        version, words = self.header.msg_data[start], self.header.msg_data
        if kind == COMPACT and version == 3:
            return COMPACT, place + 2, struct.unpack_from("<H", words, place)[0]
        if kind == CONTIGUOUS:
            address = struct.unpack_from("<Q", words, place)[0]
            size = struct.unpack_from("<Q", words, place + 8)[0] if version >= 3 else -1
            return CONTIGUOUS, -1 if address == _NOWHERE else address, size
        if kind == CHUNKED and version == 3:
            count, address = struct.unpack_from("<BQ", words, place)
            return CHUNKED, -1 if address == _NOWHERE else address, count
        if kind == VIRTUAL:
            return VIRTUAL, 0, 0
        raise NotImplementedError(f"storage of class {kind}, version {version}")


def root(file: Metered) -> Node:
    """The group that holds everything else."""
    from pyfive.misc_low_level import SuperBlock

    return Node(file, SuperBlock(file, 0).offset_to_dataobjects, {})


def _kind_of_link(data: bytes, place: int) -> int:
    return int(data[place + 2]) if data[place + 1] & 8 else 0


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("utf-8", "replace")
    if getattr(value, "dtype", None) is not None and value.dtype.kind in "SO":
        return [_text(v) for v in value.ravel().tolist()] if value.ndim else _text(value.item())
    return value


def opened(source: Any) -> tuple[Any, int]:
    """A file object for a path or for bytes, and its size."""
    file = io.BytesIO(source) if isinstance(source, (bytes, memoryview)) else open(source, "rb")  # noqa: SIM115
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return file, size
