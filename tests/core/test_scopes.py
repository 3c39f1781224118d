"""Scopes, operations and other names of the top-level namespace of Keras."""

import importlib
import inspect
import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core import tracing
from gazelle.layers import weight_tree


def _network():
    return gazelle.Sequential(
        [
            gazelle.Input((4,)),
            layers.Dense(6, activation="tanh", activity_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )


# Remat ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["full", "activations", "larger_than", "list_of_layers", None])
def test_remat_changes_no_number(mode):
    options = {"mode": mode, "output_size_threshold": 5, "layer_names": ["dense"]}
    gazelle.utils.clear_session()
    plain = _network()
    gazelle.utils.clear_session()
    with gazelle.RematScope(**options):
        again = _network()
    again.set_weights(plain.get_weights())
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4)), "float32")
    results, text = [], ""
    for model in (plain, again):
        variables = weight_tree.named_variables(model)
        names = {id(v): p for p, v in weight_tree.named_layers(model).items()}
        pure = tracing.functionalize(model, variables, names)

        def loss(values, pure=pure):
            out, after, losses = pure(values, x, key=jax.random.key(3), training=True)
            return jnp.sum(jnp.square(out)) + sum(losses), after

        values = {p: v.value for p, v in variables.items()}
        results.append(jax.jit(jax.value_and_grad(loss, has_aux=True))(values))
        text = str(jax.make_jaxpr(lambda v, f=loss: f(v)[0])(values))
    for a, b in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)  # other operations are fused
    assert ("checkpoint" in text or "remat" in text) == (mode is not None)


def test_remat_keeps_masks():
    with gazelle.RematScope():
        model = gazelle.Sequential([layers.Embedding(5, 3, mask_zero=True), layers.LSTM(2)])
    plain = gazelle.Sequential([layers.Embedding(5, 3, mask_zero=True), layers.LSTM(2)])
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    plain(ids)
    model(ids)
    model.set_weights(plain.get_weights())
    variables = weight_tree.named_variables(model)
    out = jax.jit(tracing.functionalize(model, variables))({p: v.value for p, v in variables.items()}, ids)[0]
    np.testing.assert_allclose(out, plain(ids), rtol=1e-6)


def test_remat_refuses():
    with pytest.raises(ValueError, match=r"Unknown mode of RematScope 'ful'.\nDid you mean 'full'"):
        gazelle.RematScope("ful")


# Variables that stay as they are -------------------------------------------------------------------------------------


def test_stateless_scope_changes_no_variable():
    given, other = gazelle.Variable([1.0]), gazelle.Variable([5.0])
    with gazelle.StatelessScope([(given, [2.0])]) as scope:
        given.assign_add([1.0])
        other.assign(other * 2)
        assert given.numpy().tolist() == [3.0]
    assert scope.get_current_value(given).tolist() == [3.0]
    assert scope.get_current_value(other).tolist() == [10.0]
    assert (given.numpy().tolist(), other.numpy().tolist()) == ([1.0], [5.0])


def test_stateless_scope_collects_losses():
    layer = layers.ActivityRegularization(l2=1.0)
    with gazelle.StatelessScope(collect_losses=True) as scope:
        layer(np.ones((1, 2), "float32"))
    assert [float(loss) for loss in scope.losses] == [2.0]


def test_stateless_scope_refuses_a_shape():
    v = gazelle.Variable([1.0, 2.0], name="v")
    with pytest.raises(
        ValueError, match=r"The value of 'v' in StatelessScope: expected shape \(2,\), got shape \(3,\)"
    ):
        gazelle.StatelessScope([(v, np.ones(3))])


def test_stateless_call_trains_like_fit_and_draws_anew():
    model = _network()
    x, y = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4), np.ones((8, 1), "float32")
    own, fixed = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))

    @jax.jit
    def step(own, fixed):
        def loss(own):
            out, after, losses = model.stateless_call(own, fixed, x, training=True, return_losses=True)
            return jnp.mean(jnp.square(out - y)) + sum(losses), (after, out)

        grads, (after, out) = jax.grad(loss, has_aux=True)(own)
        return [w - 0.1 * g for w, g in zip(own, grads, strict=True)], after, out

    before = [np.array(v) for v in model.variables]
    _, after, first = step(own, fixed)
    _, _, second = step(own, after)
    assert not np.array_equal(first, second)  # other units are dropped
    np.testing.assert_array_equal(first, step(own, fixed)[2])
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


