"""OrbaxCheckpoint: the steps in its folder."""

import numpy as np
import pytest
from callback_runs import X, fit, made

import gazelle
from gazelle import callbacks


def test_orbax_checkpoint(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    model = made(gazelle.optimizers.Adam(0.01))
    autosave = callbacks.OrbaxCheckpoint(tmp_path / "run", max_to_keep=2, save_on_background=False)
    fit(model, [autosave], epochs=3)
    assert autosave.manager.all_steps() == [1, 2]
    again = made(gazelle.optimizers.Adam(0.5), seed=1)
    assert callbacks.OrbaxCheckpoint(tmp_path / "run", max_to_keep=None).load_into(again) == 2
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert float(again.optimizer.learning_rate) == pytest.approx(0.01)
    assert fit(again, [], 1, shuffle=False).history["loss"] == fit(model, [], 1, shuffle=False).history["loss"]
    with pytest.raises(RuntimeError, match=r"has no checkpoint of step 7: expected one of \[1, 2\]"):
        autosave.load_into(again, 7)


@pytest.mark.parametrize("frequency", ["epoch", 2])
@pytest.mark.parametrize("again", [False, True])
def test_a_second_training_continues_the_steps_in_the_folder(frequency, again, tmp_path):
    pytest.importorskip("orbax.checkpoint")

    def made_callback():
        return callbacks.OrbaxCheckpoint(tmp_path, save_freq=frequency, max_to_keep=None)

    model, callback = made(), made_callback()
    fit(model, [callback], epochs=1)
    first = callback.manager.all_steps()
    fit(model, [callback if again else made_callback()], epochs=1)
    steps = made_callback().manager.all_steps()
    assert len(steps) > len(first)
    assert steps[: len(first)] == first


def test_the_folder_of_an_orbax_checkpoint_is_read_as_a_file(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    model = made(gazelle.optimizers.Adam(0.01))
    fit(model, [callbacks.OrbaxCheckpoint(tmp_path / "run"), callbacks.ModelCheckpoint(tmp_path / "m.keras")], epochs=2)
    loaded, other = gazelle.models.load_model(tmp_path / "run"), made(seed=1)
    other.load_weights(tmp_path / "run")
    third = made(seed=2)
    gazelle.saving.load_weights(third, tmp_path / "run")
    for each in (loaded, other, third):
        np.testing.assert_array_equal(each.predict(X, verbose=0), model.predict(X, verbose=0))
    assert fit(loaded, [], 1, shuffle=False).history["loss"] == fit(model, [], 1, shuffle=False).history["loss"]
    assert gazelle.models.load_model(tmp_path / "run", compile=False).optimizer is None
    fit(model, [callbacks.OrbaxCheckpoint(tmp_path / "weights", save_weights_only=True)])
    with pytest.raises(ValueError, match="expected a checkpoint with the model's config, got weights"):
        gazelle.models.load_model(tmp_path / "weights")


def test_orbax_checkpoint_keeps_the_best(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    autosave = callbacks.OrbaxCheckpoint(
        tmp_path, monitor="loss", save_best_only=True, save_weights_only=True, initial_value_threshold=0.0
    )
    fit(made(), [autosave])
    assert autosave.manager.all_steps() == []
    with pytest.raises(ValueError, match="save_freq: expected 'epoch' or a number > 0"):
        callbacks.OrbaxCheckpoint(tmp_path, save_freq="often")


def test_orbax_checkpoint_by_batches(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    autosave = callbacks.OrbaxCheckpoint(tmp_path, save_freq=2, max_to_keep=None, save_on_background=False)
    fit(made(), [autosave])
    assert autosave.manager.all_steps() == [2, 4, 6]
