"""Every argument of the classes of Keras 1.2.2 and 2.3.1, by name and the first six by position, has the same meaning.

`golden/signatures.json` holds the genuine signatures; `golden/record_signatures.py` made it.
"""

import ast
import json
import pathlib
import re
import warnings

import pytest

from tests.compat.test_breaks import keras, of_era

SIGNATURES = json.loads((pathlib.Path(__file__).parent / "golden" / "signatures.json").read_text())
#: what to give where there is no default, or None would say nothing
GIVEN = {
    "units": 3,
    "output_dim": 3,
    "input_dim": 7,
    "nb_filter": 4,
    "filters": 4,
    "nb_row": 2,
    "nb_col": 3,
    "filter_length": 3,
    "kernel_size": 2,
    "kernel_dim1": 2,
    "kernel_dim2": 2,
    "kernel_dim3": 2,
    "output_shape": (None, 8, 8, 4),
    "p": 0.25,
    "rate": 0.25,
    "sigma": 0.1,
    "stddev": 0.1,
    "target_shape": (3, 2),
    "dims": (2, 1),
    "n": 3,
    "filepath": "x.h5",
    "filename": "x.csv",
    "schedule": lambda epoch: 0.1,
    "k": 0.1,
    "input_shape": (3,),
    "axes": 1,
}


def arguments(signature):
    """{argument: value}: its default, but for floats, which are changed, so that they differ from one another."""
    out = {}
    for name, default in re.findall(r"(\w+)(?:=(.+?))?(?=\s\w+(?:=|\s|$)|$)", signature):
        value = GIVEN[name] if name in GIVEN else ast.literal_eval(default) if default else "tanh"
        out[name] = value / 2 + 0.01 * len(out) + 0.01 if type(value) is float else value
    return out


def config(thing):
    """What was understood, in plain values."""
    if isinstance(thing, dict):
        return {k: config(v) for k, v in thing.items() if k != "name" and not k.startswith("_")}
    if isinstance(thing, list | tuple):
        return [config(v) for v in thing]
    if isinstance(thing, str | int | float | type(None)):
        return thing
    known = thing.get_config() if hasattr(thing, "get_config") else getattr(thing, "__dict__", {})
    return [type(thing).__name__, config(known)]


@pytest.mark.parametrize("number", [1, 2])
def test_every_argument_is_taken(number):
    with of_era(number), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, signature in SIGNATURES[str(number)].items():
            namespace, kind = name.split(".")
            kwargs = arguments(signature)
            cls = getattr(getattr(keras, namespace), kind)
            first = list(kwargs.values())[:6]
            rest = dict(list(kwargs.items())[6:])
            by_name, by_position = config(cls(**kwargs)), config(cls(*first, **rest))
            assert by_name == by_position, name
