"""What programs of tutorials do with the facade and the classes: rows of tokens, CTC labels, names of attributes."""

import math

import jax
import numpy as np
import pytest

import gazelle
from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root

keras = root("keras")
TOKENS = [["a", "b"], ["c"], ["a", "c", "c"]]


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


# Layers of tokens take ragged tensors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(k, m) for k in ("string", "integer", "category") for m in ("multi_hot", "count", "tf_idf")][:-1],
)
def test_a_row_of_tokens_is_a_sample(tf, kind, mode):
    tokens = TOKENS if kind == "string" else [["abc".index(t) + 1 for t in row] for row in TOKENS]
    rows = tf.ragged.constant(tokens)
    if kind == "category":
        layer = keras.layers.CategoryEncoding(4, output_mode=mode)
    else:
        layer = (keras.layers.StringLookup if kind == "string" else keras.layers.IntegerLookup)(output_mode=mode)
        layer.adapt(rows)
        assert set(layer.get_vocabulary()[1:]) == {t for row in tokens for t in row}
    wanted = [np.asarray(layer(np.asarray(row))) for row in tokens]
    np.testing.assert_allclose(layer(rows), wanted, atol=1e-6)


def test_tokens_keep_their_rows(tf):
    rows = tf.ragged.constant(TOKENS)
    lookup = keras.layers.StringLookup(vocabulary=["a", "b", "c"])
    assert lookup(rows).to_list() == [[1, 2], [3], [1, 3, 3]]
    assert keras.layers.Embedding(5, 2)(lookup(rows)).shape == (3, None, 2)
    assert keras.layers.Hashing(4)(rows).row_lengths().numpy().tolist() == [2, 1, 3]


# Sizes, copies, sparse tensors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tile", "reshape", "broadcast_to", "zeros"])
def test_sizes_may_be_tensors_of_whole_floats(tf, name):
    height = tf.math.ceil(tf.constant(5.0) / 2)
    if name == "zeros":
        assert tf.zeros([height, 2]).shape == (3, 2)
        return
    given = tf.ones([1, 2]) if name != "reshape" else tf.ones([6])
    assert getattr(tf, name)(given, [height, 2 if name != "tile" else 1]).shape == (3, 2)


def test_numpy_returns_a_copy(tf):
    for tensor in (tf.constant([1.0, 2.0]), tf.constant([1.0, 2.0]) * tf.Variable([1.0, 1.0])):
        array = tensor.numpy()
        array -= 1
        assert tensor.numpy().tolist() == [1, 2]


def test_a_cast_sparse_tensor_stays_sparse(tf):
    sparse = tf.cast(tf.SparseTensor([[0, 1]], [2.0], [1, 3]), tf.int64)
    assert sparse.dtype == tf.int64
    assert tf.sparse.to_dense(sparse).numpy().tolist() == [[0, 2, 0]]


# CTC ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["named", "positional", "dense", "keras"])
def test_ctc_labels_that_are_no_class_end_a_sequence(tf, call):
    """As in TensorFlow: tutorials pad with such labels and give the padded length."""
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), (2, 8)).astype("float32")
    padded, lengths = np.asarray([[1, 2, 99], [3, 99, 99]]), np.asarray([2, 1])
    wanted = gazelle.ops.ctc_loss(padded % 5, np.log(probabilities + 1e-7), lengths, np.asarray([8, 8]), mask_index=4)
    logits = np.log(probabilities + 1e-7).transpose(1, 0, 2)
    if call == "keras":
        sizes = np.full((2, 1), 8), np.full((2, 1), 3)
        got = keras.backend.ctc_batch_cost(padded, probabilities, *sizes)[:, 0]
        cost = lambda p: keras.backend.ctc_batch_cost(padded, p, *sizes).sum()  # noqa: E731
        assert np.isfinite(jax.grad(cost)(probabilities)).all()
    elif call == "dense":
        labels = np.where(padded == 99, 0, padded)
        got = tf.compat.v1.nn.ctc_loss(labels=labels, inputs=logits, sequence_length=np.asarray([8, 8]))
    else:
        labels = tf.sparse.from_dense(padded)
        given = (labels, logits, np.asarray([8, 8]))
        names = ("labels", "inputs", "sequence_length")
        got = (
            tf.nn.ctc_loss(*given)
            if call == "positional"
            else tf.compat.v1.nn.ctc_loss(**dict(zip(names, given, strict=True)))
        )
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


