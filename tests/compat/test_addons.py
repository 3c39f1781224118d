"""`tensorflow_addons`: the numbers that `golden/record_addons.py` recorded, trainings with its losses and metrics."""

import sys
from pathlib import Path

import numpy as np
import pytest

from gazelle.compat.namespaces import namespace, root
from gazelle.core.errors import ArgumentError
from tests.compat.golden import addons_values as golden

GOLDEN = np.load(Path(__file__).parent / "golden" / "addons.npz")
tfa = namespace("gazelle.compat.addons")
keras = root("tensorflow.keras")


@pytest.mark.parametrize("kind", ["losses", "activations", "metrics", "layers"])
def test_numbers(kind):
    wanted = {key.partition("/")[2]: GOLDEN[key] for key in GOLDEN if key.startswith(f"{kind}/")}
    found = golden.results(tfa, keras, kind)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=2e-5, err_msg=name)


def test_focal_loss_of_a_certain_mistake_is_that_of_tf_keras(tf_keras_2):
    loss = tfa.losses.SigmoidFocalCrossEntropy()(np.array([[1.0]]), np.array([[0.0]]))
    entropy = -np.log(2e-7)  # K.binary_crossentropy adds epsilon to the probability, which is epsilon at least
    np.testing.assert_allclose(loss, [0.25 * entropy], rtol=1e-5)


@pytest.mark.parametrize("name", ["TripletSemiHardLoss", "TripletHardLoss", "LiftedStructLoss"])
def test_embeddings_of_equal_labels_move_together(name):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
    model.compile("adam", getattr(tfa.losses, name)())
    history = model.fit(golden.EMBEDDINGS, golden.LABELS, epochs=30, verbose=0).history["loss"]
    assert np.all(np.isfinite(history))
    assert history[-1] < history[0]


def test_metrics_in_a_training():
    metrics = [tfa.metrics.F1Score(4, average="macro"), tfa.metrics.CohenKappa(4), tfa.metrics.RSquare()]
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "mse", metrics=metrics)
    history = model.fit(golden.EMBEDDINGS, golden.CLASSES, verbose=0).history
    assert list(history) == ["loss", "f1_score", "cohen_kappa", "r_square"]


def test_the_import(installed, monkeypatch):
    monkeypatch.setattr("gazelle.cli.import_aliases.PathFinder.find_spec", lambda name, path=None: None)
    import tensorflow_addons as module
    from tensorflow_addons.losses import PinballLoss
    from tensorflow_addons.text import crf_log_likelihood
    from tensorflow_addons.text.crf import crf_decode

    assert module.losses.PinballLoss is PinballLoss
    assert (module.text.crf_log_likelihood, module.text.crf_decode) == (crf_log_likelihood, crf_decode)
    assert module.layers.GroupNormalization is keras.layers.GroupNormalization
    assert module.__version__ == "0.23.0"
    for name in [name for name in sys.modules if name.startswith("tensorflow_addons")]:
        del sys.modules[name]


def test_errors():
    with pytest.raises(ArgumentError, match=r"Unknown distance_metric 'l1'.*\n.*angular"):
        tfa.losses.TripletHardLoss(distance_metric="l1")(golden.LABELS, golden.EMBEDDINGS)
    with pytest.raises(ArgumentError, match="Unknown weightage 'cubic'"):
        tfa.metrics.CohenKappa(3, weightage="cubic")
    with pytest.raises(ArgumentError, match="Unknown mode of GIoULoss 'ciou'"):
        tfa.losses.GIoULoss("ciou")


def test_weight_normalization_trains_both_factors_of_the_kernel(tf_keras_2, installed):
    import tensorflow as tf
    import tensorflow_addons as tfa

    layer = tfa.layers.WeightNormalization(tf.keras.layers.Dense(3), data_init=False)
    x = np.arange(8, dtype="float32").reshape(4, 2)
    layer(x)
    layer.v.assign([[1.0, -2, 3], [0.5, 0.2, -0.1]])
    layer.g.assign([0.5, 2.0, 1.0])
    assert [w.shape for w in layer.weights] == [(3,), (2, 3), (3,), ()]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x) ** 2)
    of_v, of_g = tape.gradient(total, [layer.v, layer.g])
    np.testing.assert_allclose(of_v[0], [-10.4, -25.2995, 1.4854], rtol=1e-4)  # of TensorFlow 2.15
    np.testing.assert_allclose(of_g, [116, 171.2475, 103.0055], rtol=1e-5)
    model = tf.keras.Sequential([layer])
    model.compile(tf.keras.optimizers.SGD(0.01), "mse")
    history = model.fit(x, np.ones((4, 3)), epochs=3, verbose=0).history
    np.testing.assert_allclose(history["loss"], [22.02789, 13.82569, 9.30825], rtol=1e-5)
    np.testing.assert_allclose(layer.g, [0.3379, 1.6734, 0.8215], rtol=1e-3)


