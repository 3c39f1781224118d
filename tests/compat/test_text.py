"""Architectures of Keras 1 and 2 as JSON and YAML: what is read, and what is refused."""

import numpy as np
import pytest

from gazelle.core.errors import DamagedFileError, UnsafeFileError
from gazelle.saving.h5_format import model_from_json, model_from_yaml

FIRST = """\
class_name: Sequential
config:
- class_name: Dense
  config:
    activation: hard_sigmoid
    batch_input_shape: !!python/tuple
    - null
    - 6
    init: one
    input_dim: !!python/object/apply:numpy.core.multiarray.scalar
    - !!python/object/apply:numpy.dtype
      args: [i8, 0, 1]
      state: !!python/tuple [3, <]
    - !!binary BgAAAAAAAAA=
    name: !!python/unicode 'dense_1'
    output_dim: 2
keras_version: 1.2.2
"""


def test_yaml_of_keras_1():
    model = model_from_yaml(FIRST)
    assert [layer.name for layer in model.layers] == ["dense_1"]
    x = np.full((1, 6), 0.1, "float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), [[0.62, 0.62]], atol=1e-6)  # 0.2 * 0.6 + 0.5


ARRAY = """\
class_name: Sequential
config:
- class_name: Dense
  config: {batch_input_shape: [null, 1], name: d, units: 1, kernel_initializer: ones}
- class_name: LeakyReLU
  config:
    alpha: !!python/object/apply:numpy.core.multiarray._reconstruct
      args:
      - &id001 !!python/name:numpy.ndarray ''
      - !!python/tuple [0]
      - !!binary Yg==
      state: !!python/tuple
      - 1
      - !!python/tuple SHAPE
      - !!python/object/apply:numpy.dtype
        args: [f4, 0, 1]
        state: !!python/tuple [3, <]
      - false
      - !!binary AAAAPw==
    name: leaky
keras_version: 2.3.1
"""


def test_yaml_with_arrays_of_one_number():
    model = model_from_yaml(ARRAY.replace("SHAPE", "[]"))
    assert model.predict(np.array([[-3.0]]), verbose=0).tolist() == [[-1.5]]
    with pytest.raises(UnsafeFileError, match="expected a number"):
        model_from_yaml(ARRAY.replace("SHAPE", "[1]"))


def test_json_of_keras_1_without_a_version():
    dense = '{"class_name": "Dense", "config": {"output_dim": 2, "batch_input_shape": [null, 3], "name": "d"}}'
    assert model_from_json(f'{{"class_name": "Sequential", "config": [{dense}]}}').output_shape == (None, 2)


@pytest.mark.parametrize(
    "text",
    [
        "a: 2001-01-01",
        "a: 2001-99-99",
        "a: !!binary aGVsbG8=",
        "a: !!set {b}",
        "a: !!bool x",
        "a: !!int ''",
        "a: !!timestamp x",
        f"a: {'9' * 5000}",
        f"a: 0x{'f' * 5000}",
        "a: !!python/object/apply:numpy.dtype {b: 1}",
        "a: !!python/object/apply:numpy.core.multiarray.scalar [f4, 3]",
    ],
    ids=range(11),
)
def test_yaml_of_other_things_is_refused(text):
    with pytest.raises((DamagedFileError, UnsafeFileError), match=r"is not YAML|at most 100 digits"):
        model_from_yaml(text)


def test_yaml_of_today():
    text = model_from_yaml(FIRST).to_json()
    assert model_from_yaml(text).to_json() == text


WRONG = {
    "a call": ("a: !!python/object/apply:os.system [ls]", UnsafeFileError, "contains more than data"),
    "an object": ("a: !!python/name:os.system", UnsafeFileError, "contains more than data"),
    "kinds of numbers": (FIRST.replace("[i8, 0, 1]", "[O8, 0, 1]"), UnsafeFileError, "4 or 8 bytes"),
    "growing": (
        "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 8)),
        UnsafeFileError,
        "100000 values",
    ),
    "no YAML": ("a: [", DamagedFileError, "is not YAML"),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused(case):
    text, kind, words = WRONG[case]
    with pytest.raises(kind, match=words):
        model_from_yaml(text)
