"""Distillation losses and the Distiller, compared with Keras."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from deviations import same

import gazelle
from gazelle.core.errors import ArgumentError, ShapeError

BOTH = (gazelle, keras)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 4)).astype("float32"), RNG.integers(0, 3, 6)
T, S = (RNG.normal(size=(6, 3)).astype("float32") for _ in range(2))

LOSSES = {
    "logits": lambda k: k.distillation.LogitsDistillation(2.0, k.losses.KLDivergence()),
    "logits, another loss": lambda k: k.distillation.LogitsDistillation(4.0, "mse"),
    "features": lambda k: k.distillation.FeatureDistillation(),
    "features, cosine": lambda k: k.distillation.FeatureDistillation(k.losses.CosineSimilarity()),
}


@pytest.mark.parametrize("case", LOSSES)
def test_loss(case):
    same(*(LOSSES[case](k).compute_loss(jnp.asarray(T), jnp.asarray(S)) for k in BOTH))


def test_several_outputs_of_which_one_is_left_out():
    pair = [jnp.asarray(T), jnp.asarray(X)], [jnp.asarray(S), jnp.asarray(X) + 1]
    same(*(k.distillation.FeatureDistillation(["mse", "mae"]).compute_loss(*pair) for k in BOTH))
    assert float(gazelle.distillation.FeatureDistillation(["mse", None]).compute_loss(*pair)) == pytest.approx(
        float(np.mean((T - S) ** 2)), rel=1e-6
    )


def net(k, units, seed):
    model = k.Sequential(
        [k.Input((4,)), k.layers.Dense(units, "relu", name="hidden"), k.layers.Dense(5, name="wide"), k.layers.Dense(3)]
    )
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def distiller(k, **kwargs):
    losses = [
        k.distillation.LogitsDistillation(3.0, k.losses.KLDivergence()),
        k.distillation.FeatureDistillation("mse", "wide", "wide"),
    ]
    model = k.distillation.Distiller(net(k, 6, 1), net(k, 2, 2), losses, [0.5, 2.0], 0.3, **kwargs)
    model.compile(k.optimizers.SGD(0.01), k.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_a_training():
    models = [distiller(k) for k in BOTH]
    teacher = models[0].teacher.get_weights()
    kwargs = {"epochs": 2, "batch_size": 3, "shuffle": False, "verbose": 0}
    histories = [models[0].fit(X, Y, keep=False, **kwargs).history, models[1].fit(X, Y, **kwargs).history]
    for key in ("student_loss", "distillation_loss", "total_loss"):
        same(histories[0][key], histories[1][key], 1e-4)
    for mine, theirs in zip(models[0].student.get_weights(), models[1].student.get_weights()):
        same(mine, theirs, 1e-4)
    for before, after in zip(teacher, models[0].teacher.get_weights()):
        np.testing.assert_array_equal(before, after)
    same(models[0].predict(X, verbose=0), models[1].predict(X, verbose=0), 1e-4)


def test_by_name_the_divergence_is_that_of_distributions():
    """Keras takes softmax for the object KLDivergence() only; of the name it makes a divergence of raw logits."""
    by_name, by_object = (
        gazelle.distillation.LogitsDistillation(2.0, one) for one in ("kl_divergence", gazelle.losses.KLDivergence())
    )
    same(by_name.compute_loss(T, S), by_object.compute_loss(T, S))


def small(units):
    return gazelle.Sequential([gazelle.Input((4,)), gazelle.layers.Dense(units)])


KD = gazelle.distillation
REFUSED = {
    "shapes": (
        lambda: KD.Distiller(small(3), small(2), KD.LogitsDistillation()),
        ShapeError,
        "outputs of teacher and student: expected [(None, 3)], got [(None, 2)].",
    ),
    "share": (
        lambda: KD.Distiller(small(3), small(3), KD.LogitsDistillation(), student_loss_weight=2),
        ArgumentError,
        "student_loss_weight: expected a number from 0 to 1, got 2.",
    ),
    "weights": (
        lambda: KD.Distiller(small(3), small(3), KD.LogitsDistillation(), [1, 2]),
        ArgumentError,
        "distillation_loss_weights: expected 1 numbers, got [1, 2].",
    ),
    "no loss": (
        lambda: KD.Distiller(small(3), small(3), KD.LogitsDistillation()).compile(),
        ArgumentError,
        "loss of a Distiller: expected the student's loss, got none.",
    ),
    "temperature": (lambda: KD.LogitsDistillation(0), ArgumentError, "temperature: expected a number above 0, got 0."),
    "nothing": (
        lambda: KD.FeatureDistillation(None),
        ArgumentError,
        "loss of FeatureDistillation: expected a loss, got None.",
    ),
    "no model": (
        lambda: KD.Distiller(3, small(3), KD.LogitsDistillation()),
        ArgumentError,
        "teacher of Distiller: expected a model, got 3.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    act, kind, text = REFUSED[case]
    with pytest.raises(kind) as caught:
        act()
    assert str(caught.value) == text


def test_a_file_contains_the_loss_of_the_student(tmp_path):
    model = distiller(gazelle)
    model.save(tmp_path / "m.keras")
    loaded = gazelle.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-6)
    config = {**model.get_compile_config(), "loss": None}  # of Keras
    with pytest.warns(UserWarning, match="does not contain the loss of its student"):
        model.compile_from_config(config)
