"""Tensors of gazelle's `tensorflow`: functions, dtypes, shapes, operators, random draws."""

import numpy as np
import pytest

from gazelle.compat.namespaces import root
from gazelle.compat.tensorflow import calls
from gazelle.compat.tensorflow.ops import arrays

keras = root("keras")


@pytest.mark.parametrize(
    ("name", "args", "numpy"),
    [
        ("reduce_sum", ([[1.0, 2.0], [3.0, 4.0]], 1), [3, 7]),
        ("math.reduce_std", ([1.0, 3.0],), 1),
        ("concat", ([[[1.0]], [[2.0]]], 0), [[1], [2]]),
        ("one_hot", ([0, 2], 3), [[1, 0, 0], [0, 0, 1]]),
        ("gather", ([[1, 2], [3, 4]], [1], None, 1), [[2], [4]]),
        ("gather", ([[1, 2], [3, 4]], [1, 0], None, -1, 1), [2, 3]),
        ("gather", ([[1, 2], [3, 4]], [[1, 0], [1, 1]], None, None, -1), [[2, 1], [4, 4]]),
        ("gather_nd", ([[1, 2], [3, 4]], [[0, 1], [1, 0]]), [2, 3]),
        ("scatter_nd", ([[1], [3]], [9, 8], [4]), [0, 9, 0, 8]),
        ("tensor_scatter_nd_update", ([1, 1, 1], [[0]], [5]), [5, 1, 1]),
        ("sequence_mask", ([1, 3], 3), [[True, False, False], [True, True, True]]),
        ("clip_by_value", ([-2.0, 0.5, 9.0], 0, 1), [0, 0.5, 1]),
        ("cumsum", ([1, 2, 3], 0, True), [0, 1, 3]),
        ("pad", ([[1]], [[0, 1], [1, 0]]), [[0, 1], [0, 0]]),
        ("linalg.band_part", ([[1, 2], [3, 4]], -1, 0), [[1, 0], [3, 4]]),
        ("math.confusion_matrix", ([0, 1, 1], [0, 1, 0]), [[1, 0], [1, 1]]),
        ("nn.softmax", ([[0.0, 0.0]],), [[0.5, 0.5]]),
        ("nn.sigmoid_cross_entropy_with_logits", ([1.0], [0.0]), [np.log(2)]),
        ("nn.sparse_softmax_cross_entropy_with_logits", ([1, 2, -1], [[0.0, 0.0]] * 3), [np.log(2), np.nan, np.nan]),
        ("image.rgb_to_grayscale", (np.ones((1, 1, 3), "float32"),), [[[0.9999]]]),
        ("image.central_crop", (np.arange(16.0).reshape(4, 4, 1), 0.5), [[[5], [6]], [[9], [10]]]),
        ("strings.regex_replace", (["a<br>b"], "<br>", " "), [b"a b"]),
        ("strings.regex_replace", (["tú¿"], "[¿x]", "."), ["tú.".encode()]),  # characters, not bytes
        ("unique", ([5, 3, 5],), [5, 3]),
    ],
)
def test_functions_compute(tf, name, args, numpy):
    function = tf
    for part in name.split("."):
        function = getattr(function, part)
    converted = [tf.constant(a) if isinstance(a, list) and name not in ("concat", "scatter_nd") else a for a in args]
    got = function(*converted)
    got = got[0] if name == "unique" else got
    expected = np.asarray(numpy)
    if expected.dtype.kind == "S":
        assert got.numpy().tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-5)


def test_dtypes_are_those_of_tensorflow(tf):
    assert [tf.constant(v).dtype for v in (1.5, 1, True, "a")] == [tf.float32, tf.int32, tf.bool, tf.string]
    assert all(tf.constant(np.float64(1)).dtype == name for name in (tf.float64, "float64", np.float64))
    assert tf.reduce_mean(tf.constant([1.0, 2.0])).dtype == tf.float32
    assert tf.cast([1.7], tf.int32).numpy().tolist() == [1]
    assert (tf.float32.name, tf.float32.as_numpy_dtype, tf.int8.max) == ("float32", np.float32, 127)


def test_shapes_answer_in_both_ways(tf):
    x = tf.zeros([2, 3])
    assert x.shape == (2, 3)
    assert x.shape.as_list() == [2, 3]
    assert x.get_shape()[-1] == 3
    assert x.shape.rank == 2
    assert tf.shape(x).numpy().tolist() == [2, 3]
    assert tf.reshape(x, [tf.shape(x)[1], -1]).shape == (3, 2)


