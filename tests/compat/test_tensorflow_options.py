"""Options of functions of `tensorflow` that change the result."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle.compat import tensorflow as facade
from gazelle.core.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.random((2, 6, 6, 4), dtype="float32")
KERNEL = RNG.random((3, 3, 4, 5), dtype="float32")


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def first(images):
    """Images with the channels first."""
    return np.moveaxis(np.asarray(images), -1, 1)


def shape_first(sizes):
    return [sizes[0], sizes[-1], *sizes[1:-1]]


CALLS = {
    "conv2d": lambda tf, x, s, f: tf.nn.conv2d(x, KERNEL, s([1, 2, 2, 1]), "SAME", f),
    "conv2d dilated": lambda tf, x, s, f: tf.nn.conv2d(x, KERNEL, 1, "VALID", f, s([1, 2, 2, 1])),
    "convolution": lambda tf, x, s, f: tf.nn.convolution(x, KERNEL, None, "VALID", f),
    "conv2d_transpose": lambda tf, x, s, f: tf.nn.conv2d_transpose(
        x, KERNEL.swapaxes(2, 3), s([2, 12, 12, 5]), s([1, 2, 2, 1]), "SAME", f
    ),
    "depthwise_conv2d": lambda tf, x, s, f: tf.nn.depthwise_conv2d(x, KERNEL, [1, 1, 1, 1], "SAME", f, (2, 2)),
    "separable_conv2d": lambda tf, x, s, f: tf.nn.separable_conv2d(
        x, KERNEL[..., :1], np.ones((1, 1, 4, 3), "float32"), [1, 1, 1, 1], "SAME", f
    ),
    "max_pool": lambda tf, x, s, f: tf.nn.max_pool(x, s([1, 2, 2, 1]), s([1, 2, 2, 1]), "SAME", f),
    "avg_pool2d": lambda tf, x, s, f: tf.nn.avg_pool2d(x, 3, 1, "VALID", f),
    "bias_add": lambda tf, x, s, f: tf.nn.bias_add(x, np.arange(4.0, dtype="float32"), f),
    "depth_to_space": lambda tf, x, s, f: tf.nn.depth_to_space(tf.concat([x, -x], 1 if f == "NCHW" else -1), 2, f),
    "space_to_depth": lambda tf, x, s, f: tf.nn.space_to_depth(x, 2, f),
}


@pytest.mark.parametrize("name", CALLS)
def test_channels_first(tf, name):
    last = CALLS[name](tf, X, list, "NHWC")
    np.testing.assert_allclose(CALLS[name](tf, first(X), shape_first, "NCHW"), first(last), rtol=1e-4)


def test_dilations_change_the_result(tf):
    plain, dilated = (tf.nn.depthwise_conv2d(X, KERNEL, [1, 1, 1, 1], "VALID", None, d) for d in (None, (2, 2)))
    assert plain.shape == (2, 4, 4, 20)
    assert dilated.shape == (2, 2, 2, 20)
    wide = np.zeros((5, 5, 4, 5), "float32")
    wide[::2, ::2] = KERNEL
    np.testing.assert_allclose(dilated, tf.nn.depthwise_conv2d(X, wide, [1, 1, 1, 1], "VALID"), rtol=1e-4)


def test_pooling_over_channels(tf):
    pairs = X.reshape(2, 6, 6, 2, 2)
    np.testing.assert_array_equal(tf.nn.max_pool(X, (1, 1, 1, 2), (1, 1, 1, 2), "VALID"), pairs.max(-1))
    np.testing.assert_allclose(tf.nn.avg_pool(X, (1, 1, 1, 2), (1, 1, 1, 2), "SAME"), pairs.mean(-1), rtol=1e-6)
    with pytest.raises(ArgumentError, match="Pooling over channels: expected sizes of 1 along the other axes"):
        tf.nn.max_pool(X, (1, 2, 2, 2), (1, 2, 2, 2), "VALID")


def test_convolution_of_sequences(tf):
    np.testing.assert_allclose(tf.nn.convolution(X[:, 0], KERNEL[0]), tf.nn.conv1d(X[:, 0], KERNEL[0], 1, "VALID"))


def test_matrices(tf):
    assert tf.linalg.diag([1.0, 2.0], k=1).numpy().tolist() == [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    assert tf.linalg.diag([[1], [2]], k=-1).numpy().tolist() == [[[0, 0], [1, 0]], [[0, 0], [2, 0]]]
    assert tf.linalg.diag([1, 2], num_rows=3).numpy().tolist() == [[1, 0], [0, 2], [0, 0]]
    assert tf.linalg.diag([1, 2], k=1, num_cols=4, padding_value=9).numpy().tolist() == [[9, 1, 9, 9], [9, 9, 2, 9]]
    with pytest.raises(ValueError, match=r"tf\.linalg\.diag: expected num_rows=2 or num_cols=2, .* got 3 and 3"):
        tf.linalg.diag([1, 2], num_rows=3, num_cols=3)


def test_uniform_draws_between_lists(tf):
    values = tf.random.uniform((100, 2), [0, 10], [1, 20]).numpy()
    assert ((values >= [0, 10]) & (values < [1, 20])).all()
    assert values[:, 1].max() > 12
    assert tf.random.uniform((2,), [5, 6]).shape == (2,)


def test_a_closed_array_is_empty(tf):
    array = tf.TensorArray(tf.float32, 1).write(0, 2.0)
    array.close()
    assert array.size() == 0
    found = tf.linalg.eigvals([[0.0, 1.0], [-1.0, 0.0]]).numpy()
    np.testing.assert_allclose(sorted(found, key=np.imag), [-1j, 1j], atol=1e-6)


def test_counts(tf):
    assert tf.math.bincount([[1, 1], [2, 0]], axis=-1).numpy().tolist() == [[0, 2, 0], [1, 0, 1]]
    assert tf.math.bincount([[1, 1], [2, 0]]).numpy().tolist() == [1, 2, 1]
    assert tf.math.bincount([1, 1, 3], binary_output=True).numpy().tolist() == [0, 1, 0, 1]
    assert tf.math.bincount([1, 1], [0.5, 1.0], dtype=tf.float32).numpy().tolist() == [0, 1.5]


def test_losses_and_loops(tf):
    full = tf.nn.log_poisson_loss([0.0, 1.0, 3.0], [0.0, 0.0, 0.0], compute_full_loss=True)
    stirling = 3 * np.log(3) - 3 + 0.5 * np.log(6 * np.pi)
    np.testing.assert_allclose(full, [1, 1, 1 + stirling], rtol=1e-6)
    np.testing.assert_allclose(
        tf.nn.embedding_lookup([[3.0, 4.0], [0.3, 0.4]], [0, 1], max_norm=1.0), [[0.6, 0.8], [0.3, 0.4]]
    )
    assert tf.scan(lambda a, b: a + b, [1.0, 2.0, 3.0], reverse=True).numpy().tolist() == [6, 5, 3]
    assert tf.map_fn(lambda v: v * 2, [1.0, 2.0]).numpy().tolist() == [2, 4]


def test_texts(tf):
    shown = [
        tf.strings.as_string([1.5], precision=2, width=7, fill="0"),
        tf.strings.as_string([1.5], precision=1, scientific=True),
        tf.strings.as_string([1.5], shortest=True),
        tf.strings.as_string([3, 12], width=3),
    ]
    assert [v for one in shown for v in one.numpy()] == [b"0001.50", b"1.5e+00", b"1.5", b"  3", b" 12"]
    fields = tf.io.decode_csv(["1,NA,x"], [0.5, "none"], na_value="NA", select_cols=[1, 2])
    assert [one.numpy().tolist() for one in fields] == [[0.5], [b"x"]]
    assert tf.strings.lower("ÀÉ", encoding="utf-8").numpy().decode() == "àé"


def test_areas_of_images(tf):
    image = RNG.random((1, 6, 9, 2), dtype="float32")
    means = tf.image.resize(image, (2, 3), "area")
    np.testing.assert_allclose(means, tf.nn.avg_pool2d(image, 3, 3, "VALID"), rtol=1e-5)
    line = tf.image.resize(np.arange(3.0).reshape(1, 3, 1), (1, 2), "area").numpy().reshape(-1)
    np.testing.assert_allclose(line, [(0 + 0.5 * 1) / 1.5, (0.5 * 1 + 2) / 1.5], rtol=1e-6)
    for method in ("area", "bilinear"):
        assert tf.image.resize(image, np.array([6, 9]) * 0.4, method).shape == (1, 2, 3, 2)


@pytest.mark.parametrize("limit", [2, 10])
def test_gradients_of_loops_with_a_bound(tf, limit):
    def grown(x):
        until = lambda value: tf.reduce_sum(value) < 20.0  # noqa: E731
        (value,) = tf.while_loop(until, lambda value: (value * 2.0,), (x,), maximum_iterations=limit)
        return value.array.sum()

    value, gradient = jax.jit(jax.value_and_grad(grown))(jnp.asarray([1.0, 2.0]))
    assert value == {2: 12.0, 10: 24.0}[limit]
    assert gradient.tolist() == [{2: 4.0, 10: 8.0}[limit]] * 2


def test_orders(tf):
    assert tf.argsort(np.asarray([0, 5, 5], "uint8"), direction="DESCENDING").numpy().tolist() == [1, 2, 0]
    assert tf.argsort([1.5, 2.5], direction="DESCENDING").numpy().tolist() == [1, 0]
    assert tf.signal.frame(np.arange(8).reshape(4, 2), 2, 1, axis=0).shape == (3, 2, 2)
    assert tf.signal.frame(np.arange(8).reshape(2, 4), 2, 2).numpy().tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    assert tf.transpose([[1 + 2j]], conjugate=True).numpy().tolist() == [[1 - 2j]]


def test_buckets_are_padded_to_their_boundary(tf):
    data = tf.data.Dataset.from_generator(lambda: ([1] * n for n in (1, 3, 2)), tf.int32)
    options = {"bucket_boundaries": [3, 5], "bucket_batch_sizes": [2, 2, 2], "pad_to_bucket_boundary": True}
    batches = data.bucket_by_sequence_length(len, padded_shapes=[None], **options)
    assert sorted(batch.shape for batch in batches.as_numpy_iterator()) == [(1, 4), (2, 2)]
    with pytest.raises(ArgumentError, match="pad_to_bucket_boundary: expected padded_shapes, got none"):
        data.bucket_by_sequence_length(len, **options)


def test_a_checkpoint_of_other_shapes_is_an_error(tf, tmp_path):
    path = tf.train.Checkpoint(v=tf.Variable([1.0, 2.0])).write(str(tmp_path / "ckpt"))
    with pytest.raises(ShapeError, match=r"Checkpoint.restore of 'v': expected shape \(3,\), got \(2,\)"):
        tf.train.Checkpoint(v=tf.Variable([1.0, 2.0, 3.0])).restore(path)


STATELESS = {
    "flip_left_right": {},
    "flip_up_down": {},
    "brightness": {"max_delta": 0.5},
    "contrast": {"lower": 0.1, "upper": 2.0},
    "saturation": {"lower": 0.1, "upper": 2.0},
    "hue": {"max_delta": 0.4},
    "crop": {"size": (3, 3, 3)},
}


@pytest.mark.parametrize("name", STATELESS)
def test_stateless_functions_depend_on_the_seed_alone(tf, name):
    function = getattr(tf.image, f"stateless_random_{name}")
    image = RNG.random((6, 6, 3), dtype="float32")
    drawn = [[function(image, **STATELESS[name], seed=(n, 7)).numpy().tobytes() for n in range(8)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 1


def test_unique_strings_of_a_map(tf):
    data = tf.data.Dataset.from_tensor_slices(["b", "a", "b"]).map(lambda s: tf.strings.join([s, "c"])).unique()
    assert list(data.as_numpy_iterator()) == [b"bc", b"ac"]
    assert list(tf.data.Dataset.range(3).map(lambda i: i // 2).unique().as_numpy_iterator()) == [0, 1]


def test_every_function_takes_a_name_at_the_end(tf):
    x = [[1.0, -2.0]]
    results = [
        tf.nn.relu(x, "name"),
        tf.reshape(x, [2], "name"),
        tf.cast(x, tf.int32, "name"),
        tf.zeros([2], tf.int32, "name"),
        tf.bitwise.bitwise_and([6], [3], "name"),
        tf.signal.fft([1 + 0j], "name"),
        tf.meshgrid([1], [2], name="name")[0],
    ]
    assert [tuple(one.shape) for one in results] == [(1, 2), (2,), (1, 2), (2,), (1,), (1,), (1, 1)]
    assert str(inspect.signature(tf.nn.relu)) == "(features, name=None)"
    assert (tf.nn.relu.__name__, tf.nn.relu.__doc__) == ("relu", "`tf.nn.relu`.")


def test_images_have_their_channels_last_whatever_the_data_format_of_keras_is(tf):
    images = RNG.random((2, 5, 5, 3), dtype="float32")
    before = [np.asarray(tf.image.adjust_hue(images, 0.1)), np.asarray(tf.image.rgb_to_hsv(images))]
    gazelle.config.set_image_data_format("channels_first")
    try:
        after = [np.asarray(tf.image.adjust_hue(images, 0.1)), np.asarray(tf.image.rgb_to_hsv(images))]
        patches = tf.image.extract_patches(images, [1, 3, 3, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID")
    finally:
        gazelle.config.set_image_data_format("channels_last")
    assert all(map(np.array_equal, before, after))
    assert patches.shape == (2, 3, 3, 27)
    options = {"ksizes": [1, 3, 3, 1], "strides": [1] * 4, "rates": [1] * 4, "padding": "VALID"}
    assert tf.image.extract_image_patches(images, **options).shape == patches.shape


def test_options_of_factorizations(tf):
    a = np.random.default_rng(0).random((4, 2)).astype("float32")
    q, r = tf.linalg.qr(a, full_matrices=True)
    assert (q.shape, r.shape) == ((4, 4), (4, 2))
    np.testing.assert_allclose(q @ r, a, atol=1e-5)
    assert tf.linalg.qr(a)[0].shape == (4, 2)
    square, b = a[:2] + np.eye(2, dtype="float32"), np.ones((2, 1), "float32")
    np.testing.assert_allclose(tf.linalg.inv(square, adjoint=True), np.linalg.inv(square.T), rtol=1e-4)
    np.testing.assert_allclose(tf.linalg.solve(square, b, adjoint=True), np.linalg.solve(square.T, b), rtol=1e-4)


def test_sizes_of_fourier_transforms(tf):
    x = np.random.default_rng(0).random((2, 8, 6)).astype("float32")
    half = tf.signal.rfft2d(x, fft_length=[4, 6])
    np.testing.assert_allclose(half, np.fft.rfft2(x, (4, 6)), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(tf.signal.irfft2d(half, fft_length=[4, 6]), x[:, :4], atol=1e-5)
    np.testing.assert_allclose(tf.signal.rfft2d(x), np.fft.rfft2(x), rtol=1e-3, atol=1e-5)


def test_images_of_a_batch_are_flipped_one_by_one(tf):
    images = np.broadcast_to(np.float32([0, 1])[:, None], (64, 1, 2, 1))
    flipped = np.asarray(tf.image.random_flip_left_right(images))[:, 0, 0, 0]
    assert 10 < flipped.sum() < 54


@pytest.mark.parametrize(
    "change",
    [
        lambda tf, x: tf.image.random_flip_left_right(x),
        lambda tf, x: tf.image.random_brightness(x, 0.5),
        lambda tf, x: tf.image.random_crop(x, [1, 2, 3, 1]),
    ],
)
def test_random_images_of_a_model_differ_between_calls(tf, change):
    x = gazelle.Input(batch_shape=(1, 4, 4, 1))
    model = gazelle.Model(x, change(tf, x))
    image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    assert len({np.asarray(model(image)).tobytes() for _ in range(12)}) > 1


def test_rows_and_elements_that_do_not_exist(tf):
    rows = tf.ragged.constant([[1], [2, 3]])
    assert rows[-2].numpy().tolist() == [1]
    for index in (2, -3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Row of a ragged tensor: expected less than 2"):
            rows[index]
    assert tf.data.Dataset.from_tensors(5).get_single_element().numpy() == 5
    for count in (0, 2):
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected one element"):
            tf.data.Dataset.range(count).get_single_element()


@pytest.mark.parametrize("name", ["uniform", "normal", "truncated_normal"])
def test_stateless_draws_are_the_same_in_compiled_functions(tf, name):
    draw = getattr(tf.random, f"stateless_{name}")
    compiled = tf.function(lambda seed: (draw([3], seed), draw([3], (seed[0], seed[1])), draw([3], (1, 2**40))))
    found = [part.numpy() for _ in range(2) for part in compiled(tf.constant([1, 2]))]
    for part, again in zip(found, found[3:], strict=False):
        np.testing.assert_array_equal(part, again)
    np.testing.assert_array_equal(found[0], draw([3], (1, 2)))
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], compiled(tf.constant([1, 3]))[0])


def test_sparse_results_of_reductions_and_products(tf):
    sparse = tf.sparse.SparseTensor([[0, 0], [0, 2], [2, 1], [2, 2]], [1.0, 2.0, 3.0, -3.0], [3, 3])
    sums = tf.sparse.reduce_sum(sparse, axis=1, output_is_sparse=True)  # a sum of 0 is stored
    assert (sums.indices.numpy().tolist(), sums.values.numpy().tolist()) == ([[0], [2]], [3.0, 0.0])
    largest = tf.sparse.reduce_max(sparse, axis=1, output_is_sparse=True)
    assert largest.values.numpy().tolist() == [2.0, 3.0]
    assert (sparse * tf.constant([1.0, 2.0, 3.0])).values.numpy().tolist() == [1.0, 6.0, 6.0, -9.0]
    assert (sparse / 2).values.numpy().tolist() == [0.5, 1.0, 1.5, -1.5]
    eye = tf.sparse.eye(tf.constant(3))
    assert tf.sparse.add(eye, sparse).values.numpy().tolist() == [2.0, 2.0, 1.0, 3.0, -2.0]
    assert tf.is_tensor(tf.sparse.add(tf.ones((3, 3)), sparse))
    assert tf.sparse.reshape(sparse, tf.constant([9])).values.shape == (4,)


def test_wrong_sizes_are_errors(tf):
    with pytest.raises(ShapeError, match=r"mask of tf\.boolean_mask: expected \(3,\), got \(2,\)"):
        tf.boolean_mask(np.ones((3, 2)), [True, False])
    with pytest.raises(ArgumentError, match=r"tf\.image\.crop_to_bounding_box"):
        tf.image.crop_to_bounding_box(X, 3, 0, 4, 2)
    with pytest.raises(ArgumentError, match=r"tf\.image\.pad_to_bounding_box"):
        tf.image.pad_to_bounding_box(X, 1, 0, 6, 6)
    with pytest.raises(ArgumentError, match="grayscale_to_rgb: expected 1, got 4"):
        tf.image.grayscale_to_rgb(X)
    for check in (tf.debugging.assert_none_equal, tf.debugging.assert_less):
        with pytest.raises(tf.errors.InvalidArgumentError):
            check([1, 2], [1, 2])
    with pytest.raises(ValueError, match="element_spec: expected a dataset with elements"):
        _ = tf.data.Dataset.range(0).element_spec


@pytest.mark.parametrize("name", ["leaky_relu", "selu", "elu", "relu"])
def test_derivatives_of_activations_at_0(tf, name):
    x = tf.Variable([0.0, 1.0])
    with tf.GradientTape() as tape:
        y = getattr(tf.nn, name)(x)
    expected = {"leaky_relu": 0.2, "selu": 1.050701, "elu": 1.0, "relu": 0.0}[name]
    np.testing.assert_allclose(tape.gradient(y, x)[0], expected, rtol=1e-6)


def test_none_is_no_tensor(tf):
    for value in (None, [1.0, None]):
        with pytest.raises(ValueError, match="expected numbers or strings, got None"):
            tf.constant(value)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected an element that was written"):
        tf.TensorArray(tf.float32, 2).read(0)


def test_derivatives_of_equal_numbers(tf):
    x = tf.Variable([0.0, 1.0, 2.0])
    for function in (lambda: tf.maximum(x, 0.0), lambda: tf.clip_by_value(x, 0.0, 2.0), lambda: tf.minimum(x, 2.0)):
        with tf.GradientTape() as tape:
            y = function()
        assert tape.gradient(y, x).numpy().tolist() == [1, 1, 1]
    with tf.GradientTape() as tape:
        y = tf.maximum(0.0, x)
    assert tape.gradient(y, x).numpy().tolist() == [0, 1, 1]


def test_ragged_tensors_are_no_text(tf):
    with pytest.raises(ArgumentError, match=r"expected tensors, got a ragged tensor\.\nWrite x\.to_tensor\(\)"):
        tf.linalg.trace(tf.ragged.constant([[1.0, 2.0], [], [3.0]]))


def test_a_root_without_an_effect_has_no_derivative(tf):
    x = tf.Variable([0.0, 4.0])
    for function in (
        lambda: tf.sqrt(x),
        lambda: x * 0.0 + tf.norm(x[:, None], axis=1),
        lambda: tf.keras.backend.sqrt(x),
    ):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.where(x > 0, function(), 0.0))
        assert np.isfinite(tape.gradient(y, x)).all()
    with tf.GradientTape() as outer, tf.GradientTape() as tape:
        y = tf.sqrt(x[1])
        slope = tape.gradient(y, x)
    assert outer.gradient(slope, x).numpy().tolist() == [0, -1 / 32]
    with tf.autodiff.ForwardAccumulator(x, tf.constant([0.0, 1.0])) as accumulator:
        y = tf.sqrt(x * x)
    assert accumulator.jvp(y)[1].numpy() == 1


def test_texts_that_are_no_numbers(tf):
    assert tf.strings.to_number(["12", "9007199254740993"], tf.int64).numpy().tolist() == [12, 2**53 + 1]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected a number \(int32\), got 1\.5"):
        tf.strings.to_number("1.5", tf.int32)


@pytest.mark.parametrize(
    ("method", "antialias", "expected"),
    [("gaussian", False, [0.26894, 1.73106]), ("mitchellcubic", True, [0.38175, 1.61825])],
)
def test_kernels_of_resize(tf, method, antialias, expected):
    line = tf.image.resize(np.arange(3.0).reshape(1, 3, 1), (1, 2), method, antialias=antialias)
    np.testing.assert_allclose(line.numpy().reshape(-1), expected, atol=1e-4)


def test_integers_are_cast_with_saturation_to_floats(tf):
    assert tf.saturate_cast(tf.constant([3, -5]), tf.float32).numpy().tolist() == [3, -5]
    assert tf.saturate_cast(tf.constant([300, -5]), tf.uint8).numpy().tolist() == [255, 0]


def test_masks_of_sequences_with_lengths_of_floats(tf):
    assert tf.sequence_mask([0.3, -0.8, 1.9]).numpy().tolist() == [[True, False], [False, False], [True, True]]
    assert tf.sequence_mask([1.5, 3.0], 2).numpy().tolist() == [[True, False], [True, True]]


def test_counts_of_integers_up_to_a_length(tf):
    assert tf.math.bincount([1.2, 0.0, 1.0]).numpy().tolist() == [1, 2]
    assert tf.math.bincount([1, 1], maxlength=0).shape == (0,)


def test_leaky_relu_of_integers_is_a_float(tf):
    assert tf.nn.leaky_relu(tf.constant([-2, 3])).numpy() == pytest.approx([-0.4, 3])


def test_cosine_transforms_of_type_3(tf):
    x = tf.constant([1.0, 2.0, 4.0, -1.0])
    assert tf.signal.dct(x, 3).numpy() == pytest.approx([9.587006, -1.278362, -8.035347, 3.726703], rel=1e-5)
    assert tf.signal.idct(x, 3, norm="ortho").numpy() == pytest.approx([3, 0.7653667, -3, 1.8477589], rel=1e-5)
    with pytest.raises(ArgumentError, match=r"type of tf\.signal\.dct: expected 1, 2, 3 or 4, got 5"):
        tf.signal.dct(x, 5)


def test_an_operation_without_effect_is_none_without_graphs(tf):
    assert tf.no_op() is None


def test_patches_of_volumes(tf):
    """Values of TensorFlow 2.21."""
    x = np.arange(2 * 4 * 5 * 4 * 2).reshape(2, 4, 5, 4, 2).astype("float32")
    y = np.asarray(tf.extract_volume_patches(x, (1, 2, 3, 1, 1), (1, 2, 1, 2, 1), "SAME"))
    assert y.shape == (2, 2, 5, 2, 12)
    np.testing.assert_array_equal(y.ravel()[:9], [0, 0, 0, 1, 8, 9, 0, 0, 40])
