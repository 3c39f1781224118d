"""Settings of the process: each takes effect, and invalid values are refused."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import config, ops
from gazelle.core import dtypes, settings


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(dtypes, "_narrowing", False)  # programs that import keras, in other tests, set it
    yield
    config.set_image_data_format("channels_last")
    config.set_epsilon(1e-7)
    config.set_floatx("float32")
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    gazelle.utils.clear_session()


def _model():
    model = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_floatx_is_the_dtype_of_new_layers():
    config.set_floatx("bfloat16")
    layer = gazelle.layers.Dense(1)
    assert str(layer(np.ones((1, 2))).dtype) == layer.kernel.dtype == "bfloat16"
    assert str(gazelle.random.normal((1,), seed=1).dtype) == "bfloat16"


def test_floatx_refuses():
    with pytest.raises(ValueError, match=r"Unknown float type 'float23'.\nDid you mean 'float32'"):
        config.set_floatx("float23")


@pytest.mark.parametrize("make", [config.set_floatx, config.set_dtype_policy, gazelle.DTypePolicy])
def test_float64_needs_wide_jax(make):
    with pytest.raises(ValueError, match=r"(?s)dtype 'float64': expected JAX with 64 bits.*jax_enable_x64"):
        make("float64")


def test_policy_holds_for_new_layers_until_the_session_is_cleared():
    config.set_dtype_policy("mixed_bfloat16")
    assert gazelle.layers.Dense(1).compute_dtype == "bfloat16"
    gazelle.utils.clear_session()
    assert gazelle.layers.Dense(1).compute_dtype == "float32"


@pytest.mark.parametrize("wrong", ["mixed_float61", "flaot32"])
def test_unknown_policy(wrong):
    with pytest.raises(ValueError, match=rf"Unknown dtype policy '{wrong}'.\nDid you mean '(mixed_float16|float32)'"):
        gazelle.layers.Dense(1, dtype=wrong)


def test_channels_first_everywhere():
    config.set_image_data_format("channels_first")
    assert gazelle.layers.Conv2D(3, 2)(np.ones((1, 2, 6, 6))).shape == (1, 3, 5, 5)
    assert gazelle.layers.MaxPooling2D(2).data_format == "channels_first"
    assert gazelle.layers.Flatten().data_format == "channels_first"
    assert gazelle.ops.max_pool(np.ones((1, 2, 6, 6)), 2).shape == (1, 2, 3, 3)
    assert gazelle.layers.Conv2D(3, 2, data_format="channels_last").data_format == "channels_last"


def test_epsilon_is_read_by_losses_and_layers():
    config.set_epsilon(0.25)
    assert gazelle.layers.Normalization(mean=0.0, variance=0.01)(np.ones((1, 1))).tolist() == [[4.0]]
    assert float(gazelle.losses.binary_crossentropy([[1.0]], [[0.0]])[0]) == pytest.approx(-np.log(0.25))
    with pytest.raises(ValueError, match="epsilon: expected a number above 0, got -1"):
        config.set_epsilon(-1)


def test_epochs_and_steps_are_limited():
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    model = _model()
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    with pytest.warns(UserWarning, match="Only 2 epochs are run"), pytest.warns(UserWarning, match="Only 3 steps"):
        history = model.fit(x, y, batch_size=2, epochs=5, verbose=0, keep=False)
    assert (len(history.epoch), int(model.optimizer.iterations)) == (2, 6)
    with pytest.warns(UserWarning, match="Only 3 steps"):
        assert model.predict(x, batch_size=1, verbose=0).shape == (3, 1)
    assert model.predict(x, verbose=0).shape == (8, 1)


def test_limited_epochs_of_a_stream_read_its_first_batches():
    class Batches:
        read = []

        def __iter__(self):
            for number in range(4):
                self.read.append(number)
                yield np.ones((2, 2), "float32"), np.ones((2, 1), "float32")

    config.set_max_steps_per_epoch(3)
    with pytest.warns(UserWarning, match="Only 3 steps"):
        _model().fit(Batches(), epochs=2, verbose=0, keep=False)
    assert Batches.read == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("wrong", [0, -3, 1.5, True, "2"])
def test_limits_refuse(wrong):
    with pytest.raises(ValueError, match="max_epochs: expected an integer of at least 1, or None"):
        config.set_max_epochs(wrong)


def test_progress_and_summary_go_to_the_logger(capsys, caplog):
    config.disable_interactive_logging()
    model = _model()
    with caplog.at_level(logging.INFO, "gazelle"):
        model.fit(np.ones((4, 2), "float32"), np.ones((4, 1), "float32"), epochs=2, keep=False)
        model.summary()
    assert capsys.readouterr().out == ""
    lines = [record.getMessage() for record in caplog.records]
    assert any("Epoch 2/2" in line for line in lines)
    assert any("Total params" in line for line in lines)


class Crooked(gazelle.layers.Layer):
    def call(self, x):
        return ops.matmul(x, ops.ones((7, 1)))


def test_errors_point_at_the_program():
    def files(error):
        return [entry.path.name for entry in error.traceback]

    layer = gazelle.layers.Dense(1)
    layer(np.ones((1, 2)))
    with pytest.raises(ValueError, match="Dense") as short:
        layer(np.ones((1, 3)))
    assert "base.py" not in files(short)
    model = gazelle.Sequential([Crooked()])
    with pytest.raises(ValueError, match="Crooked 'crooked' failed on input of shape") as inside:
        model.predict(np.ones((1, 3)))
    assert set(files(inside)) == {"test_settings.py"}
    assert "ones((7, 1))" in str(inside.traceback[-1].statement)
    assert inside.value.__cause__ is None
    assert not any("JAX" in note for note in getattr(inside.value, "__notes__", ()))
    config.disable_traceback_filtering()
    with pytest.raises(ValueError, match="Dense") as long:
        layer(np.ones((1, 3)))
    assert "base.py" in files(long)


def test_file_of_keras_is_read(tmp_path):
    file = tmp_path / "keras.json"
    file.write_text('{"floatx": "float16", "epsilon": 1e-5, "image_data_format": "channels_first", "backend": "torch"}')
    settings.read_file(file)
    assert (config.floatx(), config.epsilon(), config.image_data_format()) == ("float16", 1e-5, "channels_first")


@pytest.mark.parametrize("text", ["{", '{"floatx": "float99"}', '{"epsilon": "small"}'])
def test_file_that_is_wrong_is_told(tmp_path, text):
    file = tmp_path / "keras.json"
    file.write_text(text)
    with pytest.warns(UserWarning, match="was not used completely"):
        settings.read_file(file)


def test_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "3")
    (tmp_path / "keras.json").write_text('{"epsilon": 1e-4}')
    settings.read_environment()
    assert (config.epsilon(), config.max_epochs(), config.max_steps_per_epoch()) == (1e-4, 3, None)


def test_what_gazelle_has_one_of():
    assert config.backend() == "jax"
    assert not config.is_nnx_enabled()
    config.set_backend("jax")
    with pytest.raises(ValueError, match="set_backend: expected 'jax'"):
        config.set_backend("tensorflow")
    with pytest.raises(ValueError, match="load_model\\(path, custom_objects"):
        config.enable_unsafe_deserialization()


def test_flash_attention_is_a_wish():
    assert config.is_flash_attention_enabled() is None
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False


def test_losses_of_64_bits_are_averaged_in_64_bits():
    jax.config.update("jax_enable_x64", True)
    try:
        config.set_floatx("float64")
        model = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", lambda y, out: jnp.mean(out) * jnp.float64(1 + 1e-12) + 0 * jnp.sum(y))
        history = model.fit(np.ones((4, 2)), np.ones((4, 1)), batch_size=4, verbose=0).history
        assert history["loss"][0] == pytest.approx(2 + 2e-12, abs=1e-14)
    finally:
        config.set_floatx("float32")
        jax.config.update("jax_enable_x64", False)
