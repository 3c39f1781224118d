"""Objects and models in pickles and open files, and processes that receive them."""

import io
import multiprocessing.spawn
import pickle
import subprocess
import sys

import numpy as np
import pytest

import gazelle
from gazelle.cli import import_aliases, workers
from gazelle.compat import era
from gazelle.compat.namespaces import root

cloudpickle = pytest.importorskip("cloudpickle")
keras = root("keras")
layers = keras.layers
X = np.ones((4, 3), "float32")


class Twice(layers.Layer):
    def call(self, x):
        return keras.ops.add(x, x)


def _model():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation=keras.activations.linear), Twice()])
    model.compile("adam", "mse")
    return model


SAME = {
    "activation": lambda: keras.activations.relu,
    "linear": lambda: keras.activations.linear,
    "loss": lambda: keras.losses.mean_squared_error,
    "class": lambda: layers.Dense,
    "function": lambda: keras.models.load_model,
    "namespace": lambda: layers,
    "root": lambda: keras,
    "op": lambda: keras.ops.relu,
}
EQUAL = {
    "initializer": lambda: keras.initializers.GlorotUniform(),
    "optimizer": lambda: keras.optimizers.Adam(0.1),
    "metric": lambda: keras.metrics.MeanAbsoluteError(),
    "schedule": lambda: keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9),
    "regularizer": lambda: keras.regularizers.L2(0.1),
}


@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
@pytest.mark.parametrize("name", [*SAME, *EQUAL])
def test_pickles(name, module, tf):
    value = (SAME.get(name) or EQUAL[name])()
    for protocol in (2, 5):
        copy = pickle.loads(module.dumps(value, protocol))
        assert copy is value if name in SAME else copy.get_config() == value.get_config()


@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
def test_models(module, tf):
    model = _model()
    copy = pickle.loads(module.dumps(model))
    np.testing.assert_array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0))
    assert type(copy.layers[0]) is layers.Dense


def test_workers_are_told(installed):
    era.set_release(era.Release(2, False))
    try:
        data = pickle.dumps(multiprocessing.spawn.get_preparation_data("worker")["gazelle"])
        gazelle.uninstall()
        era.set_release(era.Release(3))
        assert isinstance(pickle.loads(data), workers.Installation)
        assert import_aliases.is_installed()
        assert (era.number(), era.standalone()) == (2, False)
        gazelle.uninstall()
        assert "gazelle" not in multiprocessing.spawn.get_preparation_data("worker")
    finally:
        era.set_release(era.Release(3))


WORKERS = """
import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import cross_val_score

class Net(ClassifierMixin, BaseEstimator):
    def fit(self, x, y):
        import keras as again
        self.classes_ = np.unique(y)
        self.model = again.Sequential([keras.layers.Dense(2, activation=keras.activations.softmax)])
        self.model.build((None, 3))
        return self

    def predict(self, x):
        return self.model.predict(x, verbose=0).argmax(-1)

if __name__ == "__main__":
    x = np.random.rand(20, 3)
    print(len(cross_val_score(Net(), x, np.arange(20) % 2, cv=2, n_jobs=2, error_score="raise")))
"""


def test_workers(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(WORKERS)
    done = subprocess.run(
        [sys.executable, "-m", "gazelle", "run", program], capture_output=True, text=True, timeout=200
    )
    assert done.stdout == "2\n", done.stderr


def test_open_files():
    model, file = _model(), io.BytesIO()
    keras.models.save_model(model, file)
    file.seek(0)
    copy = keras.models.load_model(file, custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0))


def test_functions_of_tensorflow(tf):
    """A program stores them in its settings, and another process reads these."""
    text = pickle.dumps({"nonlin": tf.nn.relu, "norm": tf.math.reduce_euclidean_norm, "losses": [tf.abs]})
    read = pickle.loads(text)
    assert read["nonlin"] is tf.nn.relu
    assert read["losses"] == [tf.abs]
    program = f"import pickle; print(pickle.loads({text!r})['norm']([3.0, 4.0]).numpy())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "5.0", done.stderr
