"""Optimizers of tensorflow_addons: the numbers of the genuine package, which `golden/record_addons.py` recorded."""

import pathlib

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import namespace
from gazelle.compat.source.detect import detect
from gazelle.core.registry import REGISTRY
from tests.compat.golden import addons_cases

HERE = pathlib.Path(__file__).parent / "golden"
GOLDEN = np.load(HERE / "addons.npz")
CASES = addons_cases.cases(addons_cases.OPTIMIZERS)
tf = facade.module("tensorflow")
tfa = namespace("gazelle.compat.addons")


@pytest.mark.parametrize("name", CASES)
def test_same_weights_after_each_update_and_the_same_after_from_config(name):
    values, optimizer = addons_cases.trained(CASES[name], tf, tfa)
    flat = np.concatenate([value.ravel() for value in values])
    np.testing.assert_allclose(flat, GOLDEN[f"optimizers/{name}"], rtol=2e-5, atol=2e-6)
    if "lambda" not in CASES[name]:
        again = type(optimizer).from_config(optimizer.get_config())
        assert again.get_config() == optimizer.get_config()


def _model(optimizer):
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(2,)), tf.keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


X = np.random.default_rng(0).normal(size=(24, 2)).astype("float32")
Y = X.sum(1, keepdims=True)
WRAPPERS = {
    "lookahead": lambda: tfa.optimizers.Lookahead(tfa.optimizers.RectifiedAdam(0.05), sync_period=2),
    "adamw": lambda: tfa.optimizers.Lookahead(tfa.optimizers.AdamW(lambda: 0.01, learning_rate=0.05)),
    "swa": lambda: tfa.optimizers.SWA(tfa.optimizers.SGDW(0.01, 0.05, momentum=0.9), 1, 2),
    "novograd": lambda: tfa.optimizers.NovoGrad(0.05),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_training_continues_from_a_saved_model_as_if_it_was_not_interrupted(name, tmp_path):
    fit = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0}
    whole, half = _model(WRAPPERS[name]()), _model(WRAPPERS[name]())
    whole.fit(X, Y, **{**fit, "epochs": 4})
    half.fit(X, Y, **fit)
    if name == "adamw":  # a function cannot be saved
        half.fit(X, Y, **fit)
    else:
        half.save(tmp_path / "model.keras")
        half = tf.keras.models.load_model(tmp_path / "model.keras")
        assert type(half.optimizer).__name__ == type(whole.optimizer).__name__
        half.fit(X, Y, **fit)
    assert int(half.optimizer.iterations) == 12
    for a, b in zip(whole.get_weights(), half.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_settings_of_a_wrapper_are_those_of_its_optimizer():
    wrapper = tfa.optimizers.Lookahead("sgd", clipnorm=1.0)
    wrapper.learning_rate = 0.25
    assert float(wrapper.optimizer.learning_rate) == float(wrapper.lr) == 0.25
    assert wrapper.optimizer.clipnorm == 1.0
    assert tfa.optimizers.LAMB(weight_decay_rate=0.5).weight_decay == 0.5
    with pytest.raises(ValueError, match="average_period=0"):
        tfa.optimizers.SWA("sgd", average_period=0)


def test_a_config_of_adamw_is_not_that_of_keras():
    optimizer = tfa.optimizers.AdamW(weight_decay=0.1, learning_rate=0.5, exclude_from_weight_decay=["bias"])
    again = tf.keras.optimizers.deserialize(tf.keras.optimizers.serialize(optimizer))
    assert isinstance(again, tfa.optimizers.AdamW)
    assert isinstance(again, tf.keras.optimizers.Adam)
    assert (again.exclude_from_weight_decay, again.weight_decay) == (["bias"], 0.1)
    assert not isinstance(again, tf.keras.optimizers.AdamW)


def test_lazy_adam_leaves_unused_rows_of_embeddings_unchanged():
    embedding = tf.keras.layers.Embedding(4, 2)
    model = tf.keras.Sequential([embedding, tf.keras.layers.Flatten(), tf.keras.layers.Dense(1)])
    model.compile(tfa.optimizers.LazyAdam(0.1), "mse")
    model.fit(np.array([[0], [1]]), np.ones((2, 1)), verbose=0)
    first = embedding.get_weights()[0]
    model.fit(np.array([[1], [2]]), np.ones((2, 1)), verbose=0)
    assert (np.any(embedding.get_weights()[0] != first, axis=1) == [False, True, True, False]).all()


def test_callbacks_save_averages_stop_and_print(tmp_path, capsys):
    model = _model(tfa.optimizers.MovingAverage(tf.keras.optimizers.SGD(0.1), 0.5))
    callbacks = tfa.callbacks
    model.fit(
        X,
        Y,
        epochs=3,
        verbose=0,
        callbacks=[
            callbacks.AverageModelCheckpoint(False, str(tmp_path / "averages.keras")),
            callbacks.TimeStopping(0, verbose=1),
            callbacks.TQDMProgressBar(),
        ],
    )
    printed = capsys.readouterr().out
    assert "Epoch 1/3 - 1/1" in printed
    assert "the training ends after 0:00:00" in printed
    saved, trained = tf.keras.models.load_model(tmp_path / "averages.keras").get_weights(), model.get_weights()
    assert not np.allclose(saved[0], trained[0])
    model.optimizer.assign_average_vars(model.variables)
    np.testing.assert_array_equal(saved[0], model.get_weights()[0])
    with pytest.raises(TypeError, match="found no averages"):
        _model("sgd").fit(X, Y, verbose=0, callbacks=[callbacks.AverageModelCheckpoint(True, "a.keras")])


def test_configs_name_the_classes_which_are_not_in_the_registry():
    for namespace_of_classes in ("optimizers", "optimizers.schedules"):
        classes = {cls for cls in REGISTRY[namespace_of_classes].values() if isinstance(cls, type)}
        assert [cls for cls in classes if ".addons." in cls.__module__] == []
    config = tf.keras.optimizers.serialize(tfa.optimizers.RectifiedAdam(0.5))
    assert type(tf.keras.optimizers.deserialize(config)).__name__ == "RectifiedAdam"


@pytest.mark.parametrize("others", [0, 1])
def test_layers_have_optimizers_of_their_own(others, tmp_path):
    tf.keras.backend.clear_session()
    for _ in range(others):  # they change the names of the layers that follow
        tf.keras.layers.Dense(1)
    model = _model("sgd")
    first, last = model.layers
    pairs = [(tf.keras.optimizers.SGD(0.0), first), (tf.keras.optimizers.SGD(0.1), [last])]
    model.compile(tfa.optimizers.MultiOptimizer(pairs), "mse")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    model = tf.keras.models.load_model(tmp_path / "model.keras")
    model.fit(X, Y, verbose=0)
    assert [np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)] == [True] * 2 + [False] * 2