def test_stateless_compute_loss_is_that_of_evaluate():
    model = gazelle.Sequential([layers.Input((3,)), layers.Dense(2, kernel_regularizer="l2")])
    model.compile("sgd", "mse")
    x, y = np.random.default_rng(0).random((4, 3), "float32"), np.zeros((4, 2), "float32")

    @jax.jit
    def loss_of(own, fixed, sums):
        y_pred, fixed = model.stateless_call(own, fixed, x, training=True)
        return model.stateless_compute_loss(own, fixed, sums, x=x, y=y, y_pred=y_pred)

    kinds = model.trainable_variables, model.non_trainable_variables, model.metrics_variables
    loss, after = loss_of(*([v.value for v in kind] for kind in kinds))
    assert float(loss) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)
    assert [len(kind) for kind in after] == [2, 0, len(model.metrics_variables)]


def test_stateless_call_says_how_many():
    layer = layers.Dense(1, name="top")
    with pytest.raises(RuntimeError, match=r"stateless_call of Dense 'top' was called before the layer was built"):
        layer.stateless_call([], [], np.ones((1, 2)))
    layer.build((None, 2))
    with pytest.raises(ValueError, match="trainable_variables of stateless_call: expected 2 values, got 1"):
        layer.stateless_call([np.ones((2, 1))], [], np.ones((1, 2)))


# Seeds ---------------------------------------------------------------------------------------------------------------