def test_operators_meet_numpy_and_variables(tf):
    x, v = tf.constant([1.0, 2.0]), tf.Variable([3.0, 4.0])
    weight = keras.Variable([1.0, 1.0])  # of a layer
    for out in (
        np.ones(2, "float32") * x,
        x * v,
        v * x,
        weight * x,
        v + 1,
        1 - v,
        x**2,
        -x,
        x[::-1],
        x[..., tf.newaxis],
    ):
        assert isinstance(out, tf.Tensor)
    assert (np.ones(2, "float32") + x).numpy().tolist() == [2, 3]
    assert bool(x[0] < v[0])
    assert f"{x[1]:.2f}" == "2.00"
    assert int(tf.constant(3)) == 3
    assert isinstance(weight, tf.Variable)
    assert v.assign_sub([1.0, 1.0]).numpy().tolist() == [2, 3]


def test_random_draws_follow_the_seed(tf):
    def draws():
        tf.random.set_seed(3)
        return [
            tf.random.normal([2]).numpy(),
            tf.random.uniform([2], seed=1).numpy(),
            tf.random.shuffle([1, 2, 3]).numpy(),
        ]

    for first, second in zip(draws(), draws(), strict=True):
        assert first.tolist() == second.tolist()
    assert tf.random.normal([2]).numpy().tolist() != tf.random.normal([2]).numpy().tolist()


def test_projective_transforms(tf):
    image = np.arange(6.0, dtype="float32").reshape(1, 2, 3, 1)
    found = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.constant(image),
        transforms=tf.constant([[1.0, 0, 1, 0, 1, 0, 0, 0]]),
        output_shape=tf.constant([2, 3]),
        fill_value=tf.constant(9.0),
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )
    assert found[0, ..., 0].numpy().tolist() == [[1, 2, 9], [4, 5, 9]]


def test_references_in_rewrites(tf):
    def replaced(pattern, rewrite):
        return tf.strings.regex_replace("a1,b2", pattern, rewrite).numpy()

    assert replaced("([a-z])([0-9])", r"\2\1") == b"1a,2b"
    assert replaced(",", r"<\0\\>") == b"a1<,\\>b2"
    assert replaced(",", r"\0\1") == b"a1,b2"  # RE2 replaces nothing: there is no group 1


def test_distances_of_sequences(tf):
    def distance(hypothesis, truth, **options):
        pair = tf.ragged.constant([hypothesis]), tf.ragged.constant([truth])
        rows = lambda one: tf.sparse.from_dense([one])  # noqa: E731
        function = lambda pair: tf.squeeze(tf.edit_distance(rows(pair[0]), rows(pair[1]), **options))  # noqa: E731
        return float(tf.map_fn(function, pair, dtype="float32")[0])

    assert distance(list("kitten"), list("sitting"), normalize=False) == 3
    assert distance(["a", "b"], ["a", "c", "b", "d"]) == 0.5
    assert distance(["a"], ["a"]) == 0


def test_loops_whose_functions_return_tensors(tf):
    start = tf.constant(1.0)
    assert float(keras.ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v + start), (0, 0.0))[1]) == 3
    assert float(keras.ops.cond(np.array(True), lambda: start, lambda: 2 * start)) == 1


def test_edit_distance(tf):
    truth = tf.sparse.from_dense([[1, 2, 3], [4, 5, 0]])
    given = tf.sparse.from_dense([[1, 3, 0], [4, 5, 0]])
    assert tf.edit_distance(given, truth, normalize=False).numpy().tolist() == [1, 0]
    np.testing.assert_allclose(tf.edit_distance(given, truth).numpy(), [1 / 3, 0])


def test_decoders_of_ctc(tf):
    logits = np.full((4, 1, 3), -5.0, "float32")
    for step, label in enumerate([0, 0, 2, 1]):
        logits[step, 0, label] = 5
    for decode in (tf.nn.ctc_greedy_decoder, tf.nn.ctc_beam_search_decoder):
        (decoded, *_), _ = decode(logits, [4])
        assert tf.sparse.to_dense(decoded, default_value=-1).numpy().tolist() == [[0, 1]]


