"""Numbers and flags of every class as NumPy scalars, arrays without axes, arrays and lists: the object is the same."""

import importlib.util
import inspect
import json
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.serialization import serialize

_spec = importlib.util.spec_from_file_location("bad", pathlib.Path(__file__).with_name("test_bad_arguments.py"))
bad = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bad)

SCALARS = {bool: np.bool_, int: np.int64, float: np.float64}


def _numbers(value):
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(type(one) in (int, float) for one in value)


def as_scalars(value, table=SCALARS):
    if isinstance(value, (list, tuple)):
        return type(value)(as_scalars(one, table) for one in value)
    return table[type(value)](value) if type(value) in table else value


FORMS = {
    "scalars": as_scalars,
    "narrow scalars": lambda value: as_scalars(value, {**SCALARS, int: np.int32}),
    "no axes": lambda value: np.array(value) if type(value) in SCALARS else value,
    "other sequence": lambda v: (list if isinstance(v, tuple) else tuple)(v) if isinstance(v, (list, tuple)) else v,
    "arrays": lambda value: np.array(value) if _numbers(value) else value,
}


def _plain_arguments(cls, needed):
    """The arguments with numbers in them: those that are needed, and the defaults."""
    defaults = {}
    for base in reversed(cls.__mro__[:-1]):
        if "__init__" in vars(base):
            parameters = inspect.signature(inspect.unwrap(vars(base)["__init__"])).parameters.values()
            defaults |= {p.name: p.default for p in parameters if p.name in bad._parameters(cls)}
    values = {name: v for name, v in defaults.items() if type(v) in SCALARS or _numbers(v)}
    return {**values, **needed}


def _state(thing):
    if not hasattr(thing, "get_config"):  # a callback
        return {k: v for k, v in vars(thing).items() if isinstance(v, (bool, int, float, list, tuple, np.generic))}
    config = {k: v for k, v in serialize(thing)["config"].items() if k != "name"}
    arrays = {k: v["config"]["value"] for k, v in config.items() if isinstance(v, dict) and "__numpy__" in v.values()}
    return {**config, **arrays}  # such as the offset of Rescaling


def _numpy_attributes(thing):
    return [name for name, value in vars(thing).items() if isinstance(value, np.generic)]


@pytest.mark.parametrize("kind", [kind for kind in bad.KINDS if kind != "functions"])
@pytest.mark.parametrize("form", FORMS)
def test_the_object_is_the_same(kind, form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = {}
    for cls, needed, _ in bad._subjects(kind):
        given = _plain_arguments(cls, needed)
        expected = json.dumps(_state(cls(**given)), default=str)
        for names in [[name] for name in given] if kind != "layers" else [list(given)]:
            changed = {**given, **{name: FORMS[form](given[name]) for name in names}}
            label = f"{cls.__name__}({', '.join(names)})"
            try:
                thing = cls(**changed)
            except Exception as error:
                wrong[label] = f"{type(error).__name__}: {error}"
                continue
            if json.dumps(_state(thing), default=str) != expected or _numpy_attributes(thing):
                wrong[label] = f"{_numpy_attributes(thing)} {_state(thing)} is not {expected}"
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())


X, Y = np.random.default_rng(0).random((20, 4), "float32"), np.ones((20, 2), "float32")


class Logged(gazelle.callbacks.Callback):
    values = (np.float32(1), np.array(1.0), np.array([1.0]), jnp.ones(()), jnp.ones((1,)), np.int64(1), "text", None)

    def on_epoch_end(self, epoch, logs=None):
        logs["mine"] = self.values[epoch]


def test_numbers_of_fit_compile_and_logs(tmp_path, capsys):
    model = gazelle.Sequential([gazelle.Input((np.int64(4),)), layers.Dense(np.int32(2))])
    weights = np.array([0.5])
    model.compile(gazelle.optimizers.SGD(np.array([0.1])), "mse", loss_weights=weights, steps_per_execution=np.int64(2))
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    flags = {"shuffle": np.bool_(True), "initial_epoch": np.int64(0), "validation_split": np.float32(0.2)}
    sizes = {"batch_size": np.int64(8), "epochs": np.int64(8), "verbose": np.int64(2)}
    history = model.fit(X, Y, **flags, **sizes, callbacks=[Logged(), gazelle.callbacks.CSVLogger(tmp_path / "log.csv")])
    assert len(history.history["mine"]) == 8
    printed = capsys.readouterr().out
    assert printed.count("mine: 1.0000") == 6
    assert "mine: text" in printed
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 9
    for rate in (np.float32(0.5), np.array(0.5), np.array([0.5]), jnp.asarray([0.5])):
        model.optimizer.learning_rate = rate
        assert float(model.optimizer.learning_rate) == 0.5


def test_shapes_and_sizes():
    assert layers.Layer().add_weight(shape=np.array([3, 2])).shape == (3, 2)
    assert layers.Layer().add_weight(shape=np.int64(3)).shape == (3,)
    assert gazelle.random.normal(np.array([2, 3])).shape == (2, 3)
    assert gazelle.random.uniform(jnp.array([4])).shape == (4,)
    assert layers.Embedding(jnp.max(jnp.array([3])), np.prod((2, 3)))(np.ones((1, 2), int)).shape == (1, 2, 6)
    assert len(gazelle.utils.split_dataset(X, left_size=np.float32(0.5))[0]) == 10
    gazelle.utils.set_random_seed(np.int64(3))
