"""Functions and arguments that only Keras 1 had, and functions that returned something else in Keras 1 and 2."""

import json

import h5py
import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.compat.tables import listed

keras = root("keras")
K, layers, metrics = keras.backend, keras.layers, keras.metrics
METRICS = listed("""binary_accuracy categorical_accuracy mean_squared_error mean_absolute_error squared_hinge hinge
    mean_absolute_percentage_error mean_squared_logarithmic_error categorical_crossentropy binary_crossentropy
    poisson cosine_proximity matthews_correlation kullback_leibler_divergence mse MAE""")


@pytest.mark.parametrize("name", METRICS)
def test_metrics_of_keras_1_are_means_over_the_batch(keras_1, name):
    y = K.variable(np.random.default_rng(0).random((6, 7)))
    assert K.eval(getattr(metrics, name)(y, y)).shape == ()


def test_sparse_and_top_k_metrics_of_keras_1(keras_1):
    y, p = K.variable([[0, 1, 0], [1, 0, 0]]), K.variable([[0.3, 0.2, 0.1], [0.1, 0.2, 0.7]])
    assert [float(K.eval(metrics.top_k_categorical_accuracy(y, p, k=k))) for k in (1, 2, 3)] == [0, 0.5, 1]
    assert K.eval(metrics.sparse_categorical_accuracy(K.variable([0, 2]), p)) == 1


def test_a_metric_function_may_return_a_dict(keras_1):
    def powers(y_true, y_pred):
        mean = K.mean(K.pow(y_true - y_pred, 2))
        return {"squared": K.pow(mean, 2), "cubed": K.pow(mean, 3)}

    model = keras.models.Sequential([layers.Dense(1, input_dim=2, init="one")])
    model.compile("sgd", "mse", metrics=[powers, "mae"])
    assert model.metrics_names == ["loss", "squared", "cubed", "mean_absolute_error"]
    found = model.evaluate(np.ones((4, 2)), np.zeros(4), verbose=0)
    np.testing.assert_allclose(found, [4, 16, 64, 2])


def test_regularizers_of_activities_by_name(keras_1):
    model = keras.models.Sequential([layers.Dense(1, input_dim=2, init="one", activity_regularizer="activity_l2")])
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((4, 2)), np.full(4, 2.0), verbose=0) == pytest.approx(4 * 0.01 * 4)


def test_regularizers_of_activities_count_the_batch_once(keras_1):
    given = keras.regularizers.activity_l2(0.5)
    model = keras.models.Sequential([layers.Dense(1, input_dim=2, init="one", activity_regularizer=given)])
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((4, 2)), np.full(4, 2.0), verbose=0) == pytest.approx(4 * 0.5 * 4)


def test_activity_regularizer_has_no_part_that_is_not_given(keras_1):
    given = keras.regularizers.ActivityRegularizer(l2=0.5)
    model = keras.models.Sequential([layers.Dense(1, input_dim=2, init="one", activity_regularizer=given)])
    model.compile("sgd", "mse")
    assert model.evaluate(np.ones((4, 2)), np.full(4, 2.0), verbose=0) == pytest.approx(4 * 0.5 * 4)


