"""Helper functions and tolerance of Keras 1 and 2 that programs rely on."""

import io

import numpy as np
import pytest

import gazelle
from gazelle.compat import old_names, theano
from gazelle.compat import tensorflow as tensorflow_facade
from gazelle.compat.arguments import one_element
from gazelle.compat.namespaces import namespace, root
from gazelle.compat.private import helpers
from gazelle.compat.private.engine import slice_X
from gazelle.compat.source import detect

keras = root("keras")
X = np.ones((4, 3), "float32")


def model(units=2, **options):
    made = keras.models.Sequential([keras.layers.Input((3,)), keras.layers.Dense(units)])
    made.compile("sgd", "mse", **options)
    return made


@pytest.mark.parametrize("module", ["layers", "compat.private.engine", "utils", "models", "backend"])
def test_helpers_are_found_in_every_module_with_and_without_an_underscore(module):
    found = namespace(f"gazelle.{module}")
    assert found._to_list is helpers.to_list
    assert found.to_list is helpers.to_list
    assert found.K.image_data_format() == "channels_last"
    with pytest.raises(AttributeError):
        found._no_such_helper  # noqa: B018


def test_modules_of_single_layers():
    assert old_names.path_of("gazelle.layers.core.dense") == "gazelle.layers"
    assert old_names.path_of("gazelle.layers.core.Dense") == "gazelle.layers.core.Dense"


def test_lists():
    assert helpers.to_list((1, 2)) == [(1, 2)]
    assert helpers.to_list((1, 2), allow_tuple=True) == [1, 2]
    assert helpers.unpack_singleton([3]) == 3
    assert helpers.is_all_none([None, None])
    assert helpers.has_arg(helpers.to_list, "allow_tuple")
    assert not helpers.has_arg(helpers.to_list, "x_")
    assert helpers.make_batches(5, 2) == [(0, 2), (2, 4), (4, 5)]
    assert sorted(helpers.batch_shuffle(np.arange(5), 2)) == list(range(5))
    assert helpers.make_divisible(37, 8) == 40
    assert helpers.count_params(model().weights) == 8
    assert helpers.collect_input_shape([X]) == (4, 3)
    assert helpers.standardize_args([1, 2, 3], None, None, 1) == (1, [2], [3])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_sizes_of_transposed_convolutions(padding):
    made = gazelle.layers.Conv2DTranspose(1, 5, strides=2, padding=padding).compute_output_shape((None, 7, 7, 1))
    assert helpers.deconv_output_length(7, 5, padding, stride=2) == made[1]
    assert helpers.deconv_length(7, 2, 3, padding, None, 2) == made[1]  # dilated to 5
    size = keras.utils.conv_output_length(9, 3, padding, 2)
    assert helpers.conv_input_length(size, 3, padding, 2) == 9
    assert [helpers.deconv_length(32, stride, 5, "full") for stride in (1, 2)] == [28, 59]  # as in Keras 2.3.1


def test_arguments_of_convolutions():
    utils = keras.utils.conv_utils
    assert utils.normalize_tuple([7, 9], 2, "kernel_size") == (7, 9)
    for wrong in (None, [2, 3, 4], ["a", "b"]):
        with pytest.raises(ValueError, match="kernel_size"):
            utils.normalize_tuple(wrong, 2, "kernel_size")
    assert utils.normalize_padding("SAME") == "same"
    for normalize in (utils.normalize_padding, utils.normalize_data_format):
        with pytest.raises(ValueError, match="middle"):
            normalize("middle")


def test_dropout_masks():
    ones = helpers.generate_dropout_ones(X, 2)
    masks = helpers.generate_dropout_mask(ones, 0.5, training=True, count=2)
    assert ones.shape == (4, 2)
    assert len(masks) == 2
    assert set(np.unique(masks)) <= {0.0, 2.0}
    dense = helpers.time_distributed_dense(np.ones((4, 5, 3), "float32"), np.ones((3, 2)), np.zeros(2))
    assert np.shape(dense) == (4, 5, 2)


def test_weights_in_groups_of_hdf5_files():
    h5py = pytest.importorskip("h5py")
    first, second = model(), model()
    with h5py.File(io.BytesIO(), "w") as file:
        helpers.save_weights_to_hdf5_group(file, first.layers)
        helpers.load_weights_from_hdf5_group(file, second.layers)
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])


def test_slices_of_inputs():
    assert slice_X([np.arange(3), None], [1])[1] is None
    assert slice_X(None) == [None]
    assert keras.models.slice_X is slice_X


def test_images_are_transformed_by_matrices():
    image = np.arange(12.0).reshape(1, 3, 4)
    shifted = keras.preprocessing.image.apply_transform(image, np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]]))
    np.testing.assert_array_equal(shifted[0, 0], image[0, 1])


