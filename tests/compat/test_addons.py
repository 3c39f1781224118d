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