def test_an_epoch_of_samples_ends_when_the_batches_have_as_many(keras_1):
    sizes = []

    class Sizes(keras.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            sizes.append((batch, int(logs["size"])))

    def batches():
        while True:
            for size in (5, 5, 2):
                yield np.full((size, 1), size), np.zeros((size, 1))

    model = keras.models.Sequential([layers.Dense(1, input_dim=1, init="one")])
    model.compile(keras.optimizers.SGD(lr=0.0), "mse")
    validation = batches()
    history = model.fit_generator(
        batches(), 10, 3, verbose=0, validation_data=validation, nb_val_samples=10, callbacks=[Sizes()]
    ).history
    assert sizes == [(0, 5), (1, 5), (0, 2), (1, 5), (2, 5), (0, 2), (1, 5), (2, 5)]
    np.testing.assert_allclose(history["loss"], [25, 258 / 12, 258 / 12], rtol=1e-6)
    np.testing.assert_allclose(history["val_loss"], history["loss"], rtol=1e-6)
    source = batches()
    found = [model.evaluate_generator(source, 10) for _ in range(2)]
    np.testing.assert_allclose(found, [25, 258 / 12], rtol=1e-6)


def test_arguments_of_classes_of_programs_keep_their_names_in_json_texts(keras_1):
    class Scaled(keras.engine.topology.Layer):
        def __init__(self, output_dim, **kwargs):
            self.output_dim = output_dim
            super().__init__(**kwargs)

        def build(self, input_shape):
            self.W = self.add_weight((input_shape[1], self.output_dim), initializer="one", name="W")

        def call(self, x, mask=None):
            return K.dot(x, self.W)

        def get_output_shape_for(self, input_shape):
            return input_shape[0], self.output_dim

        def get_config(self):
            return {**super().get_config(), "output_dim": self.output_dim}

    model = keras.models.Sequential([Scaled(3, input_shape=(4,)), layers.Dense(1)])
    again = keras.models.model_from_json(model.to_json(), custom_objects={"Scaled": Scaled})
    assert again.layers[0].output_dim == 3


def test_sides_of_zero_padding(keras_1):
    one = layers.ZeroPadding1D(padding={"left_pad": 1, "right_pad": 2})
    assert one.padding == (1, 2)
    sides = {"top_pad": 1, "bottom_pad": 2, "left_pad": 3, "right_pad": 4}
    for given in (sides, (1, 2, 3, 4)):
        assert layers.ZeroPadding2D(padding=given).padding == ((1, 2), (3, 4))


def test_initializations_take_the_order_of_theano(keras_1):
    for options in ({}, {"dim_ordering": "th"}):
        weights = K.get_value(keras.initializations.lecun_uniform((25, 30, 2, 2), **options))
        assert weights.shape == (25, 30, 2, 2)
        assert abs(weights).max() == pytest.approx(np.sqrt(3 / 120), rel=0.01)
    weights = K.get_value(keras.initializations.lecun_uniform((2, 2, 30, 25), dim_ordering="tf"))
    assert abs(weights).max() == pytest.approx(np.sqrt(3 / 120), rel=0.01)


def test_kernels_in_the_order_of_theano(keras_1):
    x, kernel = np.random.default_rng(0).random((2, 3, 5, 6)), np.random.default_rng(1).random((4, 3, 2, 2))
    of_keras = np.moveaxis(kernel, (1, 0), (-2, -1))
    found = [K.eval(K.conv2d(K.variable(x), K.variable(k), dim_ordering="th")) for k in (kernel, of_keras)]
    assert found[0].shape == (2, 4, 4, 5)
    np.testing.assert_allclose(*found)
    np.testing.assert_array_equal(
        keras.utils.np_utils.convert_kernel(kernel, dim_ordering="th"), kernel[..., ::-1, ::-1]
    )


def test_products_over_the_samples(keras_1):
    x, y = K.ones((32, 20)), K.ones((20, 32))
    assert K.eval(K.batch_dot(x, x, axes=0)).shape == (20, 1)
    assert K.eval(K.batch_dot(x, y, axes=(0, 1))).tolist() == [[32.0]] * 20
    assert K.eval(K.batch_dot(x, y, axes=(1, 0))).tolist() == [[20.0]] * 32
    assert K.eval(K.lesser(x, x)).any() == K.eval(K.lesser_equal(x, 0.5 * x)).any() == False  # noqa: E712


def test_files_of_checkpoints_count_from_0(keras_1, tmp_path):
    model = keras.models.Sequential([layers.Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    kept = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch:02d}.h5"), period=2)
    model.fit(np.ones((4, 2)), np.ones(4), nb_epoch=4, verbose=0, callbacks=[kept])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01.h5", "03.h5"]


def test_shared_axes_may_be_one_axis(keras_1):
    layer = layers.SReLU(shared_axes=1)
    layer.build((None, 4, 5))
    assert layer.get_weights()[0].shape == (1, 5)


def test_functions_of_images_take_dim_ordering(keras_1):
    x, kernel = K.variable(np.ones((1, 2, 3, 4))), K.variable(np.ones((2, 2, 5, 2)))
    assert K.eval(K.resize_images(x, 2, 3, dim_ordering="th")).shape == (1, 2, 6, 12)
    assert K.eval(K.resize_volumes(K.variable(np.ones((1, 2, 3, 4, 1))), 1, 2, 3, dim_ordering="tf")).shape[1] == 2
    made = K.deconv2d(x, kernel, (1, 5, 6, 8), strides=(2, 2), border_mode="same", dim_ordering="th", filter_shape=None)
    assert K.eval(made).shape == (1, 5, 6, 8)


def test_images_take_dim_ordering(keras_1):
    image = keras.preprocessing.image
    picture = image.array_to_img(np.ones((3, 4, 5)), dim_ordering="th")
    assert image.img_to_array(picture, dim_ordering="th").shape == (3, 4, 5)
    assert image.img_to_array(picture, dim_ordering="tf").shape == (4, 5, 3)


def test_custom_objects_are_global_inside_of_the_scope(keras_2):
    with keras.utils.generic_utils.custom_object_scope({"One": 1}, {"Two": 2}):
        assert keras.utils.get_custom_objects()["Two"] == 2
        assert keras.utils.generic_utils.get_from_module("One", {}, "here") == 1
    assert "One" not in keras.utils.get_custom_objects()


def _flat_model(losses):
    model = keras.Sequential([keras.layers.Flatten(input_shape=(4,))])
    model.compile("sgd", "binary_crossentropy", metrics=["binary_crossentropy", losses.binary_crossentropy])
    return model


def test_binary_crossentropy_of_a_certain_wrong_prediction(keras_2):
    y, p = np.array([[1.0, 0.0, 1.0, 0.0]]), np.array([[1.0, 1.0, 1.0, 0.0]])
    losses = keras.losses
    found = [losses.binary_crossentropy(y, p)[0], losses.BinaryCrossentropy()(y, p)]
    found += [metrics.BinaryCrossentropy()(y, p), np.mean(K.eval(K.binary_crossentropy(K.variable(y), K.variable(p))))]
    found += [losses.BinaryFocalCrossentropy(gamma=0.0)(y, p)]
    found += _flat_model(losses).evaluate(p, y, verbose=0)
    np.testing.assert_allclose([float(value) for value in found], 3.833, atol=1e-3)
    era.set_release(era.Release(3))
    found = [losses.binary_crossentropy(y, p)[0], *_flat_model(losses).evaluate(p, y, verbose=0)]
    np.testing.assert_allclose([float(value) for value in found], 3.986, atol=1e-3)


def test_the_threshold_nearest_to_the_bound(keras_2):
    y, p = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1], [0.0, 0.1, 0.2, 0.3, 0.4, 0.1, 0.45, 0.5, 0.8, 0.9]
    assert float(metrics.SpecificityAtSensitivity(0.8)(y, p)) == pytest.approx(0.4)
    era.set_release(era.Release(2, False))
    assert float(metrics.SpecificityAtSensitivity(0.8)(y, p)) == 1


def test_metrics_of_symbolic_tensors_are_reported(keras_2):
    x = layers.Input((1,))
    y = layers.Dense(1, kernel_initializer="ones")(x)
    model = keras.models.Model(x, y)
    model.add_metric(metrics.Mean(name="mean")(y))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    history = model.fit(np.arange(4.0), np.zeros(4), batch_size=2, verbose=0)
    assert history.history["mean"] == [1.5]


@pytest.mark.parametrize("kind", [list, dict])
def test_class_weights_by_output_of_generators(keras_2, kind):
    x = layers.Input((1,))
    outputs = [layers.Dense(1, kernel_initializer="ones", name=name)(x) for name in ("a", "b")]
    model = keras.models.Model(x, outputs)
    model.compile(keras.optimizers.SGD(0.0), "mse")

    def batches():
        while True:
            y = [np.zeros((2, 1)), np.ones((2, 1))]
            yield np.ones((2, 1)), y if kind is list else dict(zip("ab", y, strict=True))

    history = model.fit_generator(batches(), 2, verbose=0, class_weight={"a": {0: 3.0}, "b": {1: 5.0}}).history
    assert history["loss"] == [3.0]


def test_beam_search_on_symbolic_tensors(keras_2):
    probabilities = np.array([[[0.3, 0.1, 0.6], [0.6, 0.1, 0.3], [0.1, 0.7, 0.2]]])
    x, lengths = K.placeholder((None, 3, 3)), K.placeholder((None,), dtype="int32")
    eager, scores = K.ctc_decode(probabilities, np.array([3]), greedy=False, beam_width=4, top_paths=2)
    paths, score = K.ctc_decode(x, lengths, greedy=False, beam_width=4, top_paths=2)
    *found, value = K.function([x, lengths], [*paths, score])([probabilities, np.array([3])])
    np.testing.assert_allclose(value, scores, rtol=1e-5)
    for path, wanted in zip(found, eager, strict=True):
        assert path[0][path[0] >= 0].tolist() == np.asarray(wanted)[0].tolist()
    merged = K.ctc_decode(np.eye(3)[[2, 0, 2, 0, 1, 2, 1]][None], np.array([7]), False, 1, 1, merge_repeated=True)
    assert np.asarray(merged[0][0]).tolist() == [[0, 1]]


def test_cells_mark_their_output():
    class Marked(keras.layers.Layer):
        def call(self, x):
            h = x * 2
            h._uses_learning_phase = True
            return h

    model = keras.models.Sequential([keras.layers.Input((2,)), Marked()])
    np.testing.assert_array_equal(model.predict(np.ones((3, 2))), np.full((3, 2), 2.0))


def test_programs_set_the_shape_of_tensors(keras_2):
    """Also in a method that `call` uses; K.int_shape of Keras 2.2.4 gave the shape that the program had set."""
    x = layers.Input((4, 6))
    y = K.reshape(x, (-1, K.shape(x)[1], 6))
    y._keras_shape, y._uses_learning_phase = (None, 4, 6), x._uses_learning_phase
    assert K.int_shape(y) == (None, 4, 6)

    class Flat(keras.layers.Layer):
        def flat(self, inputs):
            out = K.reshape(inputs, (-1, 24))
            out._keras_shape, out._uses_learning_phase = (None, 24), inputs._uses_learning_phase
            return out

        def call(self, inputs):
            return self.flat(inputs) * 2

    model = keras.models.Sequential([layers.Input((4, 6)), Flat()])
    values = np.arange(48.0).reshape(2, 4, 6)
    np.testing.assert_array_equal(model.predict(values), 2 * values.reshape(2, 24))


def test_automatic_names_of_keras_1(keras_1):
    x = layers.Input((2,))
    one = layers.merge([x, x], mode="concat")
    model = keras.models.Model(x, layers.merge([one, one], mode="sum"))
    assert [layer.name for layer in model.layers[1:]] == ["merge_1", "merge_2"]
    made = [layers.BatchNormalization(mode=n) for n in (0, 1, 2)] + [layers.SeparableConvolution2D(2, 2, 2)]
    expected = [*(f"batchnormalization_{n}" for n in (1, 2, 3)), "separableconvolution2d_1"]
    assert [layer.name for layer in made] == expected


def _of_branches():
    """Branches of different length, which a layer merges; one of them begins with such a layer, too."""
    short, long, last = (keras.models.Sequential() for _ in range(3))
    short.add(layers.Dense(2, input_dim=2, bias=False))
    long.add(layers.Dense(2, input_dim=2, bias=False))
    long.add(layers.Activation("relu"))
    both = keras.models.Sequential([layers.Merge([short, long], mode="sum"), layers.Dense(2, bias=False)])
    last.add(layers.Dense(2, input_dim=2, bias=False))
    return keras.models.Sequential([layers.Merge([both, last], mode="max"), layers.Dense(2, bias=False)])


def _dense(number):
    config = {"name": f"dense_{number}", "output_dim": 2, "bias": False, "batch_input_shape": [None, 2]}
    return {"class_name": "Dense", "config": config}


def _merged(mode, number, *branches):
    inner = [{"class_name": "Sequential", "config": list(branch)} for branch in branches]
    return {"class_name": "Merge", "config": {"name": f"merge_{number}", "mode": mode, "layers": inner}}


def test_weights_of_branches_follow_each_other(keras_1, tmp_path):
    """In files of Keras 1 and in lists, whatever the lengths of the branches are."""
    kernels = [np.random.default_rng(n).normal(size=(2, 2)).astype("float32") for n in range(1, 6)]
    x = [np.random.default_rng(n).normal(size=(4, 2)).astype("float32") for n in range(3)]
    merged = x[0] @ kernels[0] + np.maximum(x[1] @ kernels[1], 0)
    expected = np.maximum(merged @ kernels[2], x[2] @ kernels[3]) @ kernels[4]
    relu = {"class_name": "Activation", "config": {"name": "activation_1", "activation": "relu"}}
    both = [_merged("sum", 1, [_dense(1)], [_dense(2), relu]), _dense(3)]
    config = {"class_name": "Sequential", "config": [_merged("max", 2, both, [_dense(4)]), _dense(5)]}
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["keras_version"] = "1.2.2"
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [f"dense_{n}".encode() for n in range(1, 6)]
        for n, kernel in enumerate(kernels, 1):
            group[f"dense_{n}/dense_{n}_W:0"] = kernel
            group[f"dense_{n}"].attrs["weight_names"] = [f"dense_{n}_W:0".encode()]
    built, listed = _of_branches(), _of_branches()
    for model in (built, keras.models.model_from_json(json.dumps({**config, "keras_version": "1.2.2"}))):
        model.load_weights(tmp_path / "m.h5")
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)
    listed.set_weights(kernels)
    for model in (listed, keras.models.load_model(tmp_path / "m.h5")):
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)
        np.testing.assert_array_equal(model.get_weights(), kernels)