def test_predictions_and_weights_of_one_element_are_numbers():
    made = model(1)
    found = made.predict(X, verbose=0)
    assert float(found[0]) == found[0, 0]
    assert repr(found).startswith("array(")
    assert type(one_element.as_numbers(X)) is np.ndarray
    line = np.zeros(2)
    line[0] = found[0]
    assert line[0] == found[0, 0]
    assert int(made.get_weights()[1]) == 0
    assert [round(row) for row in one_element.as_numbers(np.array([[0.7], [0.2]]))] == [1, 0]
    assert round(found[0], 1) == round(float(found[0]), 1)
    assert isinstance(np.mean(found), np.float32)
    assert {found.max(): "a number has a hash"}
    assert type(found - 1) is type(found)


@pytest.mark.parametrize("verbose", [None, 1.0, (X, X), 7])
def test_verbose_of_any_type(verbose):
    model().fit(X, X[:, :2], verbose=verbose)
    model().fit(X, X[:, :2], 2, 1, verbose)


def test_callbacks_that_are_no_list():
    ends = []
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(epoch))
    for given in (stop, (stop,), [[stop]]):
        model().fit(X, X[:, :2], callbacks=given, validation_data=(X, X[:, :2]), verbose=0)
    assert ends == [0, 0, 0]


def test_labels_for_which_a_loss_has_a_value_are_a_warning():
    made = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, "sigmoid", kernel_initializer="zeros")])
    made.compile(keras.optimizers.SGD(0.0), "binary_crossentropy")
    with pytest.warns(UserWarning, match="expected values from 0 to 1, got 2"):
        logs = made.fit(np.ones((3, 1)), np.array([0, 1, 2]), verbose=0).history
    assert logs["loss"] == pytest.approx([np.log(2)], rel=1e-6)
    with pytest.raises(gazelle.errors.DataError):
        made.fit(np.ones((3, 1)), np.array([0, 1, np.nan]), verbose=0)


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "BinaryFocalCrossentropy"])
def test_binary_labels_that_broadcast_are_an_error_as_in_keras_3(name):
    labels, predictions = np.array([[0.0], [1], [0]]), np.full((3, 3), 0.5)
    found = [getattr(keras.losses, name)()]
    if name == "BinaryCrossentropy":
        found += [keras.losses.binary_crossentropy, keras.metrics.BinaryCrossentropy()]
    for function in found:  # in Keras 3.15.1 a ValueError
        with pytest.raises(gazelle.errors.ShapeError, match="cannot compare y"):
            function(labels, predictions)
    made = model()
    made.compile("sgd", getattr(keras.losses, name)(from_logits=True))
    with pytest.raises(ValueError, match="cannot compare y"):
        made.fit(X, X[:, :1], verbose=0)


def test_labels_that_broadcast_are_a_warning():
    made = model()
    with pytest.warns(UserWarning, match=r"Loss 'mean_squared_error' cannot compare y with the model's output"):
        found = made.fit(X, X[:, :1], verbose=0).history["loss"]
    again = model()
    again.set_weights(made.get_weights())
    assert len(found) == 1
    with pytest.warns(UserWarning, match="cannot compare y"):
        assert float(keras.losses.MeanSquaredError()(X[:, :1], X * 3)) == 4.0
    with pytest.warns(UserWarning, match="cannot compare y"):
        np.testing.assert_allclose(keras.losses.mean_squared_error(X[:, :1], X * 3), 4.0)
    with pytest.warns(UserWarning, match="cannot compare y"):  # the labels of one sample
        assert float(keras.losses.CategoricalCrossentropy()(np.eye(2)[0], np.eye(2)[:1])) < 1e-6
    with pytest.raises(gazelle.errors.ShapeError, match="cannot compare y"):
        keras.losses.CategoricalCrossentropy()(np.eye(2)[0], np.eye(2))
    with pytest.raises(gazelle.errors.ShapeError, match="cannot compare y"):
        made.fit(X, np.ones((4, 5)), verbose=0)
    plain = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
    plain.compile("sgd", "mse")
    with pytest.raises(gazelle.errors.ShapeError, match="cannot compare y"):
        plain.fit(X, X[:, :1], verbose=0)


def test_configs_of_optimizers_with_earlier_arguments():
    config = {"class_name": "RMSprop", "config": {"lr": 0.25, "rho": 0.5}}
    for found in (keras.optimizers.deserialize(config), keras.optimizers.get(config)):
        assert float(found.learning_rate) == 0.25
        assert found.rho == 0.5
    assert float(keras.optimizers.Adam.from_config({"lr": 0.5}).learning_rate) == 0.5


def test_random_streams_of_theano():
    streams = theano.module("theano.tensor.shared_randomstreams").RandomStreams(seed=1)
    assert streams.normal((2, 3)).shape == (2, 3)
    assert streams.uniform((2,)).shape == (2,)
    assert set(np.unique(streams.binomial((20,), p=0.5))) <= {0.0, 1.0}


