"""Losses in the structure of nested outputs. The numbers are those of Keras 3.15.1 on JAX, and sums by hand."""

from collections import namedtuple

import jax
import numpy as np
import pytest

from gazelle import Input, Model, layers, losses

X = np.ones((2, 3))
ONE, TEN, HUNDRED = (np.full((2, 1), value) for value in (1.0, 10.0, 100.0))
Pair = namedtuple("Pair", ["first", "second"])


def distance(y_true, y_pred):
    """The absolute errors of all outputs in a structure; both structures must be equal."""
    parts = jax.tree.map(losses.mean_absolute_error, y_true, y_pred)
    return sum(jax.tree.leaves(parts))


def dense(name, start):
    return layers.Dense(1, name=name, kernel_initializer=start)


def two_outputs(structure):
    x = Input((3,))
    return Model(x, structure(dense("y1", "ones")(x), dense("y2", "zeros")(x)))


def in_list(a, b):
    return [a, b]


def in_tuple(a, b):
    return (a, b)


def in_dict(a, b):
    return {"a": a, "b": b}


@pytest.mark.parametrize(
    ("structure", "whole"),
    [(in_tuple, list), (in_list, tuple), (Pair, list), (in_dict, list)],
    ids=lambda v: v.__name__,
)
def test_losses_of_the_whole_and_of_its_parts(structure, whole):
    model = two_outputs(structure)
    model.compile("sgd", loss=whole([distance, structure("mae", "mae")]))
    history = model.fit(X, structure(ONE, TEN), verbose=0).history
    names = ("a", "b") if structure is in_dict else ("y1", "y2")
    whole_name = "_".join(names)
    wanted = {"loss": 24.0, f"{whole_name}_loss": 12.0, f"{names[0]}_loss": 2.0, f"{names[1]}_loss": 10.0}
    assert history == {name: [value] for name, value in wanted.items()}


def test_loss_weights_have_the_structure_of_the_losses():
    model = two_outputs(in_tuple)
    loss = [distance, ("mae", "mae")]
    for factors in ([0.5, (2.0, 3.0)], [0.5, 2.0, 3.0]):
        model.compile("sgd", loss=loss, loss_weights=factors)
        assert model.evaluate(X, (ONE, TEN), verbose=0)[0] == 0.5 * 12 + 2 * 2 + 3 * 10
    model.compile("sgd", loss=loss, loss_weights=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"loss_weights=\.\.\.\): expected 3 numbers, one per loss, got 2"):
        model.evaluate(X, (ONE, TEN), verbose=0)


def test_the_same_container_is_one_loss_per_output():
    model = two_outputs(in_list)
    model.compile("sgd", loss=["mae", ["mae", "mse"]])
    assert model.evaluate(X, [ONE, TEN], verbose=0, return_dict=True)["loss"] == 2 + 10 + 100


def nested():
    x = Input((3,))
    one, two, three = dense("y1", "ones")(x), dense("y2", "zeros")(x), dense("y3", "zeros")(x)
    outputs = {"d": three, "a": (one, two), "b": {"b1": one, "b2": two}, "c": {"c1": (one, two), "c2": two}}
    labels = {"a": (ONE, TEN), "b": {"b1": ONE, "b2": TEN}, "c": {"c1": (ONE, TEN), "c2": TEN}, "d": HUNDRED}
    return Model(x, outputs), labels


LOSS = {"a": [distance, (None, "mae")], "b": [distance, {"b1": "mse"}], "c": [distance, {"c1": distance}], "d": "mae"}
LOGS = {"a": 12, "a/y2": 10, "b": 12, "b/b1": 4, "c": 22, "c/c1": 12, "d": 100}


def test_losses_of_nested_dicts_have_the_names_of_their_paths():
    model, labels = nested()
    model.compile("sgd", loss=LOSS, metrics=None)
    logs = model.evaluate(X, labels, verbose=0, return_dict=True)
    assert logs == {"loss": 172.0} | {f"{name}_loss": float(value) for name, value in LOGS.items()}
    factors = {"a": [2.0, (0.0, 3.0)], "b": [5.0, {"b1": 7.0}], "c": [0.0, {"c1": 0.0}], "d": 1.0}
    model.compile("sgd", loss=LOSS, loss_weights=factors)
    assert model.evaluate(X, labels, verbose=0)[0] == 2 * 12 + 3 * 10 + 5 * 12 + 7 * 4 + 100


def test_outputs_without_a_loss_are_left_out():
    model, labels = nested()
    model.compile("sgd", loss={"b": {"b1": "mse"}})
    assert model.evaluate(X, labels, verbose=0) == 4.0
    half = np.array([0.0, 1.0])
    assert model.evaluate(X, labels, sample_weight=half, verbose=0) == 2.0
    everywhere = jax.tree.map(lambda _: half, labels)
    assert model.evaluate(X, labels, sample_weight=everywhere, verbose=0) == 2.0


def test_a_key_that_no_output_has():
    model, labels = nested()
    model.compile("sgd", loss={"b": {"b7": "mse"}})
    with pytest.raises(ValueError, match=r"output in compile\(loss=\.\.\.\)\['b'\] 'b7'"):
        model.evaluate(X, labels, verbose=0)


def test_labels_with_tuples_in_dicts():
    x = Input((3,))
    model = Model(x, {"p": (dense("y1", "ones")(x), dense("y2", "zeros")(x)), "q": dense("y3", "zeros")(x)})
    model.compile("sgd", loss="mae")
    logs = model.evaluate(X, {"q": HUNDRED, "p": (ONE, TEN)}, verbose=0, return_dict=True)
    assert (logs["y1_loss"], logs["y2_loss"], logs["y3_loss"]) == (2.0, 10.0, 100.0)


def test_a_loss_that_uses_a_tensor_of_the_model():
    x = Input((3,))
    hidden = layers.Dense(2, kernel_initializer="ones")(x)
    model = Model(x, (dense("y1", "ones")(hidden), dense("y2", "zeros")(x)))

    def with_hidden(y_true, y_pred):
        return distance(y_true, y_pred) + hidden[:, 0]

    model.compile("sgd", loss=[with_hidden, ("mae", None)])
    history = model.fit(X, (ONE, TEN), verbose=0).history
    assert (history["y1_y2_loss"], history["y1_loss"]) == ([5.0 + 10.0 + 3.0], [5.0])


@pytest.mark.parametrize("what", ["loss", "metrics", "weighted_metrics"])
def test_as_many_losses_or_metrics_as_outputs_under_an_unknown_name(what):
    model = two_outputs(in_list)

    def run():
        model.compile("sgd", **{"loss": "mae", what: {"y3": ["mse", "mae"]}})
        model.evaluate(X, [ONE, TEN], verbose=0)

    with pytest.raises(ValueError, match=rf"Unknown output in compile\({what}=\.\.\.\) 'y3'"):
        run()
