"""Architectures against Keras 3.15: names, shapes and parameter counts of all, values of some.

`keras_3_15.json` holds what Keras says of each, so that a run builds only ours: three of the quick ones, and all with
GAZELLE_SLOW=1. Nothing is drawn: initializers are replaced, for large models hold some hundred million numbers.
`PYTHONPATH=tests/parity python tests/applications/test_applications.py` writes the table anew.
"""

import inspect
import json
import os
import pathlib
import sys
import zlib

import numpy as np
import pytest
from draws import replace_draws, zeros

import gazelle
from gazelle import applications

TABLE = pathlib.Path(__file__).with_name("keras_3_15.json")
NAMES = [name for name in applications.__all__ if name[0].isupper()]
QUICK = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "ResNet50V2", "EfficientNetB0", "ConvNeXtTiny", "Xception")
SLOW = pytest.mark.skipif(not os.environ.get("GAZELLE_SLOW"), reason="slow: GAZELLE_SLOW=1 runs it")
VARIANTS = {"whole": {}, "body": {"include_top": False, "pooling": "avg", "input_shape": (96, 96, 3)}}


def described(model):
    """Layers in order with their kinds, names, output shapes and weights' shapes, as one number, and the counts."""
    rows = [
        (type(layer).__name__, layer.name, tuple(layer.output.shape), [tuple(w.shape) for w in layer.weights])
        for layer in model.layers
    ]
    frozen = sum(int(np.prod(w.shape)) for w in model.non_trainable_weights)
    return {
        "name": model.name,
        "parameters": model.count_params(),
        "not_trained": frozen,
        "layers": len(rows),
        "checksum": zlib.crc32(repr(rows).encode()),
    }


def cases():
    for name in NAMES:
        for variant in VARIANTS:
            quick = name in QUICK and (variant == "whole") == (len(name) % 2 == 0)
            yield pytest.param(name, variant, id=f"{name}-{variant}", marks=[] if quick else [SLOW])


@pytest.mark.parametrize(("name", "variant"), list(cases()))
def test_layers_are_those_of_keras(name, variant, monkeypatch):
    from gazelle.initializers import random, variance_scaling

    for module in (random, variance_scaling):
        replace_draws(module, zeros, monkeypatch.setattr)
    gazelle.utils.clear_session()
    model = getattr(applications, name)(weights=None, **VARIANTS[variant])
    assert described(model) == json.loads(TABLE.read_text())[name][variant]


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    keras = pytest.importorskip("keras")
    wanted, got = (inspect.signature(getattr(namespace, name)) for namespace in (keras.applications, applications))
    assert [(p.name, p.kind, p.default) for p in got.parameters.values()] == [
        (p.name, p.kind, p.default) for p in wanted.parameters.values()
    ]


@pytest.mark.parametrize("name", NAMES)
def test_docstring_describes_every_argument(name):
    build = getattr(applications, name)
    for argument in inspect.signature(build).parameters:
        assert f"\n        {argument}: " in build.__doc__
    assert "References:" in build.__doc__


if __name__ == "__main__":
    import keras
    from keras.src.initializers import random_initializers

    replace_draws(random_initializers, zeros)
    table = {}
    for name in NAMES:
        table[name] = {}
        for variant, kwargs in VARIANTS.items():
            keras.backend.clear_session()
            table[name][variant] = described(getattr(keras.applications, name)(weights=None, **kwargs))
        print(name, file=sys.stderr)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in table.items())
    TABLE.write_text(f"{{\n{lines}\n}}\n")