def test_parts_of_contrib_are_imported_and_fail_when_they_are_used():
    found = tensorflow_facade.module("tensorflow.contrib.graph_editor")
    with pytest.raises(AttributeError, match=r"tf\.contrib was removed with TensorFlow 1"):
        found.graph_replace  # noqa: B018
    tensorflow_facade.close()


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (True, "os.environ['KERAS_BACKEND'] = 'theano'"),
        (False, "os.environ['KERAS_BACKEND'] = 'theano'; K.set_image_dim_ordering('tf')"),
        (True, "Convolution2D(64, 5, 5, input_shape=(1, 28, 28))"),
        (True, "Input(shape=(img_channels, img_rows, img_cols))"),
        (True, "Reshape((1, 28, 28), input_shape=(28, 28))"),
        (True, "X.reshape(X.shape[0], 1, rows, columns)"),
        (True, "Convolution2D(nb_filter, 3, 3, 3, border_mode='full')"),
        (False, "Convolution2D(nb_filter, 3, 3, border_mode='full')"),
        (False, "Input(shape=(28, 28, 1))"),
        (False, "Input(shape=(3, 3, 3))"),
        (False, "Input(shape=(rows, columns, channels))"),
        (False, "Input(shape=(28, 28, 1))  # Theano: Input(shape=(1, 28, 28))"),
    ],
)
def test_programs_of_keras_1_with_the_channels_first(first, text):
    assert detect.orders_as_theano("", f"Convolution2D; {text}") is first


def test_attributes_of_layers_models_and_optimizers():
    lstm, conv = keras.layers.LSTM(2), keras.layers.Conv2D(2, (3, 5))
    lstm(keras.layers.Input((4, 3)))
    conv(keras.layers.Input((8, 8, 1)))
    assert lstm.kernel is lstm.cell.kernel is lstm.W
    assert (lstm.output_dim, lstm.inner_activation, lstm.dropout_W) == (2, lstm.recurrent_activation, 0.0)
    assert (conv.nb_row, conv.nb_col, conv.W_shape) == (3, 5, (3, 5, 1, 2))
    assert conv.get_output_shape_for((None, 8, 8, 1)) == (None, 6, 4, 2)
    assert conv.stateful is False
    made = model(loss_weights=[0.5])
    assert made.loss_weights == [0.5]
    assert made.input_layers[0].name == made.input_names[0]
    assert made.input_layers_node_indices == made.input_layers_tensor_indices == [0]
    assert made.output_layers == made.layers[-1:]
    assert [loss.__name__ for loss in made.loss_functions] == ["mean_squared_error"]
    assert made._is_graph_network
    outer = made(keras.layers.Input((3,)))
    assert made.get_input_shape_at(0) == (None, 3)
    assert made.get_output_at(0) is made.output
    assert made.get_output_at(1) is outer
    assert not model().regularizers
    assert made.weights[0].op.name.endswith(f"/{made.weights[0].name}")
    assert made.optimizer._get_hyper("learning_rate") is made.optimizer.learning_rate
    assert made.get_input_mask_at(0) is made.get_output_mask_at(0) is None
    metric = keras.metrics.Mean()
    metric.update_state([3.0])
    assert [float(array) for array in metric.get_weights()] == [float(v) for v in metric.weights] == [3.0, 1.0]
    assert not metric.trainable_weights
    assert keras.callbacks.Callback().validation_data is None


@pytest.mark.parametrize("inside", ["models.optimizers", "layers.regularizers", "engine.topology.initializers"])
def test_modules_that_modules_imported(inside):
    module, _, name = inside.rpartition(".")
    found = keras
    for part in module.split("."):
        found = getattr(found, part)
    assert getattr(found, name).get is getattr(keras, name).get
    assert keras.layers.initializations.uniform is keras.initializations.uniform
    assert keras.layers.objectives.mse is keras.losses.mse


def test_names_of_keras_experimental_and_settings_before_keras_1():
    assert keras.experimental.CosineDecay is keras.optimizers.schedules.CosineDecay
    assert keras.experimental.load_from_saved_model is keras.models.load_model
    assert keras.experimental.export_saved_model.__name__ == "export_saved_model"
    K = keras.backend
    assert (K.backend(), 1e-7, "float32") == (K._BACKEND, K._EPSILON, K._FLOATX)


def test_shapes_of_layers_are_printed(capsys):
    keras.utils.layer_utils.print_layer_shapes(model(), (4, 3))
    assert "(None, 2)" in capsys.readouterr().out


def test_unknown_sizes_of_a_symbolic_tensor_are_set():
    tensor = keras.layers.Reshape((-1, 2))(keras.layers.Input((None,)))
    tensor.set_shape((None, 5, 2))
    assert tensor.shape == (None, 5, 2)