def test_only_weights_of_the_list_decay():
    variables = [tf.Variable([1.0]), tf.Variable([1.0])]
    optimizer = tfa.optimizers.SGDW(weight_decay=0.5, learning_rate=0.0)
    for decaying in (variables[:1], None):
        optimizer.apply_gradients([(tf.constant([1.0]), v) for v in variables], decay_var_list=decaying)
    optimizer.minimize(lambda: sum(variables), variables, decay_var_list=variables[1:])
    assert [v.numpy().tolist() for v in variables] == [[0.25], [0.25]]


def test_programs_that_import_the_package_are_for_keras_2():
    found = detect(
        "program.py", "import tensorflow as tf\nimport tensorflow_addons as tfa\ntfa.LAMB(weight_decay_rate=1)"
    )
    assert (found.number, found.standalone, found.mixed) == (2, False, False)


def test_rates_decay():
    variable = tf.Variable(0.0)
    optimizer = tfa.optimizers.SGDW(weight_decay=0.0, learning_rate=1.0, decay=0.5)
    for _ in range(3):
        optimizer.apply_gradients([(tf.constant(1.0), variable)])
    np.testing.assert_allclose(variable.numpy(), -(1 + 1 / 1.5 + 1 / 2), rtol=1e-6)


OF_ROWS = {  # of TensorFlow Addons 0.23
    "RectifiedAdam(.1, weight_decay=.01)": [0.499, 1.370479, 2.811977],
    "AdaBelief(.1, epsilon=1e-3, rectify=False)": [0.891558, 1.799154, 2.835085],
    "NovoGrad(.1)": [0.929289, 1.830801, 2.470101],
    "Yogi(.1)": [0.90063, 1.81904, 2.852396],
    "ProximalAdagrad(.1, l1_regularization_strength=.01)": [0.9, 1.828648, 2.871565],
    "ConditionalGradient(.9, .3)": [0.878787, 1.579529, 2.381953],
    "AdamW(.01, .1)": [0.771199, 1.713227, 2.793867],
    "SGDW(.01, .1)": [0.5, 1.569049, 2.872222],
    "SGDW(.01, .1, momentum=.5)": [0.49, 1.194152, 2.313721],
    "LAMB(.1, decay=.5, weight_decay=.1)": [0.575897, 1.495877, 2.66607],
}


