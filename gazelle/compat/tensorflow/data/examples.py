"""`tf.train.Example` and the messages in it: protocol buffers in the layout of TensorFlow's files of examples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import NamedObject

_PACKAGE = "tensorflow"
#: message: its fields by number; `kind*` is a list, `{Kind}` a map from names
_LAYOUT = {
    "BytesList": {"value": "bytes*"},
    "FloatList": {"value": "float*"},
    "Int64List": {"value": "int64*"},
    "Feature": {"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"},
    "Features": {"feature": "{Feature}"},
    "FeatureList": {"feature": "Feature*"},
    "FeatureLists": {"feature_list": "{FeatureList}"},
    "Example": {"features": "Features"},
    "SequenceExample": {"context": "Features", "feature_lists": "FeatureLists"},
}
_ONE_OF = {"Feature": "kind"}
_Field = descriptor_pb2.FieldDescriptorProto


def _add_field(to: Any, name: str, number: int, kind: str) -> None:
    """Add a field to the descriptor of a message."""
    of_message = kind.strip("*{}")[0].isupper()
    is_list = kind[-1] in "*}"
    field = to.field.add(name=name, number=number, label=_Field.LABEL_REPEATED if is_list else _Field.LABEL_OPTIONAL)
    if of_message:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind.strip('*{}')}"
    else:
        field.type = getattr(_Field, f"TYPE_{kind.strip('*').upper()}")
    if kind[0] == "{":  # a map is a list of entries with `key` and `value`
        entry = to.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add_field(entry, "key", 1, "string")
        _add_field(entry, "value", 2, kind.strip("{}"))
        field.type_name = f".{_PACKAGE}.{to.name}.{entry.name}"
    elif to.name in _ONE_OF:
        field.oneof_index = 0
    elif kind in ("float*", "int64*"):
        field.options.packed = True


def _message_classes() -> dict[str, Any]:
    """The classes of the messages, by name."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _LAYOUT.items():
        to = file.message_type.add(name=name)
        if name in _ONE_OF:
            to.oneof_decl.add(name=_ONE_OF[name])
        for number, (field, kind) in enumerate(fields.items(), 1):
            _add_field(to, field, number, kind)
    pool = descriptor_pool.DescriptorPool()  # not the default one, where TensorFlow itself registers its messages
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _LAYOUT}


MESSAGES = _message_classes()
for _name in _LAYOUT.keys() - {"BytesList"}:
    named(f"train.{_name}")(MESSAGES[_name])


@named("train.BytesList")
def bytes_list(value: Iterable[bytes | str] = ()) -> NamedObject:
    """`tf.train.BytesList`, which encodes texts: those of programs for Python 2 were bytes."""
    return MESSAGES["BytesList"](value=[one.encode() if isinstance(one, str) else one for one in value])


def values_of(feature: NamedObject) -> list[Any]:
    """The values of a feature, of any kind; none if it is empty."""
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []
