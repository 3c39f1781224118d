"""Mistakes of somebody's first hour with gazelle: each error states the mistake and the fix.

`tests/models/test_errors.py` has others; the texts of both are in the table of Chinese texts.
"""

import inspect
import io

import numpy as np
import pandas as pd
import pytest

import gazelle
from gazelle import callbacks, datasets, layers, losses, metrics, models, optimizers, utils
from gazelle.core import outdated
from gazelle.core.errors import GazelleError
from tests.models import error_texts

R = np.random.default_rng(0)
X = R.normal(size=(40, 6)).astype("float32")
Y = R.integers(0, 3, 40)
B = (Y > 0).astype("float32")
FRAME = pd.DataFrame({"age": [1.0, 2, 3, 4], "town": ["x", "y", "x", "y"], "ill": [0, 1, 0, 1]})


def network(units=3, activation="softmax", loss="sparse_categorical_crossentropy", shape=(6,), **more):
    model = gazelle.Sequential([gazelle.Input(shape), layers.Dense(units, activation=activation)])
    model.compile("adam", loss, **more)
    return model


def fit(model, x=X, y=Y, **more):
    return model.fit(x, y, verbose=0, keep=False, **more)


def compiled(*chain, loss="mse"):
    model = gazelle.Sequential(list(chain))
    model.compile("sgd", loss)
    return model


def network_without_optimizer():
    model = gazelle.Sequential([gazelle.Input((6,)), layers.Dense(3)])
    model.compile(optimizer=None, loss="mse")
    return model


def branches(outputs, loss="mse"):
    x = gazelle.Input((6,), name="age")
    model = gazelle.Model(x, outputs(x))
    model.compile("sgd", loss)
    return model


class WithForward(gazelle.Model):
    def forward(self, x):
        return x


