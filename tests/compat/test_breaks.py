"""Usage in programs for earlier Keras that Keras 3 refuses or interprets differently, one row each."""

import contextlib
import sys
import warnings

import numpy as np
import pytest

import gazelle
from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import settings
from tests.compat.breaks import backend, imports, models, optimizers, windows
from tests.compat.breaks import layers as layer_rows

keras = root("keras")
layers = keras.layers

#: row -> (era, lines); they run with the names of Keras as `gazelle run` gives them, and assert by themselves
ROWS = {
    row: lines
    for part in (imports, layer_rows, windows, models, optimizers, backend)
    for row, lines in part.ROWS.items()
}
X, Y = np.random.default_rng(0).random((16, 3), "float32"), np.ones((16, 1), "float32")


def mlp(optimizer="sgd", metrics=None):
    model = keras.Sequential([layers.Dense(4, input_dim=3), layers.Dense(1)])
    model.compile(optimizer=optimizer, loss="mse", metrics=metrics)
    return model


@contextlib.contextmanager
def of_era(number, standalone=True):
    """A process of this era, with `keras` meaning gazelle, without the real one."""

    hidden = {
        name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in ("keras", "tensorflow")
    }
    gazelle.uninstall()
    gazelle.install()
    era.set_release(era.Release(number, standalone))
    gazelle.utils.clear_session()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        era.set_release(era.Release(3))
        settings.set_image_data_format("channels_last")
        gazelle.uninstall()
        sys.modules.update(hidden)


@pytest.mark.parametrize("row", ROWS)
def test_row(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAZELLE_KEEP", "0")
    number, lines = ROWS[row]
    names = {"np": np, "keras": keras, "layers": layers, "mlp": mlp, "X": X, "Y": Y, "__name__": "program"}
    with of_era(number):
        exec(compile(lines.strip(), row, "exec"), names)


WRONG = {
    "argument not supported": (
        "mlp().compile('sgd', 'mse', feed_inputs=[1])",
        "feed_inputs.*is not supported",
    ),
    "unknown": ("layers.Dense(3, kernel_initialiser='zeros')", "Did you mean 'kernel_initializer'"),
    "unknown mode": (
        "from keras.layers import merge; merge([layers.Input((2,))] * 2, mode='add')",
        "mode of merge 'add'",
    ),
    "too many": ("layers.Dropout(0.5, None, 1, 2, 3)", "Dropout"),
}


@pytest.mark.parametrize("case", WRONG)
def test_says_what_is_wrong(case):
    lines, text = WRONG[case]
    with of_era(1), pytest.raises(Exception, match=text):
        exec(lines, {"mlp": mlp, "layers": layers})


@pytest.mark.parametrize("era_number", [2, 3])
def test_a_monitor_that_is_not_in_the_logs_is_a_warning(era_number, tmp_path):
    with of_era(era_number):
        kinds = keras.callbacks
        calls = [kinds.EarlyStopping("val_acc", mode="max"), kinds.ReduceLROnPlateau("no_such", mode="min")]
        calls.append(
            kinds.ModelCheckpoint(str(tmp_path / "m.keras"), monitor="val_auc", mode="max", save_best_only=True)
        )
        with pytest.warns(UserWarning, match="monitors") as caught:
            assert len(mlp().fit(X, Y, epochs=2, verbose=0, callbacks=calls).epoch) == 2
    for name in (
        "EarlyStopping monitors 'val_acc'",
        "ReduceLROnPlateau monitors 'no_such'",
        "ModelCheckpoint monitors",
    ):
        assert any(f"{name}" in str(one.message) and "not in the logs" in str(one.message) for one in caught)


@pytest.mark.parametrize("frequency", ["epoch", 1])
@pytest.mark.parametrize(("era_number", "saves"), [(2, False), (3, True)])
def test_a_checkpoint_without_its_monitor_is_saved_from_keras_3_on(era_number, saves, frequency, tmp_path):
    with of_era(era_number):
        callback = keras.callbacks.ModelCheckpoint(
            str(tmp_path / "m.keras"), "val_auc", mode="max", save_best_only=True, save_freq=frequency
        )
        with pytest.warns(UserWarning, match="ModelCheckpoint monitors 'val_auc'"):
            mlp().fit(X, Y, epochs=1, verbose=0, callbacks=[callback])
    assert (tmp_path / "m.keras").exists() == saves


@pytest.mark.parametrize("kind", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_an_unknown_mode_is_auto(kind):
    with pytest.warns(UserWarning, match=f"{kind} has no mode 'maximum': it uses 'auto'"):
        callback = getattr(keras.callbacks, kind)(
            **({"filepath": "m.keras"} if kind == "ModelCheckpoint" else {}), mode="maximum"
        )
    assert callback.mode == "auto"


def test_an_unknown_argument_of_compile_was_ignored():
    model = mlp()
    with of_era(1), pytest.warns(UserWarning, match="Argument metric of compile is ignored"):
        exec("model.compile('sgd', 'mse', metric=['mae'])", {"model": model})
    assert model.metrics_names == ["loss"]


@pytest.mark.parametrize(("standalone", "error"), [(False, None), (True, ValueError)])
def test_other_sizes_than_those_of_the_input(standalone, error):
    """tf.keras warned and called the layers, which check what they need."""
    model = keras.Sequential([layers.SimpleRNN(2, input_shape=(5, 1)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with of_era(2, standalone):
        if error is not None:
            with pytest.raises(error, match="expected shape"):
                model.predict(X[:, :, None], verbose=0)
            return
        with pytest.warns(UserWarning, match="expected shape"):
            assert model.predict(X[:, :, None], verbose=0).shape == (16, 1)
        with pytest.raises(ValueError, match="expected size 1"), pytest.warns(UserWarning, match="expected shape"):
            model.predict(np.ones((2, 5, 3)), verbose=0)


def test_a_sequential_model_that_took_its_shape_from_data_takes_other_ranks():
    """A model of tf.keras did not compare its input with the first one; its layers check what they need."""
    model = keras.Sequential([layers.Dense(3)])
    model(np.ones((2, 1, 1, 4), "float32"))
    with of_era(2, False):
        assert model(np.ones((5, 4), "float32")).shape == (5, 3)
    with of_era(3), pytest.raises(ValueError, match="expected shape"):
        model(np.ones((5, 4), "float32"))


def test_a_list_of_metrics_was_for_every_output():
    x = keras.Input((3,))
    model = keras.Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
    with of_era(2):
        exec("model.compile('sgd', 'mse', metrics=['mae'])", {"model": model})
    history = model.fit(X[:, :3], [Y[:, :1], Y[:, :1]], verbose=0, keep=False).history
    assert {"a_mae", "b_mae"} <= set(history)


@pytest.mark.parametrize("word", ["auto", keras.losses.Reduction.AUTO])
def test_reduction_of_keras_2(word):
    assert float(keras.losses.MeanSquaredError(reduction=word)(np.ones((2, 3)), np.zeros((2, 3)))) == 1.0
    with pytest.raises(ValueError, match="Unknown reduction 'autos'"):
        keras.losses.MeanSquaredError(reduction="autos")