def test_a_checkpoint_of_averages_takes_its_own_argument_by_name(tf_keras_2, tmp_path):
    made = tfa.callbacks.AverageModelCheckpoint(filepath=str(tmp_path / "w.h5"), update_weights=True)
    assert made.update_weights


EMBEDDINGS = np.array([[0.1, 0.5], [0.4, -0.2], [0.9, 0.3], [-0.6, 0.8]], "float32")
LOSSES = {  # of TensorFlow Addons 0.23
    "triplet_semihard_loss": (([0, 1, 0, 1], EMBEDDINGS), {"margin": 0.5, "distance_metric": "squared-L2"}, 0.63),
    "triplet_hard_loss": (([0, 1, 0, 1], EMBEDDINGS), {"soft": True}, 0.9146309),
    "lifted_struct_loss": (([0, 1, 0, 1], EMBEDDINGS), {"margin": 0.7}, 2.7106547),
    "npairs_loss": (([0, 0, 1], 2 * np.eye(3, dtype="float32")), {}, 0.9062114),
    "contrastive_loss": (([1.0, 0.0], [0.4, 0.3]), {"margin": 0.8}, [0.16, 0.25]),
    "sigmoid_focal_crossentropy": (([[1.0, 0.0]], [[0.7, 0.4]]), {"gamma": 1.0}, [0.179998]),
    "giou_loss": (([[[4.0, 3, 7, 5]]], [[[3.0, 4, 6, 8]]]), {}, 1.075),
    "pinball_loss": (([[1.0, 2.0]], [[2.0, 0.0]]), {"tau": np.array([0.2, 0.9])}, [1.3]),
    "sparsemax_loss_from_logits": ((np.eye(2)[[0, 1, 0, 1]], EMBEDDINGS), {}, [0.49, 0.64, 0.04, 0.0]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_functions_of_losses_take_tensors_and_have_gradients(tf_keras_2, installed, name):
    import tensorflow as tf
    import tensorflow_addons as tfa

    (y_true, y_pred), options, value = LOSSES[name]
    y_pred = tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        loss = getattr(tfa.losses, name)(tf.constant(y_true), y_pred, **options)
    np.testing.assert_allclose(loss.numpy(), value, rtol=1e-5, atol=1e-6)
    assert np.any(tape.gradient(loss, y_pred).numpy())
    tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))]).compile(loss=f"Addons>{name}")


def test_sparsemax_loss_refuses_probabilities():
    with pytest.raises(ArgumentError, match="from_logits of SparsemaxLoss"):
        tfa.losses.SparsemaxLoss(from_logits=False)


