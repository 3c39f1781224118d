"""Weight files of every format: detected by content, loaded completely or not at all, mismatches listed."""

import io
import os

import h5py
import numpy as np
import pytest

from gazelle import optimizers
from gazelle.core.errors import ArgumentError, DamagedFileError, ShapeError, StateError
from gazelle.layers import BatchNormalization, Dense, Input, weight_tree
from gazelle.models import Sequential, load_model
from gazelle.saving import atomic, keras_v3, save_weights, write_state
from gazelle.saving.safetensors import read_tensors


def _model(*sizes, names=None, compiled=False):
    layers = [Dense(n, name=names and names[i]) for i, n in enumerate(sizes or (4, 2))]
    model = Sequential([Input((3,)), layers[0], BatchNormalization(), *layers[1:]])
    if compiled:
        model.compile(optimizers.Adam(0.01), "mse")
    return model


def _data(model):
    generator = np.random.default_rng(0)
    return [generator.normal(size=(8, t.shape[-1])).astype("float32") for t in (model.inputs[0], model.outputs[0])]


def _same(a, b):
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


FORMS = ["a.keras", "a.weights.h5", "a.safetensors", "a.h5", "a"]


@pytest.mark.parametrize("name", FORMS)
def test_round_trip_of_every_form_under_any_name(tmp_path, name):
    model, other = _model(), _model()
    (model.save if name.endswith(".keras") else model.save_weights)(tmp_path / name)
    os.rename(tmp_path / name, tmp_path / "whatever")
    other.load_weights(str(tmp_path / "whatever"))
    _same(model, other)


class Doubled(Dense):
    def save_own_variables(self, store):
        store["kernel"] = 2 * self.kernel.numpy()

    def load_own_variables(self, store):
        self.kernel.assign(store["kernel"] / 2)


@pytest.mark.parametrize(
    ("name", "by_layer"), [("a.h5", True), ("a.hdf5", True), ("a.weights.h5", False), ("a", False)]
)
def test_names_of_keras_2_get_its_format(tmp_path, name, by_layer):
    model = _model(names=["one", "two"])
    model.save_weights(tmp_path / name)
    with h5py.File(tmp_path / name) as file:
        assert ("layer_names" in file.attrs) == by_layer
        if by_layer:
            assert [n.decode() for n in file.attrs["layer_names"]][::2] == ["one", "two"]
            assert [n.decode() for n in file["one"].attrs["weight_names"]] == ["one/kernel", "one/bias"]


def test_what_the_format_of_keras_2_cannot_hold(tmp_path):
    models = [Sequential([Input((3,)), Doubled(2, use_bias=False)]) for _ in range(2)]
    models[0].save_weights(tmp_path / "a.h5")
    models[1].load_weights(tmp_path / "a.h5")
    _same(*models)


def test_safetensors_go_by_the_models_own_paths(tmp_path):
    model = _model()
    model.save_weights(tmp_path / "a.safetensors")
    assert list(read_tensors(tmp_path / "a.safetensors")[0]) == list(weight_tree.named_variables(model))


