"""Private helpers of Keras 1 and 2, generated paths of modules, and folders of models."""

import os
import sys

import numpy as np
import pytest

from gazelle.cli import import_aliases
from gazelle.compat import old_names
from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import namespace, root
from gazelle.compat.private import api_paths, backend, training, utils
from gazelle.compat.source.signs import signs
from gazelle.core.errors import ArgumentError, DataError, UnsafeFileError

keras = root("keras")
X = np.ones((4, 3), "float32")


def model(units=2):
    made = keras.models.Sequential([keras.layers.Input((3,)), keras.layers.Dense(units)])
    made.compile("sgd", "mse")
    return made


PATHS = {
    "keras.api._v2.keras.layers": ("keras.layers", 2),
    "keras.api.layers": ("keras.layers", None),
    "keras._tf_keras.keras.models": ("keras.models", 3),
    "tensorflow.python.keras.api._v2.keras.layers": ("tensorflow.python.keras.layers", 2),
    "tensorflow.python.keras._impl.keras.layers": ("tensorflow.python.keras.layers", None),
    "tensorflow.contrib.keras.python.keras.layers": ("tensorflow.contrib.keras.layers", None),
    "tensorflow_core.python.keras.layers": ("tensorflow.python.keras.layers", 2),
    "tensorflow._api.v2.v2.keras.layers": ("tensorflow.keras.layers", None),
}


@pytest.mark.parametrize("path", PATHS)
def test_generated_paths(path, installed):
    assert (api_paths.public(path), api_paths.era(path)) == PATHS[path]
    scope = {}
    exec(f"import tensorflow, {path}\nfrom {path} import __doc__ as text", scope)
    kind = path.rpartition(".")[2]
    assert sys.modules[path] is getattr(keras, kind)
    found, roots = signs(f"from {path} import Dense")
    shown = PATHS[path][1]
    assert shown is None or (found[0].first, found[0].last) == (shown, shown)
    assert roots == {"keras" if path.startswith("keras") and shown != 2 else "tensorflow"}


def test_other_packages_keep_their_paths():
    assert import_aliases._public("numpy.api") == "numpy.api"
    assert api_paths.public("mykeras_api.keras_utils") == "mykeras_api.keras_utils"


@pytest.mark.parametrize(
    ("module", "helpers"),
    [("utils", utils), ("compat.private.engine", training), ("backend", backend)],
)
def test_helpers_are_found_with_and_without_an_underscore(module, helpers):
    found = namespace(f"gazelle.{module}")
    assert helpers.NAMES
    for name in helpers.NAMES:
        assert getattr(found, name) is getattr(found, f"_{name}") is not None


def test_data_and_weights():
    arrays = training.standardize_input_data({"b": np.ones(4), "a": X}, ["a", "b"], [(None, 3), (None, 1)])
    assert [one.shape for one in arrays] == [(4, 3), (4, 1)]
    with pytest.raises(DataError, match=r"expected shape \(None, 2\), got \(4, 3\)"):
        training.standardize_input_data([X], ["a"], [(None, 2)], exception_prefix="input")
    with pytest.raises(DataError, match="expected 2 arrays: a, b, got 1"):
        training.standardize_input_data(X, ["a", "b"])
    assert training.standardize_class_weights({"b": {0: 2.0}}, ["a", "b"]) == [None, {0: 2.0}]
    assert training.standardize_sample_weights(None, ["a", "b"]) == [None, None]
    assert training.standardize_weights(X).tolist() == [1, 1, 1, 1]
    weights = training.standardize_weights(np.array([[0], [1]]), class_weight={0: 1.0, 1: 3.0})
    assert np.asarray(weights).tolist() == [1, 3]
    assert training.collect_metrics({"b": "mae"}, ["a", "b"]) == [[], ["mae"]]
    training.check_array_lengths([X], [X], [None])
    with pytest.raises(DataError, match="the same number of samples"):
        training.check_array_lengths([X], [X[:2]])


