"""tf.train.Example: serialized messages of named lists (their format: `gazelle.core.record_format`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from gazelle.compat.tensorflow.ops.arrays import array_of
from gazelle.compat.types import TensorLike
from gazelle.core.errors import DataError, message
from gazelle.core.record_format import field, varint
from gazelle.saving.tensorflow_format import protobuf


def fields(data: bytes) -> protobuf.Fields:
    """The values of each field by its number: bytes or integers."""
    try:
        return protobuf.fields(data)
    except ValueError as error:
        raise DataError(message("A message of tf.train", expected="complete fields", got="damaged bytes")) from error


class _Message:
    """A message, which is shown in the text format of protocol buffers."""

    def _parts(self) -> Iterable[tuple[str, object]]:
        """The names and values of its fields."""
        raise NotImplementedError

    def lines(self) -> Iterator[str]:
        """Yield the lines of the text."""
        for name, value in self._parts():
            if isinstance(value, _Message):
                yield f"{name} {{"
                yield from (f"  {line}" for line in value.lines())
                yield "}"
            else:
                yield f"{name}: {_literal(value)}"

    def __repr__(self) -> str:
        return "".join(f"{line}\n" for line in self.lines())


class _Entry(_Message):
    """An entry of a map."""

    def __init__(self, key: str, value: object) -> None:
        self.key, self.value = key, value

    def _parts(self) -> Iterable[tuple[str, object]]:
        return ("key", self.key.encode()), ("value", self.value)


def _literal(value: Any) -> str:
    """A number or bytes as text."""
    if isinstance(value, bytes):
        known = {10: r"\n", 13: r"\r", 9: r"\t", 34: r"\"", 39: r"\'", 92: r"\\"}
        shown = (known.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in value)
        return f'"{"".join(shown)}"'
    if isinstance(value, float):
        value = np.float32(value)
        return text if np.float32(text := f"{value:.6g}") == value else f"{value:.9g}"
    return str(int(value))


class _Values(_Message):
    """A list of values, which can be extended."""

    def __init__(self, value: Any = ()) -> None:
        self.value = [v.encode() if isinstance(v, str) else v for v in np.asarray(value, object).reshape(-1).tolist()]

    def _parts(self) -> Iterable[tuple[str, object]]:
        return [("value", value) for value in self.value]


class BytesList(_Values):
    def __init__(self, value: TensorLike = ()) -> None:
        self.value = [v.encode() if isinstance(v, str) else bytes(v) for v in value]

    def packed(self) -> bytes:
        return b"".join(field(1, v) for v in self.value)

    def read(self, data: bytes) -> None:
        self.value += fields(data).get(1, [])


class FloatList(_Values):
    def _parts(self) -> Iterable[tuple[str, object]]:
        return [("value", float(value)) for value in self.value]

    def packed(self) -> bytes:
        return field(1, np.asarray(self.value, "<f4").tobytes())

    def read(self, data: bytes) -> None:
        for part in fields(data).get(1, []):
            self.value += np.frombuffer(part, "<f4").tolist()


class Int64List(_Values):
    def packed(self) -> bytes:
        return field(1, b"".join(varint(int(v)) for v in self.value))

    def read(self, data: bytes) -> None:
        for part in fields(data).get(1, []):
            position, whole = 0, part if isinstance(part, bytes) else varint(part)
            while position < len(whole):
                value, position = protobuf.varint(whole, position)
                self.value.append(value - 2**64 if value >= 2**63 else value)


class Feature(_Message):
    """`tf.train.Feature`: a list of bytes, floats or integers."""

    def __init__(
        self,
        bytes_list: BytesList | None = None,
        float_list: FloatList | None = None,
        int64_list: Int64List | None = None,
    ) -> None:
        self.bytes_list, self.float_list = bytes_list or BytesList(), float_list or FloatList()
        self.int64_list = int64_list or Int64List()
        self._which = next((n for n, v in enumerate((bytes_list, float_list, int64_list), 1) if v is not None), 0)

    def _lists(self) -> tuple[Any, ...]:
        return self.bytes_list, self.float_list, self.int64_list

    def packed(self) -> bytes:
        return field(self._which, self._lists()[self._which - 1].packed()) if self._which else b""

    def read(self, data: bytes) -> None:
        for self._which, parts in fields(data).items():
            for part in parts:
                self._lists()[self._which - 1].read(part)

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - the name that programs call
        return (None, "bytes_list", "float_list", "int64_list")[self._which]

    def values(self) -> list[Any]:
        return self._lists()[self._which - 1].value if self._which else []

    def _parts(self) -> Iterable[tuple[str, object]]:
        return [(self.WhichOneof("kind") or "", self._lists()[self._which - 1])] if self._which else []


class FeatureList(_Message):
    """`tf.train.FeatureList`: the features of the steps of a sequence."""

    def __init__(self, feature: Iterable[Feature] = ()) -> None:
        self.feature = list(feature)

    def packed(self) -> bytes:
        return b"".join(field(1, one.packed()) for one in self.feature)

    def read(self, data: bytes) -> None:
        for part in protobuf.contents(fields(data), 1):
            self.feature.append(Feature())
            self.feature[-1].read(part)

    def _parts(self) -> Iterable[tuple[str, object]]:
        return [("feature", one) for one in self.feature]


def _packed(named: Mapping[str, Feature] | Mapping[str, FeatureList]) -> bytes:
    return b"".join(field(1, field(1, name.encode()) + field(2, one.packed())) for name, one in sorted(named.items()))


def _read(named: dict[str, Any], data: bytes, kind: type[Feature | FeatureList]) -> None:
    """Add what `_packed` made."""
    for entry in protobuf.contents(fields(data), 1):
        parts = fields(entry)
        one = named[protobuf.content(parts, 1).decode()] = kind()
        one.read(protobuf.content(parts, 2))


class Features(_Message):
    """`tf.train.Features`: features by name."""

    def __init__(self, feature: Mapping[str, Feature] | None = None) -> None:
        self.feature = dict(feature or {})

    def _parts(self) -> Iterable[tuple[str, object]]:
        return [("feature", _Entry(*item)) for item in self.feature.items()]


class FeatureLists(_Message):
    """`tf.train.FeatureLists`: sequences by name."""

    def __init__(self, feature_list: Mapping[str, FeatureList] | None = None) -> None:
        self.feature_list = dict(feature_list or {})

    def _parts(self) -> Iterable[tuple[str, object]]:
        return [("feature_list", _Entry(*item)) for item in self.feature_list.items()]


class Example(_Message):
    """`tf.train.Example`.

    >>> row = Example(Features({"x": Feature(int64_list=Int64List([3, -1]))}))
    >>> Example.FromString(row.SerializeToString()).features.feature["x"].int64_list.value
    [3, -1]
    """

    def __init__(self, features: Features | None = None) -> None:
        self.features = features or Features()

    def _parts(self) -> Iterable[tuple[str, object]]:
        return [("features", self.features)]

    def SerializeToString(self) -> bytes:  # noqa: N802
        """Return the message as bytes."""
        return field(1, _packed(self.features.feature))

    def ParseFromString(self, data: TensorLike) -> int:  # noqa: N802
        """Read a message from bytes into this one."""
        whole = bytes(array_of(data).item())
        for part in protobuf.contents(fields(whole), 1):
            _read(self.features.feature, part, Feature)
        return len(whole)

    @classmethod
    def FromString(cls, data: TensorLike) -> Self:  # noqa: N802
        """Return a message from bytes."""
        out = cls()
        out.ParseFromString(data)
        return out


class SequenceExample(Example):
    """`tf.train.SequenceExample`: features of a sequence (`context`) and of its steps (`feature_lists`)."""

    def __init__(self, context: Features | None = None, feature_lists: FeatureLists | None = None) -> None:
        super().__init__(context)
        self.context, self.feature_lists = self.features, feature_lists or FeatureLists()

    def _parts(self) -> Iterable[tuple[str, object]]:
        return ("context", self.context), ("feature_lists", self.feature_lists)

    def SerializeToString(self) -> bytes:  # noqa: N802
        """Return the message as bytes."""
        return super().SerializeToString() + field(2, _packed(self.feature_lists.feature_list))

    def ParseFromString(self, data: TensorLike) -> int:  # noqa: N802
        """Read a message from bytes into this one."""
        for part in protobuf.contents(fields(bytes(array_of(data).item())), 2):
            _read(self.feature_lists.feature_list, part, FeatureList)
        return super().ParseFromString(data)
