"""SwapEMAWeights: averages are evaluated, then taken back."""

import numpy as np
import pytest
from callback_runs import X, Y, fit, made

import gazelle
from gazelle import callbacks


def averaged():
    return gazelle.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)


def test_averages_are_evaluated_and_taken_back():
    plain, swapped = made(averaged()), made(averaged())
    swap = callbacks.SwapEMAWeights()
    history = fit(swapped, [swap], epochs=3, validation_data=(X, Y))
    other = fit(plain, [], epochs=3, validation_data=(X, Y))
    assert history.history["loss"] == pytest.approx(other.history["loss"], rel=1e-6)  # the training is the same
    assert abs(history.history["val_loss"][0] - other.history["val_loss"][0]) > 1e-6
    for a, b in zip(plain.get_weights(), swapped.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_averages_are_what_keras_evaluates():
    keras = pytest.importorskip("keras")
    results = []
    for namespace in (gazelle, keras):
        model = namespace.Sequential([namespace.layers.Input((3,)), namespace.layers.Dense(3)])
        model.compile(namespace.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
        model.set_weights([np.full((3, 3), 0.1, "float32"), np.zeros(3, "float32")])
        swap = namespace.callbacks.SwapEMAWeights(swap_on_epoch=True)
        logs = model.fit(X, Y, batch_size=8, epochs=3, verbose=0, shuffle=False, callbacks=[swap])
        results.append((logs.history["loss"], model.get_weights()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_no_averages():
    with pytest.raises(RuntimeError, match="expected an optimizer with use_ema=True"):
        fit(made(), [callbacks.SwapEMAWeights()], validation_data=(X, Y))
