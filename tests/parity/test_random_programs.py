"""Random programs of Keras 3 and gazelle with equal weights: predictions, logs, weights and files are equal."""

import keras
import numpy as np
import pytest
from random_programs import Program

import gazelle

pytestmark = [
    pytest.mark.optimized,
    pytest.mark.filterwarnings("ignore:.*does not support masking"),  # of Keras
]


def _results(program, path):
    """What a program computes, in the order in which a user sees it; `path` is where it saves its model."""
    model, x, y = program.model, program.x, program.y
    results = {"first predictions": model.predict(x, batch_size=5, verbose=0)}
    history = model.fit(x, y, shuffle=False, verbose=0, **program.fit).history
    results["logs"] = {key: np.asarray(values) for key, values in history.items()}
    results["evaluation"] = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    results["weights"] = model.get_weights()
    results["predictions"] = model.predict(x, batch_size=5, verbose=0)
    model.save(path)
    results["one more step"] = [np.asarray(model.train_on_batch(x, y)), model.get_weights()]
    return results


def _same(theirs, ours, what):
    if isinstance(theirs, dict):
        assert set(theirs) == set(ours), what
        for key, value in theirs.items():
            _same(value, ours[key], f"{what}: {key}")
    elif isinstance(theirs, list):
        assert len(theirs) == len(ours), what
        for number, pair in enumerate(zip(theirs, ours, strict=True)):
            _same(*pair, f"{what}[{number}]")
    else:
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-4, err_msg=what)


@pytest.mark.parametrize("seed", range(30))
def test_random_programs_are_equal(seed, tmp_path):
    theirs, ours = Program(keras, seed), Program(gazelle, seed)
    kinds = [[type(layer).__name__ for layer in program.model.layers] for program in (theirs, ours)]
    assert kinds[0] == kinds[1]
    of_keras = _results(theirs, tmp_path / "theirs.keras")
    if not all(np.isfinite(values).all() for values in of_keras["logs"].values()):
        pytest.skip("the loss of Keras is not finite, where gazelle stops")
    _same(of_keras, _results(ours, tmp_path / "ours.keras"), f"seed {seed}")
    for name in ("theirs", "ours"):
        loaded = gazelle.saving.load_model(tmp_path / f"{name}.keras")
        _same(of_keras["predictions"], loaded.predict(ours.x, batch_size=5, verbose=0), f"loaded {name}")
        loaded.train_on_batch(ours.x, ours.y)
        _same(of_keras["one more step"][1], loaded.get_weights(), f"one more step of the loaded {name}")
