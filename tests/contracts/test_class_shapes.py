"""Public classes have few base classes and few public attributes."""

import pytest

import gazelle.distillation  # noqa: F401 - its classes are registered when it is imported
from gazelle.core.registry import REGISTRY
from gazelle.metrics import MeanMetricWrapper

BASES, ATTRIBUTES = 4, 60  # the class itself counts, `object` does not

_CELL = "Keras gives a recurrent layer a property for each argument of its cell"
_MODEL = "the public methods are those of Keras' Model"
MANY_ATTRIBUTES = {
    **dict.fromkeys(("SimpleRNN", "GRU", "LSTM", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), _CELL),
    **dict.fromkeys(("Model", "Functional", "Sequential", "Distiller"), _MODEL),
}
_MAPPING = "it is a MutableMapping of the standard library, as in Keras"
MANY_BASES = {
    **dict.fromkeys(("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), "isinstance of RNN, and one base for three ranks"),
    **dict.fromkeys(("StringLookup", "IntegerLookup"), "a NumpyLayer with a vocabulary, for strings and for integers"),
    "TextVectorization": "a NumpyLayer with a vocabulary",
    "DTypePolicyMap": _MAPPING,
    "OptimizerMap": _MAPPING,
}


def _classes():
    REGISTRY.complete()
    found = {cls for table in REGISTRY.values() for cls in table.values() if isinstance(cls, type)}
    found = {cls for cls in found if cls.__module__.startswith("gazelle.")}
    found = {cls for cls in found if not cls.__module__.startswith("gazelle.compat.")}
    return sorted(found, key=lambda cls: cls.__qualname__)


CLASSES = _classes()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_few_bases_and_public_attributes(cls):
    bases = [base.__name__ for base in cls.__mro__ if base is not object]
    if cls.__name__ not in MANY_BASES:
        wrapped = issubclass(cls, MeanMetricWrapper)  # also isinstance of Mean, as in Keras
        assert len(bases) <= BASES + wrapped, bases
    public = [name for name in dir(cls) if not name.startswith("_")]
    if cls.__name__ not in MANY_ATTRIBUTES:
        assert len(public) <= ATTRIBUTES, public


def test_exceptions_are_needed():
    by_name = {cls.__name__: cls for cls in CLASSES}
    assert [name for name in MANY_BASES if len(by_name[name].__mro__) - 1 <= BASES] == []
    public = {name: [n for n in dir(by_name[name]) if not n.startswith("_")] for name in MANY_ATTRIBUTES}
    assert [name for name, names in public.items() if len(names) <= ATTRIBUTES] == []
