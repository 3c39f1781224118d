"""Files of programs for tf.keras 2: their configs and layout are those of tf_keras, and gazelle reads them again.

`golden/former_models.py` recorded the configs with tf_keras 2.21, and opens the files of GAZELLE_FORMER_FILES with it.
"""

import io
import json
import os
import pathlib
import sys
import zipfile

import h5py
import numpy as np
import pytest

import gazelle
from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.saving.h5_format import write

GOLDEN = pathlib.Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
import former_models  # noqa: E402

keras = root("tensorflow.keras")
CONFIGS = json.loads((GOLDEN / "former_configs.json").read_text())
#: what other releases of tf.keras wrote or left out
OPTIONAL = {"batch_input_shape", "time_major", "implementation", "groups", "input_length", "softmax_robust_masking"}
IGNORED = {"name", "optional", "sparse", "ragged", "dtype", "trainable", "build_input_shape"}
IGNORED |= {f"kernel_{end}" for end in ("initializer", "regularizer", "constraint")}

NO_EFFECT = ("name", "conjugate", "batch_dims")


@pytest.fixture(autouse=True)
def tf(tf_keras_2):
    return tf_keras_2


def _layers(config):
    """{name: entry} of the layers of a model and of those in nested ones, without operations."""
    found = {}
    for entry in config["config"]["layers"]:
        found[entry.get("name") or entry["config"]["name"]] = entry
        if isinstance(entry["config"].get("layers"), list):
            found |= _layers(entry)
    return {name: entry for name, entry in found.items() if entry["class_name"] != "InputLayer"}