def test_an_inverse_of_the_stft(tf):
    signal = np.sin(np.arange(64, dtype="float32"))
    spectra = tf.signal.stft(signal, 16, 4, 16)
    back = tf.signal.inverse_stft(spectra, 16, 4, 16, window_fn=tf.signal.inverse_stft_window_fn(4))
    np.testing.assert_allclose(back.numpy()[16:48], signal[16:48], atol=1e-5)


def test_sampled_losses(tf):
    weights, biases = tf.ones((20, 4)), tf.zeros((20,))
    labels, inputs = tf.constant([[1], [2]]), tf.ones((2, 4))
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = tf.reduce_sum(tf.nn.sampled_softmax_loss(weights, biases, labels, inputs, 5, 20))
    assert tape.gradient(loss, weights).shape == (20, 4)
    everything = (np.arange(20), np.ones((2, 1), "float32"), np.ones(20, "float32"))
    whole = tf.nn.sampled_softmax_loss(weights, biases, labels, inputs, 20, 20, sampled_values=everything)
    np.testing.assert_allclose(whole.numpy(), np.log(20.0), rtol=1e-5)
    assert tf.nn.nce_loss(weights, biases, labels, inputs, 5, 20).shape == (2,)


def test_argmax_of_pools(tf):
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    values, found = tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")
    assert values.numpy().ravel().tolist() == [5, 7, 13, 15]
    assert found.numpy().ravel().tolist() == [5, 7, 13, 15]


def test_transposed_convolutions_of_tf_nn_are_in_either_order_of_axes(tf):
    x, kernel = np.arange(6, dtype="float32").reshape(1, 3, 2), np.ones((3, 1, 2), "float32")
    up = tf.nn.conv1d_transpose(x, kernel, [1, 6, 1], 2).numpy()
    assert up.ravel().tolist() == [1, 1, 6, 5, 14, 9]
    first = tf.nn.conv1d_transpose(x.transpose(0, 2, 1), kernel, [1, 1, 6], 2, data_format="NCW").numpy()
    assert first.ravel().tolist() == up.ravel().tolist()


def test_parameters_of_distributions_may_be_arrays(tf):
    assert tf.random.gamma([3], [0.5, 2.0]).shape == (3, 2)
    assert tf.random.gamma([1], alpha=[0.25], beta=tf.constant([2.0])).shape == (1, 1)
    assert tf.random.poisson((2,), tf.constant([[1.0, 5.0, 9.0]])).shape == (2, 1, 3)
    draws = tf.random.stateless_gamma((2000,), [1, 2], 4.0, 2.0).numpy()
    assert abs(draws.mean() - 2) < 0.1


def test_numpy_of_tensorflow(tf):
    tnp = tf.experimental.numpy
    tnp.experimental_enable_numpy_behavior()
    assert tnp.sum(tnp.ones((2, 3)), axis=0).numpy().tolist() == [2, 2, 2]
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tnp.dot(x, x)
    assert tape.gradient(y, x).numpy().tolist() == [2, 4]


def test_tensors_with_methods_of_numpy(tf):
    from tensorflow.python.ops.numpy_ops import np_config

    np_config.enable_numpy_behavior()
    assert tf.constant([1.0, 0.5]).tolist() == [1.0, 0.5]
    assert type(tf.constant([1]).tolist()[0]) is int
    assert type(tf.constant(2.0).item()) is float


def test_functions_of_the_backend_give_tensors(tf):
    program = {"__name__": "__main__", "K": tf.keras.backend, "tf": tf}
    eval_ = lambda code: eval(code, program)  # noqa: E731
    assert eval_("K.constant([1.0, 2.0]).numpy().tolist()") == [1, 2]
    assert eval_("K.mean([1.0, 2.0]).numpy()") == 1.5
    assert eval_("K.random_normal((2, 3)).shape.as_list()") == [2, 3]
    assert eval_("(K.variable([1.0]) + 1).numpy().tolist()") == [2]
    assert isinstance(eval_("K.eval(K.sum(K.ones((2,))))"), np.ndarray | np.floating)
    assert type(eval_("tf.Variable(1.5).numpy()")) is np.float32


def test_images_of_integers_are_truncated_as_in_tensorflow(tf):
    image = np.array([[[58, 233, 120]]], "uint8")  # TensorFlow 2.15 gives these numbers
    assert tf.image.adjust_brightness(image, 0.1).numpy().tolist() == [[[83, 255, 145]]]
    assert tf.image.rgb_to_grayscale(np.array([[[10, 100, 3]]], "uint8")).numpy().tolist() == [[[62]]]