# keras.backend, keras.ops, graphs of TensorFlow 1 ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("argmax", [1, 0]), ("argmin", [0, 1]), ("cumsum", [[1, 3, 2], [10, 4, 3]]), ("cumprod", [[1, 3, 2], [9, 3, 2]])],
)
def test_default_axes_of_the_backend(name, wanted):
    x = np.asarray([[1.0, 3.0, 2.0], [9.0, 1.0, 1.0]])
    assert np.asarray(getattr(keras.backend, name)(x)).tolist() == wanted


def test_results_of_ops_are_tensors_where_tensorflow_is_imported(tf, tmp_path):
    """A module that also imports jax gets arrays."""
    path = tmp_path / "program.py"
    path.write_text("import tensorflow")
    for uses_jax in (False, True):
        names = {"__file__": str(path), "__name__": "program", "ops": keras.ops, "image": np.ones((4, 4, 3))}
        names |= {"jax": jax} if uses_jax else {}
        exec("made = [ops.arange(3), ops.image.resize(image, (2, 2))]", names)
        assert [hasattr(v, "get_shape") for v in names["made"]] == [not uses_jax] * 2


def test_elements_of_datasets_are_computed_on_the_host(tf):
    """Functions of later elements would be compiled again for each other length."""
    lengths = [300, 340]
    data = tf.data.Dataset.from_generator(
        lambda: (np.ones(n, "float32") for n in lengths), output_signature=tf.TensorSpec([None], tf.float32)
    )
    kinds = []

    def spectrum(audio):
        parts = tf.signal.stft(audio, 64, 32)
        resized = tf.image.resize(tf.abs(parts)[..., None], (8, 8))
        kinds.extend(type(v.array) for v in (parts, resized))
        return resized

    assert [v.shape for v in data.map(spectrum)] == [(8, 8, 1)] * 2
    assert set(kinds[-4:]) == {np.ndarray}