@pytest.mark.parametrize("case", OF_ROWS)
def test_an_embedding_is_updated_and_decays_in_the_rows_that_a_batch_uses(tf_keras_2, case):
    layers, constant = tf.keras.layers, tf.keras.initializers.Constant
    table = layers.Embedding(3, 1, embeddings_initializer=constant([[1.0], [2.0], [3.0]]), input_length=2)
    model = tf.keras.Sequential([table, layers.Flatten(), layers.Dense(1, kernel_initializer="ones")])
    model.compile(eval(f"tfa.optimizers.{case}", {"tfa": tfa}), "mse")
    for batch in ([[0, 1]], [[2, 2]], [[1, 2]]):
        model.train_on_batch(np.array(batch), np.array([[0.5]]))
    np.testing.assert_allclose(model.get_weights()[0].ravel(), OF_ROWS[case], rtol=1e-5)


def test_weight_decay_may_be_a_schedule(tf_keras_2):
    schedule = tf.keras.optimizers.schedules.InverseTimeDecay(0.5, 1, 1.0)
    weight = tf.Variable([1.0])
    optimizer = tfa.optimizers.RectifiedAdam(1.0, weight_decay=schedule)
    for _ in range(2):
        optimizer.apply_gradients([(tf.constant([0.0]), weight)])
    np.testing.assert_allclose(weight.numpy(), [0.5 * 0.75])
    again = tfa.optimizers.RectifiedAdam.from_config(optimizer.get_config())
    assert again.weight_decay.get_config() == schedule.get_config()


def test_multi_optimizer_in_a_loop_with_a_tape(tf_keras_2):
    keras, optimizers = tf_keras_2.keras, tf_keras_2.keras.optimizers

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = keras.layers.Dense(2), keras.layers.Dense(1)

        def call(self, x):
            return self.b(self.a(x))

    model = Net()
    model.build((None, 4))
    optimizer = tfa.optimizers.MultiOptimizer([(optimizers.SGD(0.0), model.a), (optimizers.Adam(0.1), model.b)])
    before = model.get_weights()
    with tf_keras_2.GradientTape() as tape:
        loss = tf_keras_2.reduce_mean(model(tf_keras_2.ones((4, 4))) ** 2)
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    moved = [np.abs(new - old).max() for new, old in zip(model.get_weights(), before, strict=True)]
    np.testing.assert_allclose(moved, [0, 0, 0.1, 0.1], rtol=1e-3)


def test_the_config_of_a_wrapper_contains_arguments_of_earlier_versions(tf_keras_2):
    inner = tf_keras_2.keras.optimizers.legacy.SGD(2.0, momentum=0.3, decay=0.1)
    config = tfa.optimizers.MovingAverage(inner, average_decay=0.5).get_config()
    again = tfa.optimizers.MovingAverage.from_config(config)
    assert again.optimizer.decay == 0.1
    assert again.get_config() == config