def test_numbers_of_python(tf):
    assert tf.truncatediv(-7, 3).numpy() == -2
    assert tf.truncatediv(6, -3).numpy() == -2
    assert tf.truncatediv([0.7, -0.7], [0.1, 0.2]).numpy().tolist() == [7, -3]
    assert tf.bitcast(1.0, tf.int32).numpy() == 1065353216


def test_columns_of_data_frames_are_tensors(tf):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([1.0, 0.0, -1.0, 0.0])
    np.testing.assert_allclose(np.abs(tf.signal.rfft(column)), [0, 2, 0], atol=1e-6)
    assert tf.reshape(column, (2, 2)).shape == (2, 2)
    assert tf.reduce_sum(pandas.DataFrame({"a": [1, 2]})).numpy() == 3


def test_operations_that_reduce(tf):
    x = tf.constant([[1.0, 5.0, 3.0], [2.0, 2.0, 9.0]])
    found = [getattr(tf.raw_ops, name)(input=x, axis=[1]).numpy().tolist() for name in ("Sum", "Max", "Min", "Prod")]
    assert found == [[9, 13], [5, 9], [1, 2], [15, 36]]
    assert tf.raw_ops.Mean(input=x, axis=0, keep_dims=True).numpy().tolist() == [[1.5, 3.5, 6.0]]


def test_operators_take_data_frames(tf):
    pandas = pytest.importorskip("pandas")
    column, frame = pandas.Series([1.0, 0.0]), pandas.DataFrame({"a": [1, 0]})
    assert (tf.constant([2.0, 3.0]) * column).numpy().tolist() == [2.0, 0.0]
    assert tf.function(lambda x: x * frame)(tf.constant([[2.0], [3.0]])).numpy().tolist() == [[2.0], [0.0]]


class Weighted(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(4, 1), initializer="ones", name="w")

    def call(self, x):
        return x @ self.w


def test_parts_of_the_weight_of_a_layer_are_assigned(tf):
    layer = Weighted()
    layer(np.ones((2, 4), "float32"))
    layer.w[0:2].assign(tf.constant([[5.0], [6.0]]))
    np.testing.assert_array_equal(layer.w.numpy().ravel(), [5, 6, 1, 1])

    @tf.function
    def changed(values):
        layer.w[1:3].assign(values)
        return tf.reduce_sum(layer.w)

    assert float(changed(tf.constant([[2.0], [3.0]]))) == 11.0
    np.testing.assert_array_equal(layer.w.numpy().ravel(), [5, 2, 3, 1])


def test_inner_shapes_of_ragged_constants(tf):
    ragged = tf.ragged.constant([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]], ragged_rank=1, inner_shape=(2,))
    assert ragged.shape.as_list() == [2, None, 2]
    assert ragged.flat_values.shape == (3, 2)
    assert tf.ragged.constant([[], []], ragged_rank=1, inner_shape=(2,)).flat_values.shape == (0, 2)
    assert tf.ragged.constant([[[1]], [[2], [3]]], inner_shape=(1,)).ragged_rank == 1


def test_names_of_the_internal_module(tf):
    def method(self):
        return self

    assert tf.__internal__.tracking.no_automatic_dependency_tracking(method) is method


def test_texts_of_several_lines_are_aligned(tf):
    x = tf.constant([[1, 2], [3, 4]])
    assert str(x) == "tf.Tensor(\n[[1 2]\n [3 4]], shape=(2, 2), dtype=int32)"
    assert repr(x) == "<tf.Tensor: shape=(2, 2), dtype=int32, numpy=\narray([[1, 2],\n       [3, 4]], dtype=int32)>"
    assert repr(tf.Variable(x, name="w")).startswith("<tf.Variable 'w:0' shape=(2, 2) dtype=int32, numpy=\narray([[1")
    assert str(tf.sparse.from_dense([[0, 2]])).startswith("SparseTensor(indices=tf.Tensor([[0 1]], shape=(1, 2), dtype")


def test_variables_of_strings(tf):
    variable = tf.Variable(["a", "b"], tf.string, name="names")
    before = variable.read_value()
    assert repr(variable) == "<tf.Variable 'names:0' shape=(2,) dtype=string, numpy=array([b'a', b'b'], dtype=object)>"
    assert isinstance(variable, tf.Variable)
    assert variable.dtype == tf.string
    assert not variable[0].shape
    assert tf.strings.join([variable, variable]).numpy().tolist() == [b"aa", b"bb"]
    assert variable.assign(["c", "dd"]).numpy().tolist() == variable.value().numpy().tolist() == [b"c", b"dd"]
    assert before.numpy().tolist() == [b"a", b"b"]
    assert tf.Variable(initial_value=tf.constant("x")).numpy() == b"x"


