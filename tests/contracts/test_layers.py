"""Contract of every layer: config, traced shape, and equal results when compiled, saved and in half precision."""

import importlib.util
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
import gazelle.applications
from gazelle.core import tracing
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize, serialize_object
from gazelle.layers import weight_tree
from gazelle.saving.description import describe_model

_spec = importlib.util.spec_from_file_location("rows", pathlib.Path(__file__).with_name("rows.py"))
rows = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rows)

#: without those of earlier Keras, which other tests of this process may have imported
OURS = {cls for cls in REGISTRY["layers"].values() if not cls.__module__.startswith("gazelle.compat.")}
CLASSES = sorted({cls.__name__ for cls in OURS if isinstance(cls, type)} - rows.ELSEWHERE)


def _layer(name, **more):
    arguments, shapes = rows.LAYERS[name]
    arguments = {  # a layer inside computes in the same dtype
        key: deserialize({**value, "config": {**value["config"], **more}}) if isinstance(value, dict) else value
        for key, value in arguments.items()
    }
    return REGISTRY["layers"][name](**arguments, **more), shapes


def _inputs(name, shapes, dtype="float32"):
    random = np.random.default_rng(3)
    if name in rows.WHOLE:
        return [jnp.asarray(random.integers(0, 9, shape)) for shape in shapes]
    return [jnp.asarray(random.normal(size=shape), dtype) for shape in shapes]


def _call(name, layer, inputs):
    if name in rows.SEPARATE:
        return layer(*inputs)
    return layer(inputs if len(inputs) > 1 else inputs[0])


def test_every_layer_has_a_row():
    assert sorted(rows.LAYERS) == CLASSES


@pytest.mark.parametrize("name", CLASSES)
def test_config_round_trip(name):
    layer, _ = _layer(name)
    config = json.loads(json.dumps(serialize_object(layer)))
    again = deserialize(config)
    assert type(again) is type(layer)
    assert json.loads(json.dumps(serialize_object(again))) == config
    assert name in repr(layer)
    described = describe_model(layer)  # what decides whether a checkpoint is of the same model
    assert described == describe_model(again)
    assert json.loads(json.dumps(described)) == described
    assert described["model"]["class"] == name


@pytest.mark.parametrize("name", CLASSES)
def test_a_get_config_of_a_program_has_the_arguments_of_its_parent(name):
    cls = REGISTRY["layers"][name]
    arguments = {
        key: deserialize(value) if isinstance(value, dict) else value for key, value in rows.LAYERS[name][0].items()
    }

    class Own(cls):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

        def get_config(self):
            return super().get_config()

    class Plain(cls):
        pass

    expected = cls(**arguments, name="same").get_config()
    assert Own(**arguments, name="same").get_config() == expected
    assert Plain(**arguments, name="same").get_config() == expected


@pytest.mark.parametrize("name", CLASSES)
def test_traced_shape_is_the_real_one_compiled_equals_eager_and_gradients_are_finite(name):
    layer, shapes = _layer(name)
    inputs = _inputs(name, shapes)
    traced = _call(name, layer, [gazelle.Input(x.shape[1:], dtype=str(x.dtype)) for x in inputs])
    with tracing.entered(tracing.TraceContext(training=False)):  # layers of images train where nobody says what to do
        eager = _call(name, layer, inputs)
    assert traced.shape == (None, *eager.shape[1:])
    assert str(traced.dtype) == str(eager.dtype)
    variables = weight_tree.named_variables(layer)
    values = {path: v.value for path, v in variables.items()}
    pure = tracing.functionalize(
        lambda *x: _call(name, layer, list(x)),
        variables,
        {id(v): p for p, v in weight_tree.named_layers(layer).items()},
    )
    compiled = jax.jit(lambda values, *x: pure(values, *x)[0])(values, *inputs)
    np.testing.assert_allclose(compiled, eager, rtol=2e-5, atol=2e-6)

    def total(values, *x):
        return jnp.sum(jnp.square(pure(values, *x, key=jax.random.key(0), training=True)[0]))

    for leaf in jax.tree.leaves(jax.jit(jax.grad(total, allow_int=True))(values, *inputs)):
        assert leaf.dtype == jax.dtypes.float0 or bool(jnp.isfinite(leaf).all())


@pytest.mark.parametrize("name", CLASSES)
def test_training_is_a_function_of_the_key(name):
    """Traced twice it is the same program, down to its constants: nothing else is drawn from."""
    layer, shapes = _layer(name)
    inputs = _inputs(name, shapes)
    _call(name, layer, [gazelle.Input(x.shape[1:], dtype=str(x.dtype)) for x in inputs])
    variables = weight_tree.named_variables(layer)
    values = {path: v.value for path, v in variables.items()}
    pure = tracing.functionalize(
        lambda *x: _call(name, layer, list(x)),
        variables,
        {id(v): p for p, v in weight_tree.named_layers(layer).items()},
    )
    first, second = (
        jax.make_jaxpr(lambda values, key, *x: pure(values, *x, key=key, training=True)[0])(
            values, jax.random.key(5), *inputs
        )
        for _ in range(2)
    )
    assert str(first) == str(second)
    for mine, other in zip(first.consts, second.consts, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("name", [n for n in CLASSES if n not in rows.WHOLE])
def test_half_precision_stays_half(name):
    layer, shapes = _layer(name, dtype="bfloat16")
    out = _call(name, layer, [gazelle.Input(shape[1:], dtype="bfloat16") for shape in shapes])
    assert out.dtype == "bfloat16"
    assert {v.dtype for v in layer.weights} <= {"bfloat16"}


@pytest.mark.parametrize("name", CLASSES)
def test_saved_and_loaded_in_a_model(name, tmp_path):
    layer, shapes = _layer(name)
    arrays = _inputs(name, shapes)
    symbolic = [gazelle.Input(x.shape[1:], dtype=str(x.dtype)) for x in arrays]
    model = gazelle.Model(symbolic, _call(name, layer, symbolic))
    model.save(tmp_path / "model.keras")
    again = gazelle.models.load_model(tmp_path / "model.keras")
    data = [np.asarray(x) for x in arrays]
    data = data if len(data) > 1 else data[0]
    np.testing.assert_array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))