def test_weighted_objective():
    loss = training.weighted_objective(lambda y, p: (y - p) ** 2)
    y, p = np.array([0.0, 2.0], "float32"), np.zeros(2, "float32")
    assert float(loss(y, p, None)) == 2
    assert float(loss(y, p, np.array([1.0, 0.0], "float32"))) == 0
    assert float(loss(y, p, None, np.array([0, 1]))) == 4
    assert float(training.clip_norm(6.0, 2.0, 3.0)) == 4


def test_names_and_functions():
    found = utils.get_from_module("b", {"b": dict}, "things", True, {"x": 1})
    assert found == utils.get_from_module({"name": "b", "x": 1}, {"b": dict}, "things") == {"x": 1}
    with pytest.raises(ArgumentError, match="things: expected a known name, got 'c'"):
        utils.get_from_module("c", {}, "things")
    with pytest.raises(ArgumentError, match=r"got \['d'\]"):
        utils.check_for_unexpected_keys("layer", {"d": 1}, ["e"])
    assert utils.func_dump(lambda x, y=2: x)[1:] == ((2,), None)
    with pytest.raises(UnsafeFileError, match="custom_objects"):
        utils.func_load("code")
    assert utils.transpose_shape((None, 2, 3, 4), "channels_first", (1, 2)) == (None, 4, 2, 3)


def test_numbers_and_files(tmp_path):
    assert utils.accuracy([1, 0], [1, 1]) == 0.5
    assert utils.binary_logloss([0.5, 0.5], [0, 1]) == pytest.approx(np.log(2))
    assert utils.multiclass_logloss([[0.5, 0.5]], [1]) == pytest.approx(np.log(2))
    (tmp_path / "a").write_bytes(b"a")
    assert utils.validate_file(tmp_path / "a", "0cc175b9c0f1b6a831c399e269772661")
    assert not utils.ask_to_proceed_with_overwrite(tmp_path / "a")
    (x, y), (x_test, _) = utils.get_test_data(6, 2, (3,), nb_class=2)
    assert (x.shape, y.shape, x_test.shape) == ((6, 3), (6,), (2, 3))


def test_a_layer_is_tested():
    output = utils.layer_test(keras.layers.Dense, {"units": 2}, input_shape=(2, 3), expected_output_dtype="float32")
    assert output.shape == (2, 2)


def test_convolutions_of_tensorflow():
    x, order = backend.preprocess_conv2d_input(np.ones((1, 3, 8, 9)), "channels_first")
    assert (x.shape, order) == ((1, 8, 9, 3), "NHWC")
    assert backend.postprocess_conv2d_output(x, "th").shape == (1, 3, 8, 9)
    assert old_names.find("gazelle.backend", "_preprocess_padding")("same") == "SAME"


# Models ---------------------------------------------------------------------------------------------------------------


def test_a_model_in_a_folder(installed, tmp_path):
    one, folder = model(), str(tmp_path / "new" / "model")
    one.save(folder, save_format="tf")
    assert os.listdir(folder) == ["model.keras"]
    one.save(folder)  # the folder exists
    np.testing.assert_array_equal(keras.models.load_model(folder).predict(X), one.predict(X))
    tf = facade.module("tensorflow")
    try:
        tf.saved_model.save(one, str(tmp_path / "saved"))
        assert tf.saved_model.contains_saved_model(str(tmp_path / "saved"))
        again = tf.saved_model.load(str(tmp_path / "saved"))
        signature = again.signatures["serving_default"]
        ((name, out),) = signature(tf.constant(X)).items()
        ((_, given),) = signature.structured_input_signature[1].items()
        assert (given.shape.as_list(), signature.structured_outputs[name].dtype) == ([None, *X.shape[1:]], "float32")
        np.testing.assert_allclose(out.numpy(), one.predict(X), rtol=1e-6)
        with pytest.raises(ArgumentError, match="expected a model of Keras"):
            tf.saved_model.save(object(), str(tmp_path / "other"))
    finally:
        facade.close()


