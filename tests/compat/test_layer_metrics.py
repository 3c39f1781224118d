"""Layers with state as metrics of Keras 2.1 and 2.2; the package keras-metrics has the numbers of Keras 2.2.4."""

import numpy as np
import pytest

X = np.random.RandomState(0).normal(size=(40, 2)).astype("float32")
Y = (X[:, 0] > 0.3).astype("float32")


@pytest.mark.parametrize("labels", [Y, Y[:, None]], ids=["vector", "column"])
def test_the_state_of_a_layer_counts_over_the_epoch(keras_2, labels):
    K = keras_2.backend

    class Hits(keras_2.layers.Layer):
        def __init__(self, name="hits", **kwargs):
            super().__init__(name=name, **kwargs)
            self.stateful = True
            self.hits = K.variable(0, dtype="int32")

        def reset_states(self):
            K.set_value(self.hits, 0)

        def __call__(self, y_true, y_pred):
            found = K.sum(K.cast(K.round(y_true), "int32") * K.cast(K.round(y_pred), "int32"))
            before = self.hits * 1
            self.add_update(K.update_add(self.hits, found), inputs=[y_true, y_pred])
            return found + before

    model = keras_2.models.Sequential([keras_2.layers.Dense(1, activation="sigmoid", input_dim=2)])
    model.set_weights([np.array([[3.0], [0.5]]), np.zeros(1)])
    model.compile("sgd", "binary_crossentropy", metrics=[Hits()])
    model.optimizer.lr = 0.0
    expected = int((Y * (model.predict(X)[:, 0] > 0.5)).sum())
    history = model.fit(X, labels, epochs=2, batch_size=8, verbose=0).history
    assert history["hits"] == [expected, expected]
    assert model.evaluate(X, labels, batch_size=8, verbose=0)[1] == expected
    assert expected > 5


def test_variables_that_a_first_call_creates_count_and_are_loaded_by_name(keras_2, tmp_path):
    K = keras_2.backend

    class Hits(keras_2.layers.Layer):
        """As in keras-metrics: no variables until the first call, no config."""

        def __init__(self, name="hits", **kwargs):
            super().__init__(name=name, **kwargs)
            self.stateful = True

        def __getattribute__(self, name):
            if name == "get_config":
                raise AttributeError
            return object.__getattribute__(self, name)

        def reset_states(self):
            K.set_value(self.hits, 0)

        def __call__(self, y_true, y_pred):
            if not hasattr(self, "hits"):
                self.hits = K.variable(0, dtype="int32")
            found = K.sum(K.cast(K.round(y_true), "int32") * K.cast(K.round(y_pred), "int32"))
            before = self.hits * 1
            self.add_update(K.update_add(self.hits, found), inputs=[y_true, y_pred])
            return found + before

    def named():
        metric = Hits()
        metric.__name__ = "binary_hits"
        return metric

    model = keras_2.models.Sequential([keras_2.layers.Dense(1, activation="sigmoid", input_dim=2)])
    model.set_weights([np.array([[3.0], [0.5]]), np.zeros(1)])
    model.compile("sgd", "binary_crossentropy", metrics=[named()])
    expected = int((Y * (model.predict(X)[:, 0] > 0.5)).sum())
    assert model.evaluate(X, Y, batch_size=8, verbose=0)[1] == expected > 5
    assert model.evaluate(X, Y, batch_size=8, verbose=0)[1] == expected
    model.save(str(tmp_path / "model.h5"))
    loaded = keras_2.models.load_model(str(tmp_path / "model.h5"), custom_objects={"binary_hits": named()})
    assert loaded.evaluate(X, Y, batch_size=8, verbose=0)[1] == expected
