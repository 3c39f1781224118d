"""`tf.feature_column` with `DenseFeatures`: values of each kind of column, and models that take a dict of features."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore:Input data by name")  # the table has more columns than are used
keras = root("keras")
layers = keras.layers
TABLE = {
    "age": np.array([17.0, 20.0, 40.0, 26.0]),
    "city": np.array(["a", "b", "?", "b"]),
    "code": np.array([0, 2, 1, 5]),
    "other": np.ones(4),
}


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def city(tf, **options):
    return tf.feature_column.categorical_column_with_vocabulary_list("city", ["a", "b"], **options)


def ages(tf):
    return tf.feature_column.bucketized_column(tf.feature_column.numeric_column("age"), boundaries=[18, 30])


COLUMNS = {
    "numeric": (lambda c, tf: c.numeric_column("age"), [[17], [20], [40], [26]]),
    "normalized": (lambda c, tf: c.numeric_column("age", normalizer_fn=lambda x: x - 20.0), [[-3], [0], [20], [6]]),
    "bucketized": (lambda c, tf: ages(tf), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]),
    "words": (lambda c, tf: c.indicator_column(city(tf)), [[1, 0], [0, 1], [0, 0], [0, 1]]),
    "default": (lambda c, tf: c.indicator_column(city(tf, default_value=0)), [[1, 0], [0, 1], [1, 0], [0, 1]]),
    "unknown": (
        lambda c, tf: c.indicator_column(city(tf, num_oov_buckets=1)),
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]],
    ),
    "integers": (
        lambda c, tf: c.indicator_column(c.categorical_column_with_vocabulary_list("code", [2, 0])),
        [[0, 1], [1, 0], [0, 0], [0, 0]],
    ),
    "identity": (
        lambda c, tf: c.indicator_column(c.categorical_column_with_identity("code", 3, default_value=1)),
        [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 0]],
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_values(tf, kind):
    make, expected = COLUMNS[kind]
    np.testing.assert_array_equal(layers.DenseFeatures(make(tf.feature_column, tf))(TABLE), expected)


def test_hashed_columns_depend_on_the_value_alone(tf):
    columns = tf.feature_column
    hashed = columns.categorical_column_with_hash_bucket("city", hash_bucket_size=50)
    crossed = columns.crossed_column([ages(tf), "city"], hash_bucket_size=50)
    for column in (hashed, crossed):
        found = np.asarray(layers.DenseFeatures(columns.indicator_column(column))(TABLE))
        assert found.sum(1).tolist() == [1.0] * 4
        assert found[1].tolist() == found[3].tolist() != found[0].tolist()


def test_a_model_of_columns_trains_and_orders_them_by_name(tf):
    columns = tf.feature_column
    embedded = columns.embedding_column(city(tf), dimension=3)
    features = layers.DenseFeatures([embedded, ages(tf), columns.numeric_column("age")])
    assert features.output_shape == (None, 1 + 3 + 3)
    out = np.asarray(features(TABLE))
    np.testing.assert_array_equal(out[:, :4], [[17, 1, 0, 0], [20, 0, 1, 0], [40, 0, 0, 1], [26, 0, 1, 0]])
    assert out[1, 4:].tolist() == out[3, 4:].tolist() != out[0, 4:].tolist()
    assert out[2, 4:].tolist() == [0, 0, 0]
    model = keras.Sequential([features, layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    before = np.array(features.weights[0])
    batches = tf.data.Dataset.from_tensor_slices((TABLE, np.array([0, 1, 0, 1]))).batch(2)
    model.fit(batches, validation_data=batches, verbose=0)
    assert model.predict(TABLE, verbose=0).shape == (4, 1)
    assert not np.array_equal(before, features.weights[0])


def test_the_arguments_of_parse_example(tf):
    columns = [tf.feature_column.numeric_column("age", shape=2), tf.feature_column.indicator_column(city(tf))]
    found = tf.feature_column.make_parse_example_spec(columns)
    assert found["age"].shape == (2,)
    assert isinstance(found["city"], tf.io.VarLenFeature)


def test_columns_of_the_other_kind_are_errors(tf):
    with pytest.raises(ArgumentError, match=r"DenseFeatures.*expected a numeric column, got column 'city'"):
        layers.DenseFeatures([city(tf)])
    with pytest.raises(ArgumentError, match=r"indicator_column.*expected a categorical column, got column 'age'"):
        tf.feature_column.indicator_column(tf.feature_column.numeric_column("age"))
    with pytest.raises(ArgumentError, match=r"bucketized_column.*expected a numeric column, got str"):
        tf.feature_column.bucketized_column("age", [1.0])


@pytest.mark.parametrize(
    ("combiner", "expected"),
    [
        ("mean", [[3.0, 4.0], [2.0, 3.0], [4.0, 5.0]]),
        ("sum", [[6.0, 8.0], [4.0, 6.0], [4.0, 5.0]]),
        ("sqrtn", [[4.2426, 5.6569], [2.8284, 4.2426], [4.0, 5.0]]),
    ],
)
def test_embeddings_of_several_categories(tf_keras_2, combiner, expected):
    tf = tf_keras_2
    ids = tf.feature_column.categorical_column_with_identity("i", 4)

    def start(shape, dtype=None):
        return np.arange(8.0).reshape(shape)

    column = tf.feature_column.embedding_column(ids, 2, combiner=combiner, initializer=start)
    made = tf.keras.layers.DenseFeatures([column])({"i": np.array([[0, 3], [1, 1], [2, -1]])})
    np.testing.assert_allclose(made, expected, atol=1e-4)


def test_buckets_of_crossed_columns(tf_keras_2):
    """Those of TensorFlow, which has columns before keys; integers without a default stay as they are."""
    tf = tf_keras_2
    columns = tf.feature_column
    features = {
        "n": np.array([[-2.0], [0.5], [3.0]]),
        "s": np.array([["a"], ["zz"], ["c"]]),
        "t": np.array([["x"], ["y"], ["x"]]),
    }
    parts = columns.bucketized_column(columns.numeric_column("n"), [-1.0, 0.0, 1.0])
    for crossed, expected in [
        (columns.crossed_column([parts, "s"], 1000), [95, 723, 863]),
        (columns.crossed_column(["s", parts], 1000), [95, 723, 863]),
        (columns.crossed_column(["s", "t"], 1000), [892, 737, 553]),
        (columns.crossed_column(["s", "t"], 1000, hash_key=7), [108, 670, 200]),
    ]:
        made = tf.keras.layers.DenseFeatures([columns.indicator_column(crossed)])(features)
        assert np.argmax(made, 1).tolist() == expected
    numbers = columns.indicator_column(columns.categorical_column_with_identity("i", 3, default_value=None))
    assert tf.keras.layers.DenseFeatures([numbers])({"i": np.array([[2]])}).numpy().tolist() == [[0, 0, 1]]


def test_buckets_are_ordered_by_their_own_name(tf_keras_2):
    columns = tf_keras_2.feature_column
    parts = columns.bucketized_column(columns.numeric_column("n"), [0.0])
    crossed = columns.indicator_column(columns.crossed_column([parts, "s"], 5))  # n_bucketized_X_s_indicator
    made = tf_keras_2.keras.layers.DenseFeatures([crossed, parts])({"n": np.array([[1.0]]), "s": np.array([["a"]])})
    assert made.numpy()[0, :2].tolist() == [0.0, 1.0]


def _shared(columns):
    ids = [columns.categorical_column_with_identity(key, 5) for key in "ba"]
    return columns.shared_embedding_columns(
        ids, 2, initializer=lambda shape, dtype=None: np.arange(10.0).reshape(shape)
    )


SHARED = {"a": np.array([[1], [2]]), "b": np.array([[0], [4]])}


def test_shared_embeddings_have_one_table(tf_keras_2):
    layer = tf_keras_2.keras.layers.DenseFeatures(_shared(tf_keras_2.feature_column))
    assert layer(SHARED).numpy().tolist() == [[2.0, 3.0, 0.0, 1.0], [4.0, 5.0, 8.0, 9.0]]
    assert len(layer.weights) == 1


def test_shared_embeddings_are_one_variable_of_a_graph(tensorflow_1):
    tf = tensorflow_1
    features = {key: tf.placeholder(tf.int64, [None, 1]) for key in SHARED}
    pair = _shared(tf.feature_column)
    made = [tf.feature_column.input_layer(features, pair) for _ in range(2)][-1]
    assert [v.name for v in tf.trainable_variables()] == ["input_layer/a_b_shared_embedding/embedding_weights:0"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        fed = {features[key]: value for key, value in SHARED.items()}
        assert session.run(made, fed).tolist() == [[2.0, 3.0, 0.0, 1.0], [4.0, 5.0, 8.0, 9.0]]


def test_linear_models_and_features_in_lists(tensorflow_1):  # numbers of TensorFlow 1.15
    tf = tensorflow_1
    column = tf.feature_column
    features = {"sales": [[5], [10], [8], [9]], "part": ["a", "a", "b", "b"], "age": [1.0, 2.0, 3.0, 4.0]}
    part = column.categorical_column_with_vocabulary_list("part", ["a", "b"])
    sales, age = column.numeric_column("sales"), column.numeric_column("age")
    rows = column.input_layer(features, [sales, column.indicator_column(part)])
    out = column.linear_model(features, [sales, part, column.bucketized_column(age, [1.5, 2.5])])
    pair = column.linear_model(features, [age], units=2)
    names = [f"linear_model/{name}:0" for name in ("age_bucketized/weights", "part/weights", "sales/weights")]
    assert [v.name for v in tf.global_variables()][:5] == [
        *names,
        "linear_model/bias_weights:0",
        "linear_model_1/age/weights:0",
    ]
    loss = tf.reduce_mean(tf.square(out - [[1.0], [2.0], [3.0], [4.0]])) + tf.reduce_mean(tf.square(pair - 1))
    step = tf.train.GradientDescentOptimizer(0.005).minimize(loss)
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        assert session.run(rows).tolist() == [[1, 0, 5], [1, 0, 10], [0, 1, 8], [0, 1, 9]]
        for _ in range(3):
            session.run(step)
        expected = [1.527325, 3.016431, 2.476965, 2.774514]
        np.testing.assert_allclose(session.run(out).ravel(), expected, rtol=1e-5)
        np.testing.assert_allclose(session.run(pair)[:, 0], [0.050392, 0.086321, 0.122249, 0.158178], rtol=1e-4)


def test_numbers_of_categories(tf):
    """Those of TensorFlow 2.15."""
    columns = tf.feature_column
    numbers = columns.numeric_column("a")
    made = [
        columns.categorical_column_with_hash_bucket("h", 100),
        columns.categorical_column_with_vocabulary_list("v", ["x", "y"], num_oov_buckets=2),
        columns.categorical_column_with_identity("i", 7),
        columns.bucketized_column(numbers, [1.0, 2.0, 3.0]),
    ]
    assert [column.num_buckets for column in made] == [100, 4, 7, 4]
    assert [column.key for column in (numbers, *made[:3])] == ["a", "h", "v", "i"]


MISSING = {
    "words": (lambda c: c.categorical_column_with_vocabulary_list("x", ["a", "b"], num_oov_buckets=1), "text"),
    "default": (lambda c: c.categorical_column_with_vocabulary_list("x", ["a", "b"], default_value=0), "text"),
    "hashed": (lambda c: c.categorical_column_with_hash_bucket("x", 4), "text"),
    "identity": (lambda c: c.categorical_column_with_identity("x", 3, default_value=0), "numbers"),
    "hashed numbers": (lambda c: c.categorical_column_with_hash_bucket("x", 4, dtype="int64"), "numbers"),
}


@pytest.mark.parametrize("name", MISSING)
def test_empty_texts_and_minus_one_are_missing(tf_keras_2, name):
    make, kind = MISSING[name]
    dense = {"text": [["a", ""], ["", "b"]], "numbers": [[0, -1], [1, 2]]}[kind]
    column = tf_keras_2.keras.layers.DenseFeatures(
        tf_keras_2.feature_column.indicator_column(make(tf_keras_2.feature_column))
    )
    expected = {
        "words": [[1, 0, 0], [0, 1, 0]],
        "default": [[1, 0], [0, 1]],
        "hashed": [[0, 0, 0, 1], [0, 0, 1, 0]],
        "identity": [[1, 0, 0], [0, 1, 1]],
        "hashed numbers": [[0, 0, 0, 1], [0, 1, 0, 1]],
    }[name]
    np.testing.assert_array_equal(column({"x": np.array(dense)}), expected)


def test_what_a_sparse_feature_does_not_store_is_missing(tf_keras_2):
    c, indices = tf_keras_2.feature_column, [[0, 0], [1, 0], [2, 0], [2, 1]]
    numbers = tf_keras_2.SparseTensor(indices, [0, 1, 2, 2], [3, 3])
    texts = tf_keras_2.SparseTensor(indices, ["a", "b", "zz", "a"], [3, 3])
    for column, given, expected in (
        (c.categorical_column_with_identity("x", 3), numbers, [[1, 0, 0], [0, 1, 0], [0, 0, 2]]),
        (MISSING["words"][0](c), texts, [[1, 0, 0], [0, 1, 0], [1, 0, 1]]),
    ):
        np.testing.assert_array_equal(
            tf_keras_2.keras.layers.DenseFeatures(c.indicator_column(column))({"x": given}), expected
        )


def test_one_feature_at_the_beginning_of_a_sequential_model(tf_keras_2):
    column = tf_keras_2.feature_column.indicator_column(MISSING["words"][0](tf_keras_2.feature_column))
    model = tf_keras_2.keras.Sequential(
        [tf_keras_2.keras.layers.DenseFeatures(column), tf_keras_2.keras.layers.Dense(1, kernel_initializer="ones")]
    )
    data = {"x": np.array(["a", "", "q"])}
    np.testing.assert_array_equal(model(data)[:, 0], [1, 0, 1])
    model.compile("sgd", "mse")
    model.fit(data, np.zeros((3, 1)), verbose=0)
    assert model.predict(data, verbose=0).shape == (3, 1)


def test_a_sparse_feature_of_a_sequential_model(tf_keras_2):
    given = tf_keras_2.SparseTensor([[0, 0], [1, 0], [2, 1]], [0, 1, 2], [3, 2])
    column = tf_keras_2.feature_column.categorical_column_with_identity("x", 3)
    features = tf_keras_2.keras.layers.DenseFeatures(tf_keras_2.feature_column.indicator_column(column))
    np.testing.assert_array_equal(tf_keras_2.keras.Sequential([features])({"x": given}), np.eye(3))