def test_signatures_take_inputs_by_name_in_any_order_and_number_their_outputs(installed, tmp_path):
    a, b = keras.layers.Input((2,), name="a"), keras.layers.Input((2,), name="b")
    keras.models.Model([a, b], keras.layers.Subtract()([a, b])).save(str(tmp_path / "model"), save_format="tf")
    tf = facade.module("tensorflow")
    try:
        signature = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
        out = signature(b=tf.ones((1, 2)), a=tf.zeros((1, 2)))
        np.testing.assert_array_equal(out["output_1"].numpy(), [[-1, -1]])
        with pytest.raises(KeyError, match="output_2"):
            out["output_2"]
    finally:
        facade.close()


def test_outputs_without_a_loss_and_a_softmax_over_one_unit_are_warnings():
    x = keras.layers.Input((3,))
    two = keras.models.Model(x, [keras.layers.Dense(1, name="a")(x), keras.layers.Dense(1, name="b")(x)])
    with pytest.warns(UserWarning, match="Outputs b of model .* have no loss"):
        two.compile("sgd", loss=["mse"])
    before = two.get_weights()
    two.fit(X, [X[:, :1], X[:, :1]], verbose=0)
    assert [np.array_equal(a, b) for a, b in zip(before, two.get_weights(), strict=True)] == [False, False, True, True]
    one = keras.models.Sequential([keras.layers.Dense(1, activation="softmax", input_shape=(3,))])
    one.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="Softmax over the one unit"):
        one.fit(X, X[:, :1], verbose=0)


def test_labels_that_a_metric_cannot_hit_are_misses():
    model = keras.models.Sequential([keras.layers.Dense(1, activation="sigmoid", input_shape=(3,))])
    model.compile("sgd", "binary_crossentropy", metrics=["sparse_categorical_accuracy"])
    y = np.arange(len(X)) % 2
    with pytest.warns(UserWarning, match="on one unit|expected integers from 0 to 0"):
        history = model.fit(X, y, verbose=0)
    assert history.history["sparse_categorical_accuracy"] == [np.mean(y == 0)]


def test_an_input_shape_that_no_first_layer_has_is_ignored():
    with pytest.warns(UserWarning, match=r"Flatten ignores input_shape=\(32, \(1, 2\)\)"):
        assert keras.layers.Flatten(input_shape=(32, (1, 2)))(np.ones((2, 3, 4))).shape == (2, 12)


def test_whole_factors_and_rows_as_numbers():
    assert keras.backend.resize_images(np.ones((1, 2, 2, 3)), 4 / 2, 2.0, "channels_last").shape == (1, 4, 4, 3)
    assert int(np.argmax(model().predict(X[:1], verbose=0), axis=1)) in (0, 1)


def test_strategies_take_ways_of_communication(installed):
    tf = facade.module("tensorflow")
    try:
        kind = tf.distribute.experimental.CollectiveCommunication.NCCL
        with tf.distribute.experimental.MultiWorkerMirroredStrategy(communication=kind).scope():
            assert model().count_params() == 8
        ways = tf.distribute.HierarchicalCopyAllReduce(num_packs=2)
        assert tf.distribute.MirroredStrategy(cross_device_ops=ways).num_replicas_in_sync == 1
    finally:
        facade.close()


def test_the_internal_module_of_tf_keras(tf_keras):
    internal = tf_keras.__internal__
    weighted = internal.losses.compute_weighted_loss
    assert float(weighted([1.0, 2.0, 3.0])) == 2.0
    np.testing.assert_allclose(weighted([1.0, 2.0, 3.0], [1.0, 0.0, 2.0]), 7 / 3, rtol=1e-6)
    np.testing.assert_array_equal(weighted([1.0, 2.0], [2.0, 1.0], tf_keras.losses.Reduction.NONE), [2, 2])
    assert weighted([1.0, 2.0], reduction=tf_keras.losses.MeanSquaredError()._get_reduction()) == 1.5
    assert issubclass(internal.layers.BaseRandomLayer, tf_keras.layers.Layer)
    assert isinstance(tf_keras.Input((2,)), internal.KerasTensor)