def test_masks_of_unknown_sizes_are_not_computed(tf):
    """With the placeholder sizes, the repeated mask would have 500 GB."""

    class Causal(keras.layers.Layer):
        def call(self, x):
            count, steps = tf.shape(x)[0], tf.shape(x)[1]
            mask = tf.cast(tf.range(steps)[:, None] >= tf.range(steps), "int32")
            mask = tf.tile(tf.reshape(mask, (1, steps, steps)), tf.stack([count, 1, 1]))
            return tf.matmul(tf.cast(mask, tf.float32), x)

    given = keras.Input((None, 2))
    model = keras.Model(given, Causal()(given))
    assert model.output_shape == (None, None, 2)
    assert model.predict(np.ones((2, 3, 2)), verbose=0)[1, :, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", ["exponential_decay", "inverse_time_decay", "polynomial_decay", "cosine_decay"])
def test_decays_of_tensorflow_1(tf, name):
    step = tf.Variable(0, trainable=False)
    more = {"exponential_decay": (0.5, True), "inverse_time_decay": (0.5,)}.get(name, ())
    schedule = getattr(tf.train, name)(0.1, step, 10, *more)
    assert float(schedule(0)) == pytest.approx(0.1)
    assert float(schedule(20)) < 0.1
    assert float(tf.train.piecewise_constant(step, [5], [1.0, 0.5])(9)) == 0.5


# Computed inputs ------------------------------------------------------------------------------------------------------


def test_an_input_may_be_a_computed_tensor():
    """The graph of the program for style transfer: a function from the placeholder before the model's input."""
    backend = keras.backend
    fixed, image = backend.variable(np.ones((1, 4))), backend.placeholder((1, 4))
    given = keras.Input(tensor=backend.concatenate([fixed, image], axis=0))
    model = keras.Model(given, keras.layers.Dense(3, use_bias=False, kernel_initializer="ones")(given))
    run = backend.function([image], [backend.sum(model.output[1])])
    assert float(run([np.full((1, 4), 2.0)])[0]) == 24
    assert model.predict(np.ones((2, 4)), verbose=0).tolist() == [[4] * 3] * 2


def test_gradients_pass_through_a_computed_input():
    K = keras.backend
    x = K.placeholder((2, 3))
    inner = keras.layers.Input(tensor=K.concatenate([x, x * 2], axis=1), batch_shape=(2, 6))
    (gradient,) = K.gradients(K.sum(K.square(inner * 3.0)), x)
    np.testing.assert_allclose(K.function([x], [gradient])([np.ones((2, 3))])[0], np.full((2, 3), 90.0))


# Calls of tutorials ---------------------------------------------------------------------------------------------------


def test_joins_of_split_strings(tf):
    rows = tf.strings.unicode_split(["abc", "de"], "UTF-8")
    assert tf.strings.reduce_join(rows, axis=-1, separator="-").numpy().tolist() == [b"a-b-c", b"d-e"]
    assert tf.strings.reduce_join(rows, 1, keepdims=True).numpy().tolist() == [[b"abc"], [b"de"]]
    assert tf.strings.reduce_join(rows).numpy() == b"abcde"


def test_copies_of_numpy_may_be_changed(tf):
    for copy in (np.copy, np.array):
        array = copy(tf.constant([1.0, 2.0]) * keras.ops.ones(2))
        array[0] = 5
        assert array.tolist() == [5, 2]


def test_branches_and_slices_of_tensorflow_1(tf):
    assert float(tf.cond(tf.constant(True), fn1=lambda: tf.constant(1.0), fn2=lambda: tf.constant(2.0))) == 1
    assert float(tf.cond(tf.constant(False), lambda: tf.constant(1.0), lambda: tf.constant(2.0), strict=True)) == 2
    with pytest.raises(TypeError, match="expected two functions"):
        tf.cond(tf.constant(True))
    found = tf.compiler.tf2xla.python.xla.dynamic_update_slice(tf.zeros(3), tf.ones(1), [1])
    assert found.numpy().tolist() == [0, 1, 0]


@pytest.mark.parametrize("values", [[1, 2], "tensor", "array"])
def test_subclassed_models_receive_integers(tf, values):
    class Rows(keras.Model):
        def call(self, ids):
            return tf.gather(tf.constant([1.0, 2.0, 4.0]), ids)

    given = {"tensor": tf.constant([1, 2]), "array": np.array([1, 2])}.get(str(values), values)
    assert np.ravel(Rows()(given)).tolist() == [2, 4]


def test_text_of_layers_with_weights_in_programs(tf):
    class Blocks(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            table = tf.lookup.KeyValueTensorInitializer(["a", "b"], [0, 1])
            self.table = tf.lookup.StaticHashTable(table, default_value=-1)
            self.encoder = keras.Sequential(
                [keras.layers.StringLookup(vocabulary=["a", "b"]), keras.layers.Embedding(3, 2)]
            )

        def call(self, words):
            words = tf.strings.lower(words)
            chosen = tf.expand_dims(tf.cast(self.table.lookup(words) == 1, tf.float32), 1)
            return tf.zeros((tf.shape(words)[0], 2)) + self.encoder(words) * chosen

    words, blocks = keras.Input((), dtype="string"), Blocks()
    model = keras.Model(words, keras.layers.Dense(1)(blocks(words)))
    model.compile("sgd", "mse")
    before = blocks.encoder.get_weights()[0]
    x = np.array(["A", "B"] * 4, object)
    model.fit(x, np.ones((8, 1)), verbose=0, keep=False)
    assert (blocks.encoder.get_weights()[0] != before).any(1).tolist() == [False, False, True]  # "a" is masked
    np.testing.assert_allclose(model.predict(x, verbose=0), model(tf.constant(["A", "B"] * 4)), rtol=1e-5)


def test_variables_of_an_optimizer_are_an_argument_of_compiled_functions():
    optimizer = keras.optimizers.Adam()
    optimizer.build([keras.Variable(np.ones(2))])
    assert optimizer.variables() == optimizer.variables
    values = jax.jit(lambda state: [value + 1 for value in state])(optimizer.variables)
    assert len(values) == len(optimizer.variables)
    assert int(values[0]) == 1


@pytest.mark.parametrize(("text", "is_tensor"), [("", True), ("def f():\n    import jax\n", False)])
def test_ops_give_arrays_to_modules_that_import_jax_in_a_function(tf, text, is_tensor, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(f"import tensorflow as tf\n{text}y = ops.add(1.0, 2.0)\n")
    names = {"__file__": str(path), "__name__": "program", "ops": keras.ops}
    exec(compile(path.read_text().replace("import tensorflow as tf", ""), str(path), "exec"), names)
    assert isinstance(names["y"], jax.Array) != is_tensor


# Messages, layers, files of tf.keras ----------------------------------------------------------------------------------


def test_messages_of_sequences(tf):
    train = tf.train
    words = [train.Feature(bytes_list=train.BytesList(value=v)) for v in ([b"x", b"y"], [b"z"])]
    pairs = [train.Feature(float_list=train.FloatList(value=v)) for v in ([1, 2], [3, 4])]
    lists = {"words": train.FeatureList(feature=words), "pairs": train.FeatureList(feature=pairs)}
    context = train.Features(feature={"id": train.Feature(int64_list=train.Int64List(value=[7]))})
    written = train.SequenceExample(context=context, feature_lists=train.FeatureLists(feature_list=lists))
    one, steps = tf.io.parse_single_sequence_example(
        written.SerializeToString(),
        {"id": tf.io.FixedLenFeature([], tf.int64)},
        {"words": tf.io.VarLenFeature(tf.string), "pairs": tf.io.FixedLenSequenceFeature([2], tf.float32)},
    )
    assert int(one["id"]) == 7
    assert steps["pairs"].numpy().tolist() == [[1, 2], [3, 4]]
    assert tf.RaggedTensor.from_sparse(steps["words"]).to_list() == [[b"x", b"y"], [b"z"]]


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_causal_attention(name):
    x = np.arange(6.0).reshape(1, 3, 2)
    layer = getattr(keras.layers, name)(causal=True)
    np.testing.assert_allclose(layer([x, x])[0, 0], x[0, 0])


def test_the_name_of_a_model_by_position():
    class Policy(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.out = keras.layers.Dense(2)

        def call(self, x):
            return self.out(x)

    assert Policy("policy").name == "policy"
    assert Policy(Policy(), name="mine").name == "mine"


def test_a_step_of_any_arguments_receives_tensors_for_tensorflow(tf, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setitem(globals(), "tensorflow", tf)
    seen = []

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.out = keras.layers.Dense(1)

        def call(self, x):
            return self.out(x)

        def train_step(self, *args, **kwargs):
            seen.append(args)
            x, y = args[0]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x) - y) ** 2)
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    model = Net()
    model.compile("sgd")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    assert len(seen[0]) == 1
    assert isinstance(seen[0][0][0], tf.Tensor)


def test_files_without_an_ending_and_their_folders(tf, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.warns(UserWarning, match="keras format"):
        model.save(tmp_path / "new" / "model")
    again = keras.models.load_model(tmp_path / "new" / "model")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    model.compile("sgd", "mse")
    told = keras.callbacks.ModelCheckpoint(str(tmp_path / "checkpoints" / "at_{epoch}"), save_weights_only=True)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, callbacks=[told], verbose=0)
    assert tf.train.latest_checkpoint(str(tmp_path / "checkpoints")) == str(tmp_path / "checkpoints" / "at_2")


def test_the_source_of_a_converted_function(tf):
    def double(x):
        return 2 * x

    assert "return 2 * x" in tf.autograph.to_code(double)
    assert tf.autograph.to_graph(double)(3) == 6


@pytest.mark.parametrize(("name", "axis"), [("RandomHeight", 1), ("RandomWidth", 2)])
def test_images_are_stretched_along_one_axis(name, axis):
    layer = getattr(keras.layers, name)((0.5, 0.5))
    image = np.zeros((1, 9, 9, 1), "float32")
    image[0, 3:6, 3:6] = 1
    out = np.asarray(layer(image, training=True))[0, ..., 0]
    assert out.shape == (9, 9)
    lengths = [(out.sum(other) > 0.5).sum() for other in (1, 0)]
    assert lengths[axis - 1] > 3 == lengths[2 - axis]
    np.testing.assert_array_equal(layer(image, training=False), image)


def test_iterators_of_datasets(tf):
    data = tf.data.Dataset.range(2)
    for iterator in (iter(data), data.make_one_shot_iterator()):
        assert [int(iterator.get_next()), int(iterator.get_next())] == [0, 1]
        with pytest.raises(tf.errors.OutOfRangeError, match="the end of the dataset"):
            iterator.get_next()
    assert int(iter(data).next()) == 0


def test_names_of_the_results_of_unique(tf):
    found = tf.unique_with_counts(tf.constant([3, 1, 3]))
    assert [part.numpy().tolist() for part in (found.y, found.idx, found.count)] == [[3, 1], [0, 1, 0], [2, 1]]
    assert tf.unique(tf.constant([3, 1, 3])).y.numpy().tolist() == [3, 1]


def test_the_step_counter_of_tensorflow_1(tf):
    weight, count = tf.Variable(3.0), tf.Variable(0)
    tf.train.GradientDescentOptimizer(0.5).apply_gradients([(tf.constant(2.0), weight)], global_step=count)
    assert (float(weight), int(count)) == (2, 1)


def test_scalars_are_partitioned_and_joined_and_polygamma_has_integer_orders(tf):
    parts = tf.dynamic_partition([1.0, 2.0], 1, 2)
    assert [part.shape.as_list() for part in parts] == [[0, 2], [1, 2]]
    assert tf.strings.reduce_join("abc").numpy() == b"abc"
    first, second = tf.math.polygamma([1.0, 0.5], [2.0, 2.0]).numpy()
    assert first == pytest.approx(0.644934)
    assert math.isnan(second)


def test_initial_states_are_tensors(tf):
    states = tf.keras.layers.LSTMCell(2).get_initial_state(batch_size=3, dtype="float32")
    assert [state.numpy().shape for state in states] == [(3, 2), (3, 2)]
