"""`utils.Config` beside that of Keras."""

import copy
import pickle

import keras
import pytest

import gazelle
from gazelle.core.errors import StateError


@pytest.mark.parametrize("library", [gazelle, keras])
def test_values_as_attributes_and_as_a_dict(library):
    config = library.utils.Config(rate=0.1, momentum=0.9)
    config.seed = 3
    config["beta"] = [1, 2]
    assert (config.seed, config["rate"], config.get("other", 5), len(config)) == (3, 0.1, 5, 4)
    assert list(config) == ["beta", "momentum", "rate", "seed"]
    assert list(config.keys()) == ["rate", "momentum", "seed", "beta"]
    config.update(seed=4)
    assert config.pop("momentum") == 0.9
    del config["beta"]
    assert dict(config.items()) == config.as_dict() == {"rate": 0.1, "seed": 4}
    assert config.to_json() == '{"rate": 0.1, "seed": 4}'
    assert repr(config) == "<Config {'rate': 0.1, 'seed': 4}>"
    assert "seed" in config
    config.freeze()
    for change in (lambda: setattr(config, "seed", 5), lambda: config.update(seed=5), lambda: config.pop("seed")):
        with pytest.raises(ValueError, match="frozen"):
            change()
    assert config.frozen
    config.unfreeze()
    config.seed = 5
    with pytest.raises(AttributeError, match=r"(?s)sed.*Did you mean 'seed'"):
        _ = config.sed


def test_errors_and_copies():
    config = gazelle.utils.Config(rate=0.1)
    assert copy.deepcopy(config) == pickle.loads(pickle.dumps(config)) == config
    config.freeze()
    with pytest.raises(StateError, match=r"'rate' of a frozen Config cannot be changed.\nCall unfreeze\(\)"):
        config["rate"] = 1