def _plain(value):
    """A value without modules, whose floats have few digits."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k not in ("module", "registered_name", "build_config")}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return round(value, 5) if isinstance(value, float) else value


def _calls(entry, names):
    """The calls of a layer, with numbers in the place of names."""

    def numbered(value):
        if isinstance(value, list):
            if len(value) > 2 and isinstance(value[0], str) and isinstance(value[1], int):
                return [names.get(value[0], 0), *map(numbered, value[1:])]
            return [numbered(each) for each in value]
        if isinstance(value, dict):
            return {k: numbered(v) for k, v in value.items() if k not in NO_EFFECT and v not in (None, False)}
        return round(value, 5) if isinstance(value, float) else value

    return numbered(entry.get("inbound_nodes"))


def _by_class(layers):
    kind = lambda entry: (entry["class_name"], entry["config"].get("function", ""))  # noqa: E731
    return sorted(layers.values(), key=kind), {name: kind(entry) for name, entry in layers.items()}


@pytest.mark.parametrize("make", former_models.MODELS, ids=lambda make: make.__name__)
def test_configs_are_those_of_tf_keras(make, tf):
    found = json.loads(make(keras, tf).to_json())
    right = CONFIGS[make.__name__]
    assert found["class_name"] == right["class_name"]
    assert found["backend"] == "tensorflow"
    (ours, our_names), (theirs, their_names) = _by_class(_layers(found)), _by_class(_layers(right))
    assert [each["class_name"] for each in ours] == [each["class_name"] for each in theirs]
    for one, other in zip(ours, theirs, strict=True):
        config, expected = _plain(one["config"]), _plain(other["config"])
        if "layers" in config:
            continue
        assert config.keys() - IGNORED <= expected.keys()
        assert expected.keys() - config.keys() - IGNORED <= OPTIONAL
        for key in config.keys() - IGNORED - {"axis", "layer", "cell", "backward_layer", "output_shape"}:
            assert config[key] == expected[key], (one["class_name"], key)
    key = lambda call: json.dumps(call)  # noqa: E731
    assert sorted((_calls(each, our_names) for each in ours), key=key) == sorted(
        (_calls(each, their_names) for each in theirs), key=key
    )


@pytest.mark.parametrize(
    ("make", "optimizer"),
    [(make, "Adam") for make in former_models.MODELS]
    + [(former_models.nested, name) for name, _ in former_models.OPTIMIZERS if name != "Adam"],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_files_are_read_again_and_training_continues(make, optimizer, tf, tmp_path):
    tmp_path = pathlib.Path(os.environ.get("GAZELLE_FORMER_FILES") or tmp_path)
    model = make(keras, tf)
    options = dict(former_models.OPTIMIZERS)[optimizer]
    model.compile(getattr(keras.optimizers, optimizer)(0.01, **options), "mse")
    x, y = former_models.data_of(model)
    model.train_on_batch(x, y)
    before = _first(model, x)
    copies = {}
    for ending in ("h5", "keras"):
        path = tmp_path / f"{make.__name__}_{optimizer}.{ending}"
        model.save(path)
        copies[path] = keras.models.load_model(path)
        np.testing.assert_allclose(_first(copies[path], x), before, atol=1e-6)
    model.train_on_batch(x, y)
    after = _first(model, x)
    for path, copy in copies.items():
        copy.train_on_batch(x, y)
        np.testing.assert_allclose(_first(copy, x), after, atol=1e-6)
        np.savez(f"{path}.npz", before=before, after=after)


def _first(model, x):
    out = model.predict(x, verbose=0)
    return np.ravel(out[0] if isinstance(out, list) else out)


def test_layout_of_files(tf, tmp_path):
    model = former_models.cnn(keras, tf)
    model.compile(keras.optimizers.Adam(0.01, decay=0.5), "mse", metrics=["mae"])
    model.train_on_batch(*former_models.data_of(model))
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert file.attrs["backend"] == "tensorflow"
        assert file.attrs["keras_version"].startswith("2.")
        training = json.loads(file.attrs["training_config"])
        assert training["optimizer_config"]["class_name"] == "Adam"  # that of TensorFlow 2.0 to 2.10
        arguments = {"name", "learning_rate", "decay", "beta_1", "beta_2", "epsilon", "amsgrad"}
        assert training["optimizer_config"]["config"].keys() == arguments
        weights = file["model_weights/conv2d"].attrs["weight_names"]
        assert [name.decode() for name in weights] == ["conv2d/kernel:0", "conv2d/bias:0"]
        state = [file["optimizer_weights"][name].shape for name in file["optimizer_weights"].attrs["weight_names"]]
        weights = [weight.shape for weight in model.trainable_weights]
        assert state == [(), *weights, *weights]
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            assert len(file["optimizer/vars"]) == len(state)
    optimizer = config["compile_config"]["optimizer"]["config"]
    assert "loss_scale_factor" not in optimizer
    assert optimizer["learning_rate"]["class_name"] == "InverseTimeDecay"
    assert "decay" not in optimizer
    assert config["module"] == "keras"


def test_weights_by_layer_have_names_of_tensorflow(tf, tmp_path):
    model = former_models.nested(keras, tf)
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as file:
        found = [name.decode() for name in file["chain"].attrs["weight_names"]]
        assert [name.rsplit("/", 1)[1] for name in found] == ["kernel:0", "bias:0"]
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        assert "layers" in file


def test_programs_for_keras_3_write_its_format(tf):
    era.set_release(era.Release(3))
    text = json.loads(former_models.cnn(keras, tf).to_json())
    assert text["config"]["layers"][0]["config"]["batch_shape"] == [None, 6, 6, 1]


def test_files_of_keras_2_3(tmp_path):
    """Classes, arguments and text that Keras 2.3.1 knows, and the slots of its optimizers in its order."""
    era.set_release(era.Release(2, True))
    k = root("keras")
    x = k.layers.Input((4,))
    y = k.layers.Dense(3, kernel_initializer="he_normal", activity_regularizer="l2")(k.layers.GaussianNoise(0.1)(x))
    model = k.models.Model(x, k.layers.Dense(2, kernel_regularizer=k.regularizers.l1(0.1))(y))
    model.compile(k.optimizers.Adam(lr=0.01, clipnorm=0.5, decay=0.1), "mse")
    model.train_on_batch(np.ones((2, 4)), np.ones((2, 2)))
    config = json.loads(model.to_json())
    assert config["class_name"] == "Model"
    _, noise, first, last = (layer["config"] for layer in config["config"]["layers"])
    assert "seed" not in noise
    scaled = {"scale": 2.0, "mode": "fan_in", "distribution": "normal", "seed": None}
    assert first["kernel_initializer"] == {"class_name": "VarianceScaling", "config": scaled}
    assert first["activity_regularizer"] == {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}}
    assert last["kernel_regularizer"]["class_name"] == "L1L2"
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        ascii_text = h5py.h5t.CSET_ASCII  # bytes, which Keras 2.3.1 decodes
        for name in ("model_config", "training_config", "keras_version"):
            assert file.attrs.get_id(name).get_type().get_cset() == ascii_text
        training = json.loads(file.attrs["training_config"])
        assert training["sample_weight_mode"] is None
        optimizer = training["optimizer_config"]["config"]
        assert optimizer.keys() == {"learning_rate", "beta_1", "beta_2", "epsilon", "amsgrad", "decay", "clipnorm"}
        shapes = [file["optimizer_weights"][n].shape for n in file["optimizer_weights"].attrs["weight_names"]]
    weights = [w.shape for w in model.trainable_weights]
    assert shapes == [(), *weights, *weights, *[(1,)] * len(weights)]


def test_keras_2_3_leaves_out_inputs_that_no_layer_reads(keras_2, tf, tmp_path):
    """The lists of layers and copies of a model have no such inputs, the model itself and its clones have them."""
    for k, left in ((keras_2, ["read", "dense"]), (keras, ["read", "unused", "last", "dense"])):
        era.set_release(era.Release(2, k is keras_2))
        k.backend.clear_session()
        inputs = [k.layers.Input((size,), name=name) for name, size in (("read", 4), ("unused", 1), ("last", 2))]
        model = k.models.Model(inputs, k.layers.Dense(2, name="dense")(inputs[0]))
        model.compile("sgd", "mse")
        assert [layer.name for layer in model.layers] == left
        model.save(tmp_path / "m.h5")
        copies = k.models.model_from_json(model.to_json()), k.models.load_model(tmp_path / "m.h5")
        for copy in (*copies, k.models.Model.from_config(model.get_config())):
            assert [layer.name for layer in copy.layers] == left
            assert len(copy.inputs) == len(left) - 1
        assert len(model.inputs) == len(k.models.clone_model(model).inputs) == 3


def test_optimizers_are_those_that_every_tf_keras_2_has(tf, tmp_path):
    """TensorFlow 2.4 has no "Custom>Nadam", and the later one of this name has another schedule."""
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    model.compile(keras.optimizers.Nadam(0.01), "mse")
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 2)))
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        config = json.loads(file.attrs["training_config"])["optimizer_config"]
        shapes = [file["optimizer_weights"][n].shape for n in file["optimizer_weights"].attrs["weight_names"]]
    assert config["class_name"] == "Nadam"
    assert "use_ema" not in config["config"]
    assert shapes == [(), (), (3, 2), (2,), (3, 2), (2,)]  # steps, product of momenta, m, v
    model.compile(keras.optimizers.AdamW(0.01), "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert json.loads(file.attrs["training_config"])["optimizer_config"]["class_name"] == "Custom>AdamW"


@pytest.mark.parametrize("name", ["Nadam", "RMSprop", "Adagrad"])
def test_optimizers_in_files_of_tf_keras_2_11_keep_their_rules(name, tf, tmp_path):
    x, y = np.eye(3, dtype="float32"), np.ones((3, 2), "float32")
    current = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
    current.compile(getattr(gazelle.optimizers, name)(0.01), "mse")
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    model.compile(getattr(keras.optimizers, name)(0.01), "mse")
    for _ in range(3):
        current.train_on_batch(x, y)
    model.set_weights(current.get_weights())
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:  # as tf.keras 2.15 wrote it
        training = json.loads(file.attrs["training_config"])
        training["optimizer_config"]["class_name"] = f"Custom>{name}"
        training["optimizer_config"]["config"] = {"learning_rate": 0.01, "is_legacy_optimizer": False}
        file.attrs["training_config"] = json.dumps(training)
        del file["optimizer_weights"]
        state, keys = current.optimizer.state, [weight.key for weight in current.trainable_weights]
        slots = [(f"{slot}/{key}:0", state[slot][key]) for key in keys for slot in current.optimizer.slots]
        arrays = [("iteration:0", np.int64(3)), *slots]
        write.write_arrays(file.create_group("optimizer_weights"), arrays)
    again = keras.models.load_model(tmp_path / "m.h5")
    assert "decay" not in vars(again.optimizer)  # as those of the program have
    for each in (current, again):
        each.train_on_batch(x, y)
    np.testing.assert_allclose(again.get_weights()[0], current.get_weights()[0], atol=1e-6)


def test_lookups_leave_their_dtype_to_tf_keras(tf):
    """It refuses float32, the dtype of other layers, for integers."""
    x = keras.Input((1,), dtype="int64")
    layer = keras.layers.IntegerLookup(vocabulary=[3, 5, 1])
    entry = json.loads(keras.Model(x, layer(x)).to_json())["config"]["layers"][1]
    assert entry["class_name"] == "IntegerLookup"
    assert "dtype" not in entry["config"]


def test_weights_of_a_subclass_before_its_first_call(tmp_path):
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.warns(UserWarning, match="has no weights yet: nothing was saved"):  # TensorFlow says nothing
        Own().save_weights(str(tmp_path / "model.ckpt"))
    with pytest.raises(ValueError, match="not built"):
        keras.Sequential([keras.layers.Dense(2)]).save_weights(str(tmp_path / "model.h5"))


@pytest.mark.parametrize("file", ["model.ckpt", "model.h5", "model.weights.h5"])
def test_weights_of_a_model_whose_parts_alone_are_called(tmp_path, file):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.actor, self.critic = keras.Sequential([keras.layers.Dense(2)]), keras.layers.Dense(1)
            self.actor(np.ones((1, 3))), self.critic(np.ones((1, 3)))

    first, second = Own(), Own()
    first.save_weights(str(tmp_path / file))
    second.load_weights(str(tmp_path / file))
    assert not second.built
    np.testing.assert_equal(first.get_weights(), second.get_weights())


def test_weights_of_the_model_itself_are_in_files(tf, tmp_path):
    class Scaled(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(2)
            self.scale = tf.Variable(1.0, name="scale")

        def call(self, x):
            return self.dense(x) * self.scale

    model, other, file = Scaled(), Scaled(), tmp_path / "w.h5"
    x = tf.ones((1, 3))
    model(x), other(x)
    model.set_weights([np.full(v.shape, 3.0) for v in model.weights])
    model.save_weights(str(file))
    with h5py.File(file) as found:
        assert list(found.attrs["layer_names"]) == [b"dense"]
        assert list(found["top_level_model_weights"].attrs["weight_names"]) == [b"scale:0"]
    other.load_weights(str(file))
    assert other.scale.numpy() == 3
    with h5py.File(file, "r+") as found:
        del found["top_level_model_weights"]["scale:0"]
        found["top_level_model_weights"]["scale:0"] = np.zeros(2)
    with pytest.raises(ValueError, match=r"weights of the model: expected .*, got \[\(2,\)\]"):
        other.load_weights(str(file))


def test_configs_with_inputs_in_a_dict_and_constants(tf_keras_2, tmp_path):
    keras = tf_keras_2.keras
    layers = keras.layers
    inputs = {"a": keras.Input((1,)), "b": keras.Input((1,))}
    both = [inputs["a"], inputs["b"]]
    inner = keras.Model(inputs, {"sum": layers.Add()(both), "product": layers.Multiply()(both)})
    a, b = keras.Input((1,)), keras.Input((1,))
    middle = inner({"a": a, "b": b})
    model = keras.Model([a, b], layers.Add()([middle["sum"], middle["product"]]))
    read = keras.Model.from_config(model.get_config())
    np.testing.assert_array_equal(read([np.full((1, 1), 2.0), np.full((1, 1), 3.0)]), [[11]])
    model.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.h5")([np.ones((1, 1))] * 2), [[3]])

    class Sum(layers.Layer):
        def call(self, x, other=None):
            return x + other

    model = keras.Model(a, Sum()(3.0, other=a))
    read = keras.Model.from_config(model.get_config(), custom_objects={"Sum": Sum})
    np.testing.assert_array_equal(read(np.ones((1, 1))), [[4]])


def test_the_format_h5_of_a_file_with_any_name(tf_keras_2, tmp_path):
    model = tf_keras_2.keras.Sequential([tf_keras_2.keras.layers.Dense(2, input_shape=(3,))])
    model.save(tmp_path / "model", save_format="h5")
    assert h5py.is_hdf5(tmp_path / "model")
    assert tf_keras_2.keras.models.load_model(tmp_path / "model").count_params() == 8


@pytest.mark.parametrize("compiled_first", [True, False])
def test_a_checkpoint_has_the_state_of_an_optimizer_that_is_compiled_later(tf_keras_2, tmp_path, compiled_first):
    keras, x = tf_keras_2.keras, np.arange(12.0).reshape(4, 3)

    def made():
        return keras.Sequential([keras.layers.Dense(1, input_shape=(3,), kernel_initializer="ones")])

    def trained(model, steps):
        for _ in range(steps):
            model.train_on_batch(x, x[:, :1])
        return model.get_weights()[0]

    first, second = made(), made()
    first.compile(keras.optimizers.Adam(0.1), "mse")
    trained(first, 3)
    first.save_weights(str(tmp_path / "checkpoint"))
    expected = trained(first, 2)
    if compiled_first:
        second.compile(keras.optimizers.Adam(0.1), "mse")
    second.load_weights(str(tmp_path / "checkpoint"))
    if not compiled_first:
        second.compile(keras.optimizers.Adam(0.1), "mse")
    np.testing.assert_allclose(trained(second, 2), expected, rtol=1e-6)
    assert int(second.optimizer.iterations) == 5
