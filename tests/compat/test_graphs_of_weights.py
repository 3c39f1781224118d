"""Tensors that programs for Keras 1 and 2 compute from weights of layers follow the weights; numbers of Keras 2.2.4."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core.errors import SymbolicError

keras = root("keras")
K = keras.backend
pytestmark = pytest.mark.usefixtures("keras_2")
X, Y = np.arange(12).reshape(4, 3) / 10, np.ones((4, 2))


def _model():
    inputs = keras.layers.Input((3,))
    layer = keras.layers.Dense(2, kernel_initializer="ones")
    return keras.models.Model(inputs, layer(inputs)), layer


def _losses(model, loss, **kwargs):
    model.compile("sgd", loss, **kwargs)
    return model.fit(X, Y, epochs=3, verbose=0, shuffle=False).history


def test_tensors_of_weights_have_their_present_values():
    model, layer = _model()
    tensors = [layer.kernel * 2, K.sum(K.square(layer.kernel)), 1 - layer.kernel, K.transpose(layer.kernel)[0]]
    function = K.function([], tensors)
    assert [np.sum(value) for value in function([])] == [12, 6, 0, 3]
    model.set_weights([np.full((3, 2), 3.0), np.zeros(2)])
    assert [np.sum(value) for value in function([])] == [36, 54, -12, 9]
    assert [np.sum(K.eval(tensor)) for tensor in tensors] == [36, 54, -12, 9]
    assert tensors[1].get_shape().as_list() == []


def test_losses_and_metrics_read_tensors_of_weights():
    model, layer = _model()
    penalty = K.sum(K.square(layer.kernel))
    found = _losses(model, lambda t, p: K.mean(K.square(t - p), -1) + 0.1 * penalty)["loss"]
    np.testing.assert_allclose(found, [2.034999, 1.978907, 1.925111], rtol=1e-5)

    model, layer = _model()
    size = K.sum(K.square(layer.kernel))

    def size_of_kernel(y_true, y_pred):
        return size

    found = _losses(model, "mse", metrics=[size_of_kernel])["size_of_kernel"]
    np.testing.assert_allclose(found, [6.0, 5.916891, 5.835821], rtol=1e-5)


def test_a_metric_returns_a_tensor_of_the_graph():
    model, _ = _model()
    energy = K.mean(K.square(model.output))

    def energy_of_outputs(y_true, y_pred):
        return energy

    found = _losses(model, "mse", metrics=[energy_of_outputs])["energy_of_outputs"]
    np.testing.assert_allclose(found[:2], [3.735, 3.661581], rtol=1e-5)
    np.testing.assert_allclose(_losses(_model()[0], "mse")["loss"][0], 1.435, rtol=1e-5)


def test_add_loss_of_tensors_of_weights():
    model, layer = _model()
    model.add_loss(keras.regularizers.l2(0.1)(layer.kernel))
    model.add_loss(0.01 * K.sum(K.abs(layer.bias + 1)))
    model.set_weights([np.full((3, 2), 3.0), np.zeros(2)])
    np.testing.assert_allclose(_losses(model, "mse")["loss"], [30.135, 28.968447, 27.852327], rtol=1e-6)
    assert len(model.losses) == 2
    weights = [np.ones(4)]
    total = K.function(model.inputs + model.targets + model.sample_weights, [model.total_loss])([X, Y, *weights])[0]
    np.testing.assert_allclose(total, model.evaluate(X, Y, verbose=0), rtol=1e-6)


def test_lambda_layers_and_gradients_of_tensors_of_weights():
    model, layer = _model()
    transposed = K.transpose(layer.kernel)
    decoded = keras.layers.Lambda(lambda h: K.dot(h, transposed))(model.output)
    tied = keras.models.Model(model.input, decoded)
    tied.compile("sgd", "mse")
    found = tied.fit(X, X, epochs=2, verbose=0, shuffle=False).history["loss"]
    np.testing.assert_allclose(found, [10.381666, 6.354355], rtol=1e-6)
    gradients = K.function([], K.gradients(K.sum(K.square(layer.kernel)), layer.kernel))
    np.testing.assert_allclose(gradients([])[0], 2 * K.get_value(layer.kernel))


def test_updates_of_weights_by_a_function():
    model, layer = _model()
    clip = K.function([], [], updates=[K.update(w, K.clip(w, -0.5, 0.5)) for w in model.trainable_weights])
    model.set_weights([np.full((3, 2), 3.0), np.zeros(2)])
    clip([])
    np.testing.assert_allclose(layer.get_weights()[0], np.full((3, 2), 0.5))


def test_tensors_of_weights_have_values_for_programs_that_show_no_release():
    """Keras since 2.4 computed at once; in earlier releases these are errors."""
    layer = _model()[1]
    total = K.sum(layer.kernel)
    assert (float(total), int(total), bool(total > 5), total.numpy(), f"{total:.1f}") == (6, 6, True, 6, "6.0")
    np.testing.assert_allclose(np.asarray(layer.kernel * 2), np.full((3, 2), 2.0))
    layer.kernel.assign(layer.kernel * 3)
    np.testing.assert_allclose(K.get_value(layer.kernel), np.full((3, 2), 3.0))
    era.set_release(era.Release(2, True, (2, 2)))
    with pytest.raises(SymbolicError, match=r"given to a float\(\)"):
        float(total)
    assert not hasattr(total, "numpy")