def test_elements_of_variables(tf_keras_2):
    tf = tf_keras_2
    variable = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        first, second = variable
        product = first * second
    assert tape.gradient(product, variable).numpy().tolist() == [3.0, 2.0]
    assert [float(each) for each in variable] == [2.0, 3.0]
    for index in (2, -3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="size 2"):
            variable[index]
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.function(lambda x: x[..., None][1, 1])(variable)


def test_a_variable_of_unknown_size(tf):
    rows = tf.Variable(tf.zeros([0, 2]), shape=tf.TensorShape([None, 2]))

    @tf.function
    def append(x):
        rows.assign(tf.concat([rows, x], 0))

    append([[1.0, 2.0]])
    append([[3.0, 4.0]])
    assert rows.numpy().tolist() == [[1, 2], [3, 4]]
    assert rows.shape.as_list() == [None, 2]
    with pytest.raises(ValueError, match="A shape"):
        rows.assign([1.0])


def test_dtypes_are_compared_by_identity(tf):
    assert tf.zeros(2).dtype is tf.float32 is tf.as_dtype("float32")


def test_additions_to_a_variable_of_64_bits(tf):
    count = tf.Variable(0, dtype=tf.int64)
    count.assign_add(5)
    count.assign_sub(tf.constant(2, tf.int64))
    assert (count.numpy(), count.dtype) == (3, tf.int64)


def test_integers_of_more_than_32_bits_have_all_bits_or_raise_an_error(tf):
    large = 2**40
    add_one = tf.function(lambda x: x + 1)
    assert add_one(tf.constant(large, tf.int64)).numpy() == add_one(np.array(large)).numpy() == large + 1
    assert tf.function(lambda: tf.constant([large], tf.int64))().numpy().tolist() == [large]
    with pytest.raises(ValueError, match=r"tf.Variable 'steps': expected integers from -2147483648"):
        tf.Variable(large, dtype=tf.int64, name="steps")
    assert float(tf.Variable(large, dtype=tf.float32)) == large


def test_functions_that_are_not_compiled_return_tensors(tf):
    assert tf.function(lambda name: name)("a").numpy() == b"a"
    assert tf.function(lambda names: names)(np.array(["a"])).numpy().tolist() == [b"a"]
    assert tf.timestamp().dtype == tf.float64
    assert (tf.timestamp() > 1e9).numpy()


def test_a_function_makes_random_variables_in_its_first_call(tf):
    class Layer(tf.Module):
        def __call__(self, x):
            if not hasattr(self, "w"):
                self.w = tf.Variable(tf.random.normal((3, 2)))
            return x @ self.w

    layer = Layer()
    function = tf.function(layer)
    first, second = function(tf.eye(3)), function(tf.eye(3))
    np.testing.assert_array_equal(first, layer.w)
    np.testing.assert_array_equal(first, second)
    assert len(layer.variables) == 1


def test_objects_of_a_class_with_a_registered_conversion(tf, monkeypatch):
    monkeypatch.setattr(calls, "CONVERSIONS", [])
    monkeypatch.setattr(arrays, "CONVERSIONS", calls.CONVERSIONS)

    class Parameter:
        def __init__(self, value):
            self.value = value

    tf.register_tensor_conversion_function(Parameter, lambda v, dtype=None, name=None, as_ref=False: v.value)
    parameter = Parameter(tf.constant([1.0, 2.0]))
    np.testing.assert_array_equal(tf.convert_to_tensor(parameter), [1, 2])
    np.testing.assert_array_equal(tf.add(parameter, 1.0), [2, 3])


def test_sizes_are_merged_as_in_tensorflow_1(tf):
    size, unknown = tf.compat.v1.Dimension(3), tf.compat.v1.Dimension(None)
    assert size.merge_with(unknown) == unknown.merge_with(size) == size.merge_with(3) == 3
    assert unknown.merge_with(None).value is None
    assert [size.is_compatible_with(other) for other in (3, 4, None, unknown)] == [True, False, True, True]
    with pytest.raises(ValueError, match="expected 3, got 4"):
        size.merge_with(tf.compat.v1.Dimension(4))