def test_the_digits_of_the_tutorials_of_tensorflow_1(monkeypatch):
    images, labels = np.full((30, 28, 28), 255, "uint8"), np.arange(30) % 10
    monkeypatch.setattr(gazelle.datasets.mnist, "load_data", lambda: ((images, labels), (images[:5], labels[:5])))
    module = tensorflow_facade.module("tensorflow.examples.tutorials.mnist.input_data")
    found = module.read_data_sets("MNIST_data/", one_hot=True, validation_size=10)
    assert (found.train.num_examples, found.validation.num_examples, found.test.num_examples) == (20, 10, 5)
    batches = [found.train.next_batch(10) for _ in range(3)]
    assert batches[0][0].shape == found.validation._images.shape == (10, 784)
    assert batches[0][0].max() == 1
    assert sum(y.sum(axis=0) for _, y in batches[:2]).tolist() == [2] * 10  # each sample once
    assert found.train.epochs_completed == 1
    assert found.train._labels is found.train.labels
    assert module.read_data_sets(reshape=False).test.images.shape == (5, 28, 28, 1)
    learn = tensorflow_facade.module("tensorflow.contrib.learn")
    assert learn.datasets.mnist.read_data_sets is module.read_data_sets
    monkeypatch.setattr(
        gazelle.datasets.mnist, "load_data", lambda: ((np.tile(images, (167, 1, 1)),) * 2, (images,) * 2)
    )
    assert learn.datasets.load_dataset("mnist").train.num_examples == 10
    tensorflow_facade.close()


def test_tables_of_the_tutorials_of_tensorflow_1(tmp_path):
    tf = tensorflow_facade.module("tensorflow")
    base = tensorflow_facade.module("tensorflow.contrib.learn.python.learn.datasets.base")
    (tmp_path / "rows.csv").write_text("2,2,a,b\n1,2.5,0\n3,4,1\n")
    found = base.load_csv_with_header(filename=tmp_path / "rows.csv", target_dtype=int, features_dtype="float32")
    assert (found.data.tolist(), found.target.tolist()) == ([[1, 2.5], [3, 4]], [0, 1])
    (tmp_path / "rows.csv").write_text("0,1,2\n")
    found = tf.contrib.learn.datasets.base.load_csv_without_header(tmp_path / "rows.csv", "int64", "int64", 0)
    assert (found.data.tolist(), found.target.tolist()) == ([[1, 2]], [0])
    with pytest.raises(ValueError, match="expected 'mnist'"):
        tf.contrib.learn.datasets.load_dataset("wine")
    tensorflow_facade.close()


@pytest.mark.parametrize("given", [{"batch_size": 4, "dtype": "float32"}, {"inputs": X}, {}])
def test_initial_states_of_keras_2(given):
    for made in (keras.layers.LSTMCell(2), keras.layers.LSTM(2)):
        states = made.get_initial_state(*(() if given else (4,)), **given)
        assert [state.shape for state in states] == [(4, 2), (4, 2)]


def test_devices_as_tensorflow_1_listed_them():
    found = tensorflow_facade.module("tensorflow.python.client.device_lib").list_local_devices()
    assert ("/device:CPU:0", "CPU", "") in [(d.name, d.device_type, d.physical_device_desc) for d in found]
    tensorflow_facade.close()


def test_shapes_of_whole_floats():
    tf = tensorflow_facade.module("tensorflow")
    assert tf.zeros([3.0, 1.0]).shape == tf.random.normal((3.0, 1.0)).shape == (3, 1)
    tensorflow_facade.close()


def test_set_inputs_builds_a_model(keras_2):
    class Doubled(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x) * 2

    tf = tensorflow_facade.module("tensorflow")
    for x in (X, tf.constant(X)):
        made = Doubled()
        made._set_inputs(x)
        assert [tuple(weight.shape) for weight in made.weights] == [(3, 2), (2,)]
    made._set_inputs(np.ones((4, 5)))  # it is built already
    assert made(X).shape == (4, 2)


def test_details_of_a_device():
    tf = tensorflow_facade.module("tensorflow")
    device = tf.config.list_physical_devices("CPU")[0]
    assert tf.config.experimental.get_device_details(device) == {"device_name": device.name}
    tensorflow_facade.close()


def test_validation_data_of_a_model_without_labels(keras_2):
    x = keras.Input((3,))
    y = keras.layers.Dense(3)(x)
    model = keras.Model(x, y)
    model.add_loss(keras.backend.mean(keras.backend.square(x - y)))
    model.compile("sgd", loss=None)
    callback = keras.callbacks.EarlyStopping(patience=3)
    model.fit(np.ones((10, 3)), validation_split=0.2, batch_size=2, callbacks=[callback], verbose=0)
    assert [part.shape for part in callback.validation_data] == [(2, 3)]