class Noisy(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = gazelle.random.SeedGenerator(3)

    def call(self, x):
        return x + gazelle.random.normal(x.shape, seed=self.seeds)


def test_a_generator_is_part_of_its_layer():
    layer = Noisy()
    assert [v.name for v in layer.variables] == ["seed_generator_state"]
    assert layer.weights == []
    variables = weight_tree.named_variables(layer)
    step = jax.jit(tracing.functionalize(layer, variables))
    values = {p: v.value for p, v in variables.items()}
    first, values, _ = step(values, jnp.zeros((1, 2)))
    second, values, _ = step(values, jnp.zeros((1, 2)))
    assert not np.array_equal(first, second)
    assert values["seed_generator_state"].tolist() == [3, 2]


def test_draws_without_a_seed_follow_the_step():
    layer = layers.Lambda(lambda x: x + gazelle.random.normal(x.shape))
    pure = jax.jit(tracing.functionalize(layer, {}), static_argnames="training")
    one, two = (pure({}, jnp.zeros((1, 2)), key=jax.random.key(n), training=True)[0] for n in (1, 2))
    assert not np.array_equal(one, two)
    with pytest.raises(ValueError, match=r"(?s)without a seed inside a compiled function.*SeedGenerator"):
        jax.jit(lambda: gazelle.random.normal((2,)))()


@pytest.mark.parametrize("seed", [1.5, "1", True])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(ValueError, match=r"seed.*: expected an integer"):
        gazelle.random.SeedGenerator(seed)
    with pytest.raises(ValueError, match="seed: expected an integer"):
        gazelle.random.normal((1,), seed=seed)


# Names ---------------------------------------------------------------------------------------------------------------


def test_missing_names_have_neighbours():
    wrong = [
        ("gazelle.layers", "Dence", "Dense"),
        ("gazelle", "Sequental", "Sequential"),
        ("gazelle.optimizers", "adamw", "AdamW"),
        ("gazelle.config", "set_floatX", "set_floatx"),
    ]
    for module, name, near in wrong:
        with pytest.raises(AttributeError, match=rf"{module} has no '{name}'; did you mean '{near}'"):
            getattr(importlib.import_module(module), name)
        assert not hasattr(importlib.import_module(module), name)


def test_name_scope_stands_in_front():
    with gazelle.name_scope("outer"), gazelle.name_scope("inner"):
        assert gazelle.Variable(1.0, name="v").path == "outer/inner/v"
    assert gazelle.Variable(1.0, name="v").path == "v"
    with pytest.raises(ValueError, match="name_scope: expected a name without '/'"), gazelle.name_scope("a/b"):
        pass


def test_device():
    with gazelle.device("cpu:0"):
        assert jnp.ones(1).device == jax.devices("cpu")[0]
    with pytest.raises(ValueError, match="device: expected one of cpu:0"), gazelle.device("tpu:3"):
        pass


def test_function_of_the_middle_of_a_graph():
    x = gazelle.Input((3,))
    hidden = layers.Dense(4, activation="relu")(x)
    top = layers.Dense(2)
    function = gazelle.Function(hidden, {"out": top(hidden), "twice": hidden * 2})
    h = np.ones((5, 4), "float32")
    np.testing.assert_allclose(function(h)["out"], top(h), rtol=1e-6)
    assert function.compute_output_shape((7, 4)) == {"out": (7, 2), "twice": (7, 4)}


class Scale(gazelle.Operation):
    def __init__(self, factor, name=None):
        super().__init__(name=name)
        self.factor = factor

    def call(self, x):
        return x * self.factor


def test_operation_in_a_graph():
    x = gazelle.Input((2,))
    model = gazelle.Model(x, Scale(3.0, name="scale")(x))
    assert np.asarray(model(np.ones((1, 2)))).tolist() == [[3.0, 3.0]]
    assert Scale.from_config(Scale(2.0).get_config()).factor == 2.0
    assert isinstance(layers.Dense(1), gazelle.Operation)


def test_objects_as_configs():
    from gazelle import saving

    layer = layers.Dense(2, activation="relu", name="top")
    config = json.loads(json.dumps(saving.serialize_keras_object(layer)))
    assert saving.deserialize_keras_object(config).get_config() == layer.get_config()
    assert layers.deserialize(layers.serialize(layer)).get_config() == layer.get_config()
    with pytest.raises(ValueError, match=r"refers to os\.system"):
        saving.deserialize_keras_object({"module": "os", "class_name": "system", "config": {}, "registered_name": None})
    with pytest.raises(ValueError, match="layer: expected the config of a layer, got one of 'Adam'"):
        layers.deserialize({"module": "keras.optimizers", "class_name": "Adam", "config": {}})


# The names of Keras --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", ["config", "backend", "random", "tree", "mixed_precision", "dtype_policies"])
def test_every_name_of_keras_with_its_signature(namespace):
    keras = importlib.import_module(f"keras.{namespace}")
    mine = getattr(gazelle, namespace)
    left_out = {"QuantizedFloat8DTypePolicy"}
    for name in {n for n in dir(keras) if n[0] != "_"} - left_out:
        wanted, got = (list(inspect.signature(getattr(k, name)).parameters) for k in (keras, mine))
        assert got[: len(wanted)] == wanted, name


def test_the_root_imports_nothing_until_it_is_asked():
    code = (
        "import sys, gazelle; "
        "assert not {'gazelle.layers', 'gazelle.models', 'gazelle.ops'} & {*sys.modules}, 'a subpackage was imported'; "
        "from gazelle.core.serialization import deserialize; "
        "assert deserialize({'module': 'keras.layers', 'class_name': 'Dense', 'config': {'units': 2}}).units == 2"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", gazelle.__all__)
def test_every_name_of_the_root_is_there(name):
    assert getattr(gazelle, name) is not None


def test_each_layer_that_draws_has_a_state_as_in_keras():
    x, steps = np.ones((2, 8), "float32"), np.ones((2, 4, 8), "float32")
    for layer, arguments, count in (
        (layers.Dropout(0.0), [x], 0),
        (layers.Dropout(0.5), [x], 1),
        (layers.GaussianNoise(0.0), [x], 0),
        (layers.MultiHeadAttention(2, 4), [steps, steps], 0),
        (layers.MultiHeadAttention(2, 4, dropout=0.1), [steps, steps], 1),
        (layers.Bidirectional(layers.LSTM(3)), [steps], 2),
        (gazelle.Sequential([layers.Dropout(0.5), layers.Dense(3), layers.Dropout(0.5)]), [x], 2),
    ):
        layer(*arguments)
        assert len(layer.non_trainable_variables) == count
    values = [variable.value for variable in layer.non_trainable_variables]
    trained = [variable.value for variable in layer.trainable_variables]
    once, after = layer.stateless_call(trained, values, x, training=True)
    np.testing.assert_array_equal(layer.stateless_call(trained, values, x, training=True)[0], once)
    assert not np.array_equal(layer.stateless_call(trained, after, x, training=True)[0], once)


def test_variables_in_the_result_are_read_in_the_scope():
    count = gazelle.Variable(1.0)

    def step(x):
        count.assign_add(x)
        return {"n": count, "a": x}

    out, after, _ = jax.jit(tracing.functionalize(step, {"count": count}))({"count": jnp.asarray(5.0)}, 2.0)
    assert {name: float(value) for name, value in out.items()} == {"n": 7, "a": 2}
    assert (float(after["count"]), float(count)) == (7, 1)
