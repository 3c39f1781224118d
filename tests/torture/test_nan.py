"""A loss that becomes NaN: the last finite checkpoint and state remain, whether training stops or continues."""

import numpy as np
import pytest

import gazelle
from gazelle import layers, optimizers
from gazelle.callbacks import LambdaCallback, ModelCheckpoint
from gazelle.models import load_model
from gazelle.saving.checkpoint_paths import newest

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")


@pytest.mark.parametrize("how", ["save_best_only", "every epoch", "save_weights_only"])
@pytest.mark.parametrize("stops", [True, False], ids=["stops", "goes on"])
def test_the_checkpoint_before_it_stays(stops, how, tmp_path):
    model = gazelle.Sequential([layers.Input((4,)), layers.Dense(1)], name="diverged")
    model.compile(optimizers.SGD(0.01), "mse")
    path = tmp_path / ("m.weights.h5" if how == "save_weights_only" else "m.keras")
    checkpoint = ModelCheckpoint(
        path, "loss", save_best_only=how == "save_best_only", save_weights_only=how == "save_weights_only"
    )
    files, weights = [], []

    def diverge(epoch, logs):
        if epoch == 1:  # the second epoch's file is the last good one
            files.append(path.read_bytes())
            weights.append(model.get_weights())
            model.optimizer.learning_rate.assign(1e30)

    def fit():
        callbacks = [checkpoint, LambdaCallback(on_epoch_end=diverge)]
        return model.fit(X, X[:, :1], epochs=4, verbose=0, callbacks=callbacks, stop_on_nan=stops)

    with pytest.warns() as told:
        history = fit()
    said = "\n".join(str(one.message) for one in told)
    assert ("training stopped" in said) == stops
    assert "ModelCheckpoint does not save after epoch" in said
    assert "the previous file is kept" in said
    assert not np.isfinite(history.history["loss"][-1])
    good = np.isfinite(history.history["loss"]).sum()
    if good == 2:  # the first step at the new rate was the bad one
        assert path.read_bytes() == files[0]
    if how != "save_weights_only":
        assert all(np.isfinite(w).all() for w in load_model(path).get_weights())
    else:
        model.load_weights(path)
        assert all(np.isfinite(w).all() for w in model.get_weights())
    if stops:
        tensors, _, _ = newest("diverged")
        assert all(np.isfinite(a).all() for name, a in tensors.items() if name.startswith("params/"))