@pytest.mark.parametrize("name", FORMS[:3])
@pytest.mark.parametrize("point", ["write", "fsync", "replace"])
def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch, name, point):
    model, path = _model(), tmp_path / name
    save = model.save if name.endswith(".keras") else model.save_weights
    save(path)
    old = path.read_bytes()
    model.set_weights([w + 1 for w in model.get_weights()])

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if point == "write":

            class Full:
                def __init__(self, *args, **kwargs):
                    self.file = open(*args, **kwargs)  # noqa: SIM115
                    self.name = self.file.name
                    self.write = fail

                def __enter__(self):
                    return self

                def __exit__(self, *args):
                    self.file.close()

                def __getattr__(self, name):
                    return getattr(self.file, name)

            patch.setattr(atomic, "open", Full, raising=False)
        else:
            patch.setattr(os, point, fail)
        with pytest.raises(OSError, match="No space left on device"):
            save(path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == [name]


def test_a_file_is_kept_if_it_must_not_be_overwritten(tmp_path):
    model = _model()
    for name, save in (("a.keras", model.save), ("a.weights.h5", model.save_weights)):
        save(tmp_path / name)
        with pytest.raises(ArgumentError, match=r"exists.*\nPass overwrite=True"):
            save(tmp_path / name, overwrite=False)


@pytest.mark.parametrize("name", FORMS[:3])
def test_every_misfit_is_listed_and_nothing_is_loaded(tmp_path, name):
    model, other = _model(4, 2), _model(4, 3, 2)
    (model.save if name.endswith(".keras") else model.save_weights)(tmp_path / name)
    before = other.get_weights()
    with pytest.raises(ShapeError) as caught:
        other.load_weights(tmp_path / name)
    text = str(caught.value)
    assert "does not match the model (" in text
    for variable in other.layers[2].weights + other.layers[3].weights:
        assert f"{variable.key}" in text or "layers/dense_2/vars ('dense" in text
    assert "expected (4, 3)" in text
    assert "got (4, 2)" in text
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_fits_can_be_loaded(tmp_path):
    model, other = _model(4, 2), _model(4, 3)
    model.save_weights(tmp_path / "w")
    with pytest.warns(UserWarning, match=r"(?s)2 mismatches.*Their values are unchanged"):
        other.load_weights(tmp_path / "w", skip_mismatch=True)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_layers_can_be_left_out(tmp_path):
    """Layers that are skipped are in no file that is written, and keep their weights where a file is read."""
    inner = Sequential([Input((4,)), Dense(4), Dense(2)])
    model = Sequential([Input((3,)), Dense(4), inner])
    path, part = str(tmp_path / "a.weights.h5"), str(tmp_path / "b.weights.h5")
    model.save_weights(path)
    save_weights(model, part, objects_to_skip=[inner])
    first = model.layers[0].get_weights()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    kept = inner.get_weights()
    for name in (path, part):
        model.layers[0].set_weights([weight + 1 for weight in first])
        assert model.load_weights(name, objects_to_skip=[inner]) == [model.layers[0].name]
        for got, expected in zip(model.get_weights(), [*first, *kept], strict=True):
            np.testing.assert_array_equal(got, expected)
    assert model.load_weights(path, objects_to_skip=model.layers) == []
    with pytest.raises(ShapeError, match="expected 2 arrays"):
        model.load_weights(part)
    for name in ("a.safetensors", "a.h5"):
        other = tmp_path / name
        model.save_weights(other) if name == "a.safetensors" else model.save(other)
        with pytest.raises(ArgumentError, match=r"objects_to_skip=\.\.\.\): expected a \.weights\.h5"):
            model.load_weights(other, objects_to_skip=[inner])
    with pytest.raises(ArgumentError, match="got shards"):
        save_weights(model, tmp_path / "a.weights.json", objects_to_skip=[inner])


def test_layers_can_be_matched_by_name(tmp_path):
    model, other = _model(4, 2, names=["one", "two"]), _model(4, 4, 2, names=["one", "new", "two"])
    model.layers[1].name = other.layers[1].name = "norm"
    model.save_weights(tmp_path / "w")
    kept = other.layers[2].get_weights()
    other.load_weights(tmp_path / "w", by_name=True)
    for here, there in ((0, 0), (1, 1), (2, 3)):
        for a, b in zip(model.layers[here].get_weights(), other.layers[there].get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(kept[0], other.layers[2].get_weights()[0])


def test_a_model_that_is_not_built_is_told(tmp_path):
    _model().save_weights(tmp_path / "w")
    for call in ("load_weights", "save_weights"):
        with pytest.raises(StateError, match=rf"{call} of model .*not built.*\nAdd an Input to the model"):
            getattr(Sequential([Dense(2)]), call)(tmp_path / "w")
    with pytest.warns(UserWarning, match="contains no weights"):
        Sequential([Dense(2)]).save(tmp_path / "m.keras")


def test_files_that_hold_no_weights(tmp_path):
    model = _model()
    (tmp_path / "text").write_text("hello, world, again")
    with pytest.raises(
        DamagedFileError, match=r"contains no weights: expected a .keras.*got a file that begins with b'hello, w'"
    ):
        model.load_weights(tmp_path / "text")
    with pytest.raises(DamagedFileError, match="expected a file, got a folder"):
        model.load_weights(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"(?s)cannot be read: expected a file, got none of this name in .*\n"):
        model.load_weights(tmp_path / "missing")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = ["dense"]
    with pytest.raises(DamagedFileError, match="is not a file of Keras: expected weight_names of 'dense'"):
        model.load_weights(tmp_path / "old.h5")


def test_save_refuses_arguments_it_does_not_have(tmp_path):
    with pytest.raises(ArgumentError, match="save has no argument 'zip_level'"):
        _model().save(tmp_path / "m.keras", zip_level=3)


def test_a_saved_file_without_the_optimizer(tmp_path):
    model = _model(compiled=True)
    model.train_on_batch(*_data(model))
    model.save(tmp_path / "a.keras", include_optimizer=False)
    with h5py.File(io.BytesIO(keras_v3.members(tmp_path / "a.keras")[1])) as file:
        assert "optimizer" not in file


def test_load_without_compiling(tmp_path):
    model = _model(compiled=True)
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras", compile=False)
    _same(model, again)
    assert not again.compiled


# The kept state -------------------------------------------------------------------------------------------------------


def _kept(tmp_path, model):
    """The state as the loop of `fit` keeps it."""
    x, y = _data(model)
    model.fit(x, y, epochs=2, batch_size=4, verbose=0, shuffle=False)
    return x, y


def test_a_kept_state_goes_on_exactly(tmp_path):
    whole, first, second = (_model(compiled=True) for _ in range(3))
    for model in (first, second):
        model.set_weights(whole.get_weights())
    x, y = _kept(tmp_path, whole)
    whole.fit(x, y, epochs=2, batch_size=4, verbose=0, shuffle=False, keep=False)
    _kept(tmp_path, first)
    second.load_weights("latest")
    _same(first, second)
    assert int(second.optimizer.iterations) == 4
    second.fit(x, y, epochs=2, batch_size=4, verbose=0, shuffle=False, keep=False)
    _same(whole, second)


def test_a_kept_state_restores_the_rate_and_skips_other_optimizers(tmp_path):
    model = _model(compiled=True)
    model.optimizer.learning_rate = 0.125
    _kept(tmp_path, model)
    other = _model(compiled=True)
    other.load_weights("latest")
    assert float(other.optimizer.learning_rate) == 0.125
    third = _model()
    third.compile(optimizers.SGD(0.5), "mse")
    with pytest.warns(UserWarning, match=r"not the state of its optimizer: .*no variable for 'momentum/"):
        third.load_weights("latest")
    _same(model, third)
    assert float(third.optimizer.learning_rate) == 0.5
    assert int(third.optimizer.iterations) == 0
    plain = _model()
    plain.load_weights("latest")
    _same(model, plain)


def test_a_state_of_another_model_is_refused_by_the_first_difference(tmp_path):
    _kept(tmp_path, _model(4, 2, compiled=True))
    for other, words in (
        (
            _model(4, 3),
            r"first difference at variable 6: expected dense_1/kernel \[4, 3\], got dense_1/kernel \[4, 2\]",
        ),
        (_model(4, 2, 2), r"at variable 8: expected dense_2/kernel \[2, 2\], got no variable"),
        (_model(4, 2, names=["a", "b"]), r"at variable 0: expected a/kernel \[3, 4\], got dense/kernel \[3, 4\]"),
    ):
        before = other.get_weights()
        with pytest.raises(ShapeError, match=words):
            other.load_weights("latest")
        np.testing.assert_array_equal(before[0], other.get_weights()[0])


def test_a_state_that_lacks_an_array_is_refused(tmp_path):
    model = _model()
    layout = [[p, list(v.shape), v.dtype] for p, v in weight_tree.named_variables(model).items()]
    write_state(
        tmp_path / "s", {"params/dense/kernel": np.zeros((3, 4), "float32"), "step": np.int32(0)}, {"model": layout}
    )
    with pytest.raises(DamagedFileError, match="is incomplete: expected an array 'dense/bias'"):
        model.load_weights(tmp_path / "s")


def test_without_a_kept_state_latest_is_an_error():
    with pytest.raises(FileNotFoundError, match="There is no checkpoint"):
        _model().load_weights("latest")


def test_hdf5_attributes_of_long_names(tmp_path):
    names = [f"{n}{'x' * 33_000}" for n in range(3)]  # two are longer than an attribute
    model = Sequential([Input((2,)), *(Dense(2, name=name) for name in names)])
    model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert [layer.name for layer in loaded.layers] == names
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_reading_a_file_reports_nothing(tmp_path, caplog):
    model = _model()
    model.save_weights(path := str(tmp_path / "m.weights.h5"))
    with caplog.at_level("INFO"):
        model.load_weights(path)
    assert not [record for record in caplog.records if record.name.startswith("pyfive")]
