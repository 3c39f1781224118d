"""The value of `training` where it is not given: the signatures of the layers decide, as in Keras."""

import keras
import numpy as np
import pytest

import gazelle

X = np.full((4, 2, 2, 3), 100.0, "float32")


def stack(k, *kinds):
    return k.Sequential(
        [{"bright": lambda: k.layers.RandomBrightness(0.2), "drop": lambda: k.layers.Dropout(0.9)}[w]() for w in kinds]
    )


def own(k, default):
    """A layer of one's own that has dropout inside, and says how it is called by itself."""

    class Own(k.layers.Layer):
        def __init__(self):
            super().__init__()
            self.drop = k.layers.Dropout(0.9)

    if default is None:
        Own.call = lambda self, x: self.drop(x)
    elif default:
        Own.call = _trains
    else:
        Own.call = _asks
    return Own()


def _trains(self, x, training=True):
    return self.drop(x)


def _asks(self, x, training=None):
    return self.drop(x, training=training)


@pytest.mark.parametrize(
    ("make", "kwargs"),
    [
        (lambda k: stack(k, "bright"), {}),
        (lambda k: stack(k, "bright"), {"training": False}),
        (lambda k: stack(k, "drop"), {}),
        (lambda k: stack(k, "drop"), {"training": True}),
        (lambda k: k.layers.RandomBrightness(0.2), {}),
        (lambda k: k.layers.RandomBrightness(0.2), {"training": None}),
        (lambda k: k.layers.Pipeline([k.layers.RandomBrightness(0.2)]), {}),
        (lambda k: own(k, True), {}),
        (lambda k: own(k, None), {}),
        (lambda k: own(k, False), {}),
        (lambda k: own(k, False), {"training": True}),
    ],
)
def test_as_keras(make, kwargs):
    changed = [not np.allclose(np.asarray(make(k)(X, **kwargs)), X, atol=1e-3) for k in (keras, gazelle)]
    assert changed[1] == changed[0]


def test_in_a_stack_each_layer_by_its_own_signature():
    np.testing.assert_array_equal(np.asarray(stack(gazelle, "drop")(X)), X)
    both = np.asarray(stack(gazelle, "drop", "bright")(X))
    assert (both != 0).all()  # nothing was dropped
    assert (both != X).any()


def test_predict_never_trains():
    np.testing.assert_allclose(stack(gazelle, "bright").predict(X, verbose=0), X)