def test_padding_of_single_sides():
    steps = K.eval(K.asymmetric_temporal_padding(K.variable(np.ones((1, 2, 1))), 2, 0))
    assert steps[0, :, 0].tolist() == [0, 0, 1, 1]
    image = K.variable(np.ones((1, 1, 2, 1)))
    assert K.eval(K.asymmetric_spatial_2d_padding(image, 1, 0, 0, 2))[0, ..., 0].tolist() == [[0] * 4, [1, 1, 0, 0]]
    assert K.eval(K.asymmetric_spatial_2d_padding(image, 1, 0, 0, 2, dim_ordering="th")).shape == (1, 1, 3, 3)
    K.set_legacy_weight_ordering(False)


def test_the_order_of_arguments_of_the_backend(keras_1):
    """Shapes of images and filters, then the dilation; epsilon after gamma. Judged by Keras 1.2.2."""
    K = keras_1.backend
    x, kernel = K.variable(np.ones((2, 3, 8, 8))), K.variable(np.ones((4, 3, 3, 3)))
    assert K.eval(K.conv2d(x, kernel, (1, 1), "valid", "th", (2, 3, 8, 8), (4, 3, 3, 3))).shape == (2, 4, 6, 6)
    assert K.eval(K.conv2d(x, kernel, (1, 1), "valid", "th", None, None, (2, 2))).shape == (2, 4, 4, 4)
    zeros, ones = K.variable(np.zeros(3)), K.variable(np.ones(3))
    normal = K.eval(K.batch_normalization(K.variable(np.ones((2, 3))), zeros, ones, zeros, ones, 0.5))
    np.testing.assert_allclose(normal, np.full((2, 3), 1.5**-0.5), rtol=1e-6)


def test_configs_contain_the_axis(keras_2):
    layers = [keras_2.layers.Concatenate(), keras_2.layers.BatchNormalization(), keras_2.layers.Softmax()]
    assert [layer.get_config()["axis"] for layer in layers] == [-1, -1, -1]


@pytest.mark.parametrize(("masked", "expected"), [((True, True), 2), ((True, False), 2), ((False, False), 3)])
def test_the_output_mask_of_a_merge_takes_the_list_of_masks(keras_1, masked, expected):
    """And is not called if no input has a mask."""

    def both(masks):
        return K.concatenate([masks[0], masks[0]])

    a, b = inputs = [layers.Input((2, 1)) for _ in masked]
    tensors = [layers.Masking()(x) if has_mask else x for x, has_mask in zip(inputs, masked, strict=True)]
    merged = layers.merge(tensors, mode=lambda pair: K.concatenate(pair, axis=1), output_mask=both)
    count = layers.Lambda(lambda x, mask=None: K.sum(x if mask is None else x * K.expand_dims(mask), axis=1))
    model = keras.models.Model([a, b], count(merged))
    data = np.array([[[1.0], [0.0]]]), np.ones((1, 2, 1))
    assert model.predict(list(data)).item() == expected