class WithoutReturn(gazelle.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        self.dense(x)


class LayerInCall(layers.Layer):
    def call(self, x):
        return layers.Dense(3)(x)


class WithoutSelf(layers.Layer):
    def call(x):  # noqa: N805 - the mistake
        return x


class WithUpdate(metrics.Metric):
    def update(self, y_true, y_pred):
        pass

    def compute(self):
        pass


def unconnected():
    a, b = gazelle.Input((3,)), gazelle.Input((3,))
    return gazelle.Model(a, layers.Dense(1)(b))


def rows():
    yield from zip(X, Y, strict=True)


def unknown_layer():
    class Mine(layers.Layer):
        def call(self, x):
            return x

    compiled(gazelle.Input((3,)), Mine()).save("custom.keras")
    models.load_model("custom.keras")


def only_weights():
    network().save_weights("some.weights.h5")
    models.load_model("some.weights.h5")


def other_weights():
    network().save_weights("three.weights.h5")
    network(5).load_weights("three.weights.h5")


def shared_optimizer():
    adam = optimizers.Adam()
    for units in (3, 4):
        model = gazelle.Sequential([gazelle.Input((6,)), layers.Dense(units, name="same")])
        model.compile(adam, "mse")
        fit(model, X, np.ones((40, units)))


MISTAKES = {
    "fit(y, x)": (lambda: fit(network(), Y, X), ["expected shape (None, 6), got shape (40,)", "fit(x, y)"]),
    "fit(y, x) without Input": (lambda: fit(compiled(layers.Dense(1)), Y, X), ["Dense", "x and y look swapped"]),
    "keys of History": (lambda: fit(network())["loss"], ["History", "history.history['loss']"]),
    "attributes of History": (lambda: fit(network()).loss, ["no 'loss'", "history.history['loss']"]),
    "forward instead of call": (lambda: WithForward()(X), ["has no call method", "Rename its method 'forward'"]),
    "update instead of update_state": (lambda: WithUpdate().update_state(B, B), ["no update_state", "'update'"]),
    "compute instead of result": (lambda: WithUpdate().result(), ["no result method", "Rename its method 'compute'"]),
    "call without return": (
        lambda: compiled(WithoutReturn()).predict(X, verbose=0),
        ["expected tensors, got None", "without `return`"],
    ),
    "a layer made in call": (lambda: fit(compiled(LayerInCall()), X, X[:, :3]), ["'kernel'", "in __init__ or build"]),
    "call without self": (lambda: WithoutSelf()(X), ["WithoutSelf", "takes 1 positional argument but 2 were given"]),
    "a loss with one argument": (
        lambda: type("Mine", (losses.Loss,), {"call": lambda self, y: y})(),
        ["Mine.call", "expected def call(self, y_true, y_pred), got def call(self, y)"],
    ),
    "a callback without logs": (
        lambda: fit(network(), callbacks=[type("Mine", (callbacks.Callback,), {"on_epoch_end": lambda _, epoch: 0})()]),
        ["expected def on_epoch_end(self, epoch, logs=None), got def on_epoch_end(_, epoch)"],
    ),
    "an optimizer's class": (
        lambda: network().compile(optimizers.Adam, "mse"),
        ["optimizer", "Call the class: Adam()"],
    ),
    "a rate in quotes": (lambda: optimizers.Adam("0.01"), ["learning_rate of Adam", "got '0.01'"]),
    "a negative rate": (lambda: optimizers.SGD(-0.1), ["learning_rate of SGD", "at least 0", "got -0.1"]),
    "the rate in the place of the loss": (lambda: network(loss=0.01), ["0.01 is not a valid loss", "a name"]),
    "a metric for a loss": (lambda: network(loss="accuracy"), ["Unknown loss 'accuracy'", "compile(metrics=...)"]),
    "the start of a name": (lambda: fit(network(metrics=["f1"])), ["Unknown metric 'f1'", "'f1_score'"]),
    "no Flatten": (
        lambda: fit(compiled(layers.Conv2D(4, 3), loss="sparse_categorical_crossentropy"), np.ones((40, 8, 8, 1))),
        ["cannot compare", "Flatten or a global pooling layer"],
    ),
    "one-hot labels for a sparse loss": (lambda: fit(network(), X, np.eye(3)[Y]), ["one-hot", "categorical_crossent"]),
    "classes for three sigmoids": (
        lambda: fit(network(3, "sigmoid", "binary_crossentropy")),
        ["expected y of shape (32, 3), got y of shape (32,)", "to_categorical(y, 3)"],
    ),
    "a function for a callback": (lambda: fit(network(), callbacks=[print]), ["callbacks", "LambdaCallback"]),
    "the name of a callback": (lambda: fit(network(), callbacks="early_stopping"), ["'early_stopping'", "Callback"]),
    "no validation to monitor": (
        lambda: fit(network(), callbacks=[callbacks.EarlyStopping()]),
        ["monitors 'val_loss'", "expected one of loss", "monitor='loss'"],
    ),
    "a schedule that is a number": (
        lambda: fit(network(), callbacks=[callbacks.LearningRateScheduler(0.1)]),
        ["LearningRateScheduler: expected a function, got 0.1", "lambda epoch, rate"],
    ),
    "an output without its Input": (unconnected, ["every Input among inputs", "Add this Input"]),
    "a model without outputs": (
        lambda: gazelle.Model(gazelle.Input((3,))),
        ["expected outputs, got None", "last layer"],
    ),
    "a name for a layer": (lambda: compiled("relu"), ["Sequential", "expected a layer, got 'relu'"]),
    "recurrent layers without sequences": (
        lambda: compiled(gazelle.Input((5, 2)), layers.LSTM(3), layers.LSTM(3)),
        ["expected 3 axes (batch, time, features)", "return_sequences=True"],
    ),
    "images that became too small": (
        lambda: compiled(gazelle.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.MaxPooling2D(2), layers.Conv2D(2, 3)),
        ["Conv2D", "at least (3, 3)", "padding='same'"],
    ),
    "a wrong size for Reshape": (lambda: layers.Reshape((4, 4))(gazelle.Input((15,))), ["expected 16 elements", "15"]),
    "Add of two sizes": (lambda: layers.Add()([gazelle.Input((3,)), gazelle.Input((4,))]), ["equal sizes on axis 1"]),
    "percent for Dropout": (lambda: layers.Dropout(50), ["rate of Dropout", "from 0 to 1, got 50"]),
    "numbers for an Embedding": (
        lambda: fit(compiled(gazelle.Input((6,)), layers.Embedding(9, 2), layers.Flatten(), layers.Dense(1)), X, B),
        ["Ids for the Embedding", "integers from 0 to 8", "Dense"],
    ),
    "words for pad_sequences": (lambda: utils.pad_sequences(["abc"]), ["sequences of numbers, got 'abc'", "TextVect"]),
    "labels from 1 for to_categorical": (lambda: utils.to_categorical([1, 2, 3], 3), ["from 0 to 2, got 3", "y - 1"]),
    "a column of text": (
        lambda: fit(network(1, "sigmoid", "binary_crossentropy", (2,)), FRAME[["age", "town"]], FRAME["ill"]),
        ["column 'town'", "StringLookup"],
    ),
    "the name of a column": (lambda: fit(network(), X, "ill"), ["y: expected numbers", "frame['ill']"]),
    "a generator of rows": (lambda: network().fit(rows(), verbose=0), ["y: expected", "batches of (x, y)", "batched"]),
    "a generator that was used": (lambda: network().fit(iter(()), verbose=0), ["at least one batch, got none"]),
    "two outputs and one array": (
        lambda: fit(branches(lambda x: [layers.Dense(1)(x), layers.Dense(1)(x)]), X, B),
        ["one array per output", "got one array", "a list or a dict"],
    ),
    "an input by another name": (
        lambda: fit(branches(layers.Dense(1)), {"agee": X}, B),
        ["expected keys ['age'], got keys ['agee']"],
    ),
    "evaluate without labels": (lambda: network().evaluate(X, verbose=0), ["needs labels", "evaluate(x, y)"]),
    "class_weight by name": (lambda: fit(network(), class_weight="balanced"), ["class_weight", "a dict such as"]),
    "weights saved as a model": (lambda: network().save_weights("m.keras"), ["save_weights", "model.save('m.keras')"]),
    "weights loaded as a model": (only_weights, ["only weights", "load_weights"]),
    "a layer of one's own in a file": (unknown_layer, ["Mine", "custom_objects={'Mine': ...}"]),
    "weights of another shape": (other_weights, ["expected (6, 5) float32, got (6, 3)", "skip_mismatch=True"]),
    "one optimizer for two models": (shared_optimizer, ["The Adam of model", "(6, 4)", "Make an optimizer for each"]),
    "an image that is not there": (
        lambda: utils.load_img("cat.png"),
        ["'cat.png' cannot be read", "none of this name"],
    ),
    "methods of earlier Keras": (lambda: network().predict_classes(X), ["no predict_classes", "predict(x).argmax(-1)"]),
    "the class of an activation": (
        lambda: layers.Dense(3, activation=layers.ReLU),
        ["activation of Dense: ReLU is not a valid activation", "got the class ReLU", "Call the class: ReLU()."],
    ),
    "a tensor for an activation": (
        lambda: layers.Dense(3, gazelle.Input((3,))),
        ["activation of Dense: <KerasTensor", "is not a valid activation"],
    ),
    "no optimizer": (
        lambda: fit(network_without_optimizer(), X, X[:, :3]),
        ["was compiled without an optimizer", "compile(optimizer='adam', loss=...)"],
    ),
    "channels first": (
        lambda: compiled(gazelle.Input((8, 9, 3)), layers.Conv2D(2, 3)).predict(np.zeros((2, 3, 8, 9)), verbose=0),
        ["expected shape (None, 8, 9, 3), got shape (2, 3, 8, 9)", "np.moveaxis(x, 1, -1)"],
    ),
    "fractions for to_categorical": (
        lambda: utils.to_categorical([1, 0.5]),
        ["to_categorical: expected integers, got [0.5] of float64"],
    ),
    "fractions for percent of validation": (
        lambda: fit(network(), validation_split=20),
        ["validation_split: expected a fraction between 0 and 1, got 20"],
    ),
    "a number in quotes": (lambda: layers.Dense("64"), ["units of Dense: expected a positive integer, got '64'"]),
    "epochs in quotes": (lambda: fit(network(), epochs="10"), ["epochs: expected an integer", "got '10'"]),
    "layers without brackets": (
        lambda: gazelle.Sequential(layers.Dense(3), layers.Dense(1)),
        ["Sequential: expected a list of layers", "Put the layers into brackets"],
    ),
    "the class of a layer": (lambda: compiled(layers.Dense), ["got the class Dense", "Make one: Dense(...)"]),
    "arrays for a Model": (lambda: gazelle.Model(X, X), ["symbolic tensors made by Input", "got ndarray"]),
    "the path of an image for predict": (
        lambda: network().predict("cat.png", verbose=0),
        ["got dtype <U7 with 'cat.png'", "load_img"],
    ),
    "an unknown layer": (lambda: network().get_layer("hidden"), ["Unknown layer of model", "Known: dense"]),
    "a tuple for x and y": (
        lambda: network().fit((X, Y), verbose=0, keep=False),
        ["expected one array", "got 2", "fit(x, y)"],
    ),
    "two layers of one name": (
        lambda: compiled(layers.Dense(2, name="a"), layers.Dense(2, name="a")),
        ["Sequential.add of 'a': expected a unique name"],
    ),
    "NumPy on a tensor": (lambda: np.exp(gazelle.Input((3,))), ["was given to a NumPy function", "Use gazelle.ops"]),
    "if on a tensor": (lambda: bool(gazelle.Input((3,)) > 0), ["Python condition", "Use gazelle.ops"]),
    "a function for data": (lambda: network().fit(rows, verbose=0), ["got the function rows", "Call it: rows()."]),
    "a list of class weights": (lambda: fit(network(), class_weight=[1, 2, 3]), ["class_weight", "dict(enumerate"]),
    "the class of a callback": (
        lambda: fit(network(), callbacks=[callbacks.EarlyStopping]),
        ["got the class EarlyStopping", "Write EarlyStopping(...)"],
    ),
    "a picture without an ending": (lambda: utils.plot_model(network(), "m"), ["to_file of plot_model", ".png"]),
    "two arguments for Concatenate": (
        lambda: layers.Concatenate()(gazelle.Input((3,)), gazelle.Input((3,))),
        ["expected a list of tensors", "Concatenate(...)([a, b])"],
    ),
    "a size for Flatten": (lambda: layers.Flatten(784), ["Unknown data_format of Flatten 784", "channels_last"]),
    "validation_split without subset": (
        lambda: utils.image_dataset_from_directory(".", validation_split=0.2),
        ["validation_split and subset", "got 0.2 and None"],
    ),
    "a typing error in a mode": (
        lambda: callbacks.EarlyStopping(mode="minimum"),
        ["Unknown mode of EarlyStopping 'minimum'", "'min'"],
    ),
    "lower case": (lambda: layers.dense(3), ["gazelle.layers has no 'dense'", "did you mean 'Dense'"]),
    "an unknown local dataset": (lambda: datasets.local("mnist"), ["Unknown local dataset 'mnist'", "'mnist_5k'"]),
    "an empty file": (lambda: models.load_model(io.BytesIO()), ["contains no model", "expected a .keras or .h5 file"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_explained(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mistake, words = MISTAKES[name]
    with pytest.raises(GazelleError) as caught:
        mistake()
    error_texts.check(caught.value, words)


OF_OPTIMIZERS = ("param_groups", "step", "zero_grad")


@pytest.mark.parametrize("name", outdated.OTHER_LIBRARIES)
def test_methods_of_other_libraries(name):
    owner = optimizers.SGD() if name in OF_OPTIMIZERS else network()
    assert not hasattr(owner, name)
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    error_texts.check(caught.value, [f"{type(owner).__name__} has no {name}.\n", outdated.OTHER_LIBRARIES[name]])


def test_the_overview_names_all_namespaces():
    modules = [name for name in gazelle.__all__ if inspect.ismodule(getattr(gazelle, name))]
    assert [name for name in modules if f"gazelle.{name}" not in gazelle.__doc__] == []


@pytest.mark.parametrize("name", ["m", "m.pkl", "m.pt"])
def test_a_name_without_the_ending_is_reported(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match=rf"writes the .keras format into '{name}'.\n.*save\('m.keras'\)"):
        network().save(name)
    assert models.load_model(name).built
    network().save(name, save_format="keras")


def test_loaded_names_are_not_displayed_in_notebooks(tmp_path):
    model = network()
    model.save_weights(tmp_path / "a.weights.h5")
    names = model.load_weights(tmp_path / "a.weights.h5")
    assert names == [model.layers[0].name]
    assert names._ipython_display_() is None