@pytest.mark.parametrize(
    ("name", "gradient"),  # of TensorFlow Addons 0.23
    [("lisht", [-1.105329, -0.565854, 0.389584, 1.176208]), ("snake", [1.756803, 0.435358, 1.389418, 1.14112])],
)
def test_activations_take_tensors(tf_keras_2, installed, name, gradient):
    import tensorflow as tf
    import tensorflow_addons as tfa

    function, x = getattr(tfa.activations, name), tf.constant([[-2.0, -0.3, 0.2, 1.5]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    np.testing.assert_allclose(tape.gradient(y, x).numpy()[0], gradient, atol=1e-5)
    inputs = tf.keras.Input((4,))
    np.testing.assert_allclose(tf.keras.Model(inputs, function(inputs))(x), y, rtol=1e-6)
    layer = tf.keras.layers.deserialize(tf.keras.layers.serialize(tf.keras.layers.Activation(function)))
    assert layer.activation.__name__ == name
    np.testing.assert_allclose(tf.keras.layers.Activation(f"Addons>{name}")(x), y, rtol=1e-6)


def test_rrelu_draws_slopes_in_training(tf_keras_2, installed):
    import tensorflow as tf
    import tensorflow_addons as tfa

    x = -tf.ones((1000,))
    np.testing.assert_allclose(tfa.activations.rrelu(x, 0.1, 0.2), -0.15 * np.ones(1000), rtol=1e-6)
    y = tfa.activations.rrelu(x, 0.1, 0.2, training=True).numpy()
    assert -0.2 <= y.min() < -0.19 < -0.11 < y.max() <= -0.1


def test_sparsemax_of_infinity_and_nan(tf_keras_2):
    found = tfa.activations.sparsemax(np.array([[0, -np.inf, 0], [0, np.nan, 0], [0, np.inf, 0]], "float32"))
    np.testing.assert_array_equal(found, [[0.5, 0, 0.5], [np.nan] * 3, [np.nan] * 3])


def test_weight_normalization_starts_from_the_first_batch_of_a_copy_of_the_layer(tf_keras_2, installed):
    import tensorflow as tf
    from tensorflow_addons.layers.wrappers import WeightNormalization

    x = np.arange(8, dtype="float32").reshape(4, 2)
    kernel = tf.keras.initializers.Constant([[1.0, -2, 3], [0.5, 0.2, -0.1]])
    layer = WeightNormalization(tf.keras.layers.Dense(3, kernel_initializer=kernel, activation="relu"))
    y = layer(x).numpy()
    assert [w.shape for w in layer.get_weights()] == [(3,), (2, 3), (3,), (), (2, 3), (3,)]  # of Addons 0.23
    np.testing.assert_allclose(y[:, 1], [1.316672, 0.871678, 0.426684, 0.0], rtol=1e-4)
    np.testing.assert_allclose(layer.remove()(x), y, rtol=1e-5)
    options = {"kernel_initializer": "ones", "recurrent_initializer": tf.keras.initializers.Constant(0.5)}
    recurrent = WeightNormalization(tf.keras.layers.SimpleRNN(1, **options))
    np.testing.assert_allclose(recurrent(0.1 * x.reshape(2, 2, 2)), [[0.746071], [0.999812]], rtol=1e-4)


def test_modules_of_the_package(installed):
    from tensorflow_addons.layers.normalizations import InstanceNormalization
    from tensorflow_addons.losses.metric_learning import pairwise_distance
    from tensorflow_addons.optimizers import weight_decay_optimizers

    assert InstanceNormalization is tfa.layers.InstanceNormalization
    assert weight_decay_optimizers.AdamW is tfa.optimizers.AdamW
    np.testing.assert_allclose(pairwise_distance(np.array([[0.0, 0], [3, 4]])), [[0, 5], [5, 0]])


def test_unpooling_puts_values_where_pooling_took_them(tf_keras_2, installed):
    import tensorflow as tf
    import tensorflow_addons as tfa

    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")
    largest = x == x.reshape(2, 2, 2, 3, 2, 3).max((2, 4), keepdims=True).repeat(2, 2).repeat(2, 4).reshape(x.shape)
    pooled, positions = tf.nn.max_pool_with_argmax(x, 2, 2, "SAME")
    np.testing.assert_array_equal(tfa.layers.MaxUnpooling2D()(pooled, positions), np.where(largest, x, 0))
    layer = tfa.layers.MaxUnpooling2DV2((2, 4, 6, 3))
    np.testing.assert_array_equal(layer(pooled, mask=positions), np.where(largest, x, 0))
    again = tfa.layers.MaxUnpooling2DV2.from_config(layer.get_config())
    np.testing.assert_array_equal(again(pooled, positions), np.where(largest, x, 0))
    inputs = tf.keras.Input((4, 6, 3))
    outputs = tf.keras.layers.Lambda(lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "SAME"))(inputs)
    model = tf.keras.Model(inputs, tfa.layers.MaxUnpooling2D()(*outputs))
    assert model.output_shape == (None, 4, 6, 3)
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.where(largest, x, 0))


def test_metrics_of_tf_keras_2_have_weights(tf_keras_2):
    metrics = tf_keras_2.keras.metrics.Mean(), tf_keras_2.keras.metrics.Mean()
    metrics[0].update_state([1.0, 3.0])
    metrics[1].set_weights(metrics[0].get_weights())
    assert float(metrics[1].result()) == 2


def test_a_model_with_a_crf(tf_keras_2, installed, tmp_path):
    import tensorflow as tf
    from tensorflow_addons.text import CRFModelWrapper

    keras = tf.keras
    x, y = (np.random.RandomState(i).randint(low, high, (6, 5)) for i, (low, high) in enumerate([(1, 9), (0, 3)]))
    x[2, 3:] = x[4, 2:] = 0
    base = keras.Sequential(
        [keras.layers.Embedding(9, 4, mask_zero=True, input_length=5), keras.layers.Dense(4, "tanh")]
    )
    model = CRFModelWrapper(base, 3)
    model(x)
    shapes = [w.shape for w in model.get_weights()]  # of TensorFlow Addons 0.23, as the numbers below
    assert shapes == [(3, 3), (3,), (3,), (4, 3), (3,), (9, 4), (4, 4), (4,)]
    model.set_weights([np.random.RandomState(i).randn(*shape) * 0.5 for i, shape in enumerate(shapes)])
    model.compile(keras.optimizers.SGD(0.1))
    history = model.fit(x, y, epochs=3, batch_size=3, shuffle=False, verbose=0, validation_data=(x, y)).history
    np.testing.assert_allclose(history["loss"], [6.2608, 5.6921, 5.2838], rtol=1e-4)
    np.testing.assert_allclose(history["val_crf_loss"], [5.6127, 5.1531, 4.8306], rtol=1e-4)
    tags = model.predict(x, verbose=0)
    np.testing.assert_array_equal(tags[:2], [[0, 0, 0, 1, 1], [1, 1, 0, 0, 1]])
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model").predict(x, verbose=0), tags)
