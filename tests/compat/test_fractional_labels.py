"""Class indices with a fraction: Keras trains with the class below, a program gets a warning."""

import numpy as np
import pytest

from gazelle.core.errors import DataError


def _model(keras):
    model = keras.models.Sequential([keras.layers.Dense(3, activation="softmax", input_shape=[4])])
    model.layers[0].set_weights([np.arange(12.0).reshape(4, 3) / 10, np.zeros(3)])
    model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    return model


X = np.random.RandomState(0).rand(40, 4).astype("float32")
Y = np.random.RandomState(1).randint(0, 3, 40) / 2.0 + 0.2


def test_they_are_truncated_with_a_warning(keras_2):
    model = _model(keras_2)
    with pytest.warns(UserWarning, match="expected integers from 0 to 2"):
        history = model.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
    with pytest.warns(UserWarning, match="expected integers from 0 to 2"):
        loss = model.evaluate(X, Y, verbose=0)[0]
    assert history["loss"] == pytest.approx([1.2681744, 1.2501166], rel=1e-5)  # of TensorFlow 2.15
    assert loss == pytest.approx(model.evaluate(X, Y.astype(int), verbose=0)[0])


@pytest.mark.parametrize("label", [-0.5, 3.5, np.nan])
def test_those_outside_of_the_classes_are_errors(keras_2, label):
    with pytest.raises(DataError, match="expected integers from 0 to 2"):
        _model(keras_2).fit(X, np.where(np.arange(40) == 7, label, Y), verbose=0)
