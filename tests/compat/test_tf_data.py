"""`tf.data`: datasets from arrays and files, their transformations, and training on them."""

import gzip
import pathlib

import numpy as np
import pytest

from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError, DataError

keras = root("keras")


def chain(data):
    return [e.numpy().tolist() for e in data]


def test_data_sets_by_their_words(tf):
    numbers = tf.data.Dataset.range(6)
    assert chain(numbers.batch(4)) == [[0, 1, 2, 3], [4, 5]]
    assert len(numbers.batch(4, drop_remainder=True)) == 1
    assert chain(numbers.filter(lambda x: x % 2 == 0).map(lambda x: x * 10)) == [0, 20, 40]
    assert chain(numbers.skip(1).take(2).repeat(2)) == [1, 2, 1, 2]
    assert numbers.repeat().cardinality() == -1
    endless = type(numbers).sample_from_datasets([numbers, numbers.repeat()])
    assert endless.cardinality() == type(numbers).choose_from_datasets([endless], numbers).cardinality() == -1
    assert numbers.scan(np.int64(0), lambda total, x: (total + x, total)).cardinality() == len(numbers)
    assert chain(numbers.window(3, shift=2, drop_remainder=True).flat_map(lambda w: w.batch(3))) == [
        [0, 1, 2],
        [2, 3, 4],
    ]
    assert chain(numbers.take(2).concatenate(numbers.skip(5)).batch(2).unbatch()) == [0, 1, 5]
    assert [len(b) for b in numbers.batch(3).rebatch(4)] == [len(b) for b in numbers.batch(4)]
    sizes = [[len(b) for b in numbers.batch(3).rebatch([1, 3], drop_remainder=drop)] for drop in (False, True)]
    assert sizes == [[1, 3, 1, 1], [1, 3, 1]]
    assert [(int(i), int(x)) for i, x in numbers.skip(4).enumerate(7)] == [(7, 4), (8, 5)]
    assert int(numbers.reduce(np.int64(0), lambda s, x: s + x)) == 15
    lists = tf.data.Dataset.from_generator(lambda: iter([[1], [2, 3]]), tf.int32)
    assert chain(lists.padded_batch(2)) == [[[1, 0], [2, 3]]]
    assert chain(numbers.take(4).interleave(lambda x: tf.data.Dataset.from_tensors(x).repeat(2), 2)) == [
        0,
        1,
        0,
        1,
        2,
        3,
        2,
        3,
    ]


def test_data_sets_shuffle_anew_in_each_pass(tf):
    data = tf.data.Dataset.range(20).shuffle(20, seed=1)
    first, second = chain(data), chain(data)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(20))
    still = tf.data.Dataset.range(20).shuffle(20, seed=1, reshuffle_each_iteration=False)
    assert chain(still) == chain(still)


def test_data_sets_keep_structures(tf):
    data = tf.data.Dataset.from_tensor_slices(({"a": [1.0, 2.0]}, [0, 1])).batch(2)
    spec = data.element_spec
    assert spec[0]["a"].dtype == tf.float32
    assert spec[1].shape == (None,)
    ((x, y),) = data.map(lambda x, y: (x["a"] + 1, y))
    assert x.numpy().tolist() == [2, 3]
    assert y.numpy().tolist() == [0, 1]
    pairs = tf.data.Dataset.zip((tf.data.Dataset.range(3), tf.data.Dataset.range(2)))
    assert len(pairs) == 2


def test_data_sets_train(tf):
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True))).shuffle(32).batch(8)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    history = model.fit(data.repeat(), steps_per_epoch=4, epochs=8, validation_data=data, verbose=0, keep=False)
    assert history.history["val_loss"][-1] < 0.1 * history.history["val_loss"][0]
    assert model.predict(data.map(lambda x, y: x), verbose=0).shape == (32, 1)


def test_data_sets_say_what_does_not_fit(tf):
    with pytest.raises(DataError, match=r"equal numbers of rows, got \[2, 3\]"):
        tf.data.Dataset.from_tensor_slices(([1, 2], [1, 2, 3]))
    ragged = tf.data.Dataset.from_generator(lambda: iter([[1], [2, 3]]), tf.int32)
    with pytest.raises(DataError, match="use padded_batch"):
        list(ragged.batch(2))


def test_a_ragged_tensor_as_data_of_a_model_asks_for_padding(tf):
    model = tf.keras.Sequential([tf.keras.layers.Embedding(5, 1), tf.keras.layers.GlobalMaxPooling1D()])
    model.compile("sgd", "mse")
    with pytest.raises(DataError, match=r"(?s)x: expected numbers, got dtype object.*Pad the rows"):
        model.fit(tf.ragged.constant([[1, 2], [3]]), np.zeros(2))


def test_files_of_values_between_commas(tf, tmp_path):
    path = str(tmp_path / "titanic.csv")
    pathlib.Path(path).write_text('survived,sex,age\n0,male,22.0\n1,female,\n1,"fe,male",4\n', encoding="utf-8")
    data = tf.data.experimental.make_csv_dataset(path, 2, label_name="survived", num_epochs=1, shuffle=False)
    (features, labels), (last, _) = data
    assert labels.numpy().tolist() == [0, 1]
    assert features["sex"].numpy().tolist() == [b"male", b"female"]
    assert last["sex"].numpy().tolist() == [b"fe,male"]
    assert features["age"].numpy().tolist() == [22, 0]
    assert features.keys() == {"sex", "age"}
    assert features["age"].dtype == tf.float32
    rows = list(tf.data.experimental.CsvDataset(path, [tf.int32, [-1.0]], header=True, select_cols=[0, 2]))
    assert [tuple(float(v) for v in row) for row in rows] == [(0, 22), (1, -1), (1, 4)]
    with pytest.raises(DataError, match=r"Line 3 of .*titanic.csv: expected a value, got an empty field"):
        list(tf.data.experimental.CsvDataset([path], [tf.int32, tf.float32], header=True, select_cols=[0, 2]))
    with pytest.raises(DataError, match=r"Line 2 of .*titanic.csv: expected a number \(int32\), got 'male'"):
        list(tf.data.experimental.CsvDataset([path], [tf.int32, tf.int32, tf.float32], header=True))
    with pytest.raises(DataError, match=r"label_name of make_csv_dataset: expected one of \['survived'"):
        tf.data.experimental.make_csv_dataset(path, 2, label_name="lived")


def test_record_files_say_what_is_broken(tf, tmp_path):
    path = str(tmp_path / "rows.tfrecord")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions("GZIP")) as writer:
        writer.write(b"one\0")
        writer.write(b"two")
    read = tf.data.TFRecordDataset(path, "GZIP")
    assert [v.numpy() for v in read] == [b"one\0", b"two"]
    whole = gzip.decompress(pathlib.Path(path).read_bytes())
    for number, place in ((0, 12), (1, len(whole) - 6)):  # a byte of the first record, of the second
        changed = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        pathlib.Path(path).write_bytes(changed)
        with pytest.raises(DataError, match=f"match their checksums, got another checksum for record {number}"):
            list(tf.data.TFRecordDataset(path))
    for broken in (whole[:-5], b"\1" + whole[1:]):
        pathlib.Path(path).write_bytes(broken)
        with pytest.raises(DataError, match="expected complete records, got a damaged one"):
            list(tf.data.TFRecordDataset(path))
    with pytest.raises(DataError, match="expected GZIP, or none, got 'ZLIB'"):
        list(tf.data.TFRecordDataset(path, "ZLIB"))
    with pytest.raises(DataError, match="expected complete fields, got damaged bytes"):
        tf.io.parse_single_example(b"\x0a\x7f", {})
    with pytest.raises(DataError, match="Feature 'x': expected 1 value, or a default_value, got 0"):
        tf.io.parse_single_example(b"", {"x": tf.io.FixedLenFeature([], tf.float32)})


def test_transformations_of_datasets(tf):
    data = tf.data.Dataset.range(6)
    assert [x.numpy() for x in data.apply(tf.data.experimental.take_while(lambda x: x < 3))] == [0, 1, 2]
    counts = tf.data.experimental.Counter(5, 2)
    assert [x.numpy() for x in counts.take(3)] == [5, 7, 9]

    def refuse(x):
        if x == 1:
            raise ValueError("one")
        return x

    assert [x.numpy() for x in tf.data.Dataset.range(3).map(refuse).apply(tf.data.experimental.ignore_errors())] == [
        0,
        2,
    ]
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    assert len(list(data.with_options(options).apply(tf.data.experimental.map_and_batch(lambda x: x + 1, 3)))) == 2


def test_batches_of_ragged_rows(tf):
    rows = tf.ragged.constant([[1, 2], [3], []], dtype=tf.int32)
    (batch,) = tf.data.Dataset.from_tensor_slices(rows).batch(3)
    assert batch.to_list() == [[1, 2], [3], []]
    nested = tf.ragged.constant([[[1, 2], [3, 4]], [[5, 6]]])
    (batch,) = tf.data.Dataset.from_tensor_slices(nested).batch(2)
    assert batch.merge_dims(0, 1).to_tensor().numpy().tolist() == [[1, 2], [3, 4], [5, 6]]
    assert tf.ragged.constant([[[1, 2]], [[3, 4], [5, 6]]], ragged_rank=1).shape.as_list() == [2, None, 2]


def test_ragged_text_vectorization(tf):
    layer = keras.layers.TextVectorization(vocabulary=["a", "b"], ragged=True)
    tokens = layer(tf.constant(["a b a", "b"]))
    assert tokens.to_list() == [[2, 3, 2], [3]]
    assert tokens[:, :-1].to_tensor().numpy().tolist() == [[2, 3], [0, 0]]
    with pytest.raises(
        ArgumentError, match=r"(?s)in a model: expected ragged=False, .* mask_zero=True in the Embedding"
    ):
        layer(keras.Input((1,), dtype="string"))


def test_examples_are_shown_as_text(tf):
    feature = {"a": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5, 1 / 3]))}
    feature["b"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b'"\xff']))
    text = str(tf.train.Example(features=tf.train.Features(feature=feature)))
    first = 'key: "a" value { float_list { value: 0.5 value: 0.333333343 } }'
    second = 'key: "b" value { bytes_list { value: "\\"\\377" } }'
    assert all(f"feature {{ {one} }}" in " ".join(text.split()) for one in (first, second))
    assert text.startswith("features {\n  feature {\n    key:")


def test_examples_that_a_program_fills(tf):
    example = tf.train.Example()
    example.features.feature["x"].int64_list.value.append(-3)
    example.features.feature["y"].float_list.value.extend([1.5, 2.0])
    sequence = tf.train.SequenceExample()
    sequence.feature_lists.feature_list["v"].feature.add().bytes_list.value.append(b"a")
    read = tf.train.Example()
    for _ in range(2):
        read.ParseFromString(example.SerializeToString())  # in the place of what was there
    assert read == example
    kinds = {name: one.WhichOneof("kind") for name, one in read.features.feature.items()}
    assert kinds == {"x": "int64_list", "y": "float_list"}
    assert "k" not in read.features.feature
    layout = {"v": tf.io.FixedLenSequenceFeature([], tf.string)}
    _, lists = tf.io.parse_single_sequence_example(sequence.SerializeToString(), sequence_features=layout)
    assert lists["v"].numpy().tolist() == [b"a"]


def test_messages_of_tensors(tf):
    for values in (np.arange(6, dtype="int8").reshape(2, 3), np.float64(0.5), np.array([b"a", b"bc"], object)):
        made = tf.make_ndarray(tf.make_tensor_proto(values))
        assert (made.dtype, made.tolist()) == (values.dtype, values.tolist())
    assert tf.make_ndarray(tf.make_tensor_proto([1.0, 2.0])).dtype == "float32"
    repeated = tf.make_tensor_proto(np.float32(0))
    repeated.tensor_content = b""
    repeated.float_val.extend([1.0, 2.0])
    repeated.tensor_shape.dim.add(size=4)  # the last value stands for the others
    assert tf.make_ndarray(repeated).tolist() == [1, 2, 2, 2]
    with pytest.raises(DataError, match=r"tf.io.parse_tensor: expected a tensor of int32, got float32"):
        tf.io.parse_tensor(tf.io.serialize_tensor([1.0]), tf.int32)


def test_texts_of_datasets(tf):
    data = tf.data.Dataset.from_tensor_slices([1, 2])
    spec = "TensorSpec(shape=({}), dtype=tf.int32, name=None)"
    assert repr(data) == f"<_TensorSliceDataset element_spec={spec.format('')}>"
    assert repr(data.shuffle(2).batch(2).prefetch(1)) == f"<_PrefetchDataset element_spec={spec.format('None,')}>"
    assert repr(data.map(abs, num_parallel_calls=2)) == f"<_ParallelMapDataset element_spec={spec.format('')}>"
    assert repr(tf.data.TextLineDataset("missing")).startswith("<TextLineDatasetV2 element_spec=")
    assert "_BatchDataset" in str(type(data.batch(2)))  # which programs read
    assert type(data.batch(2).prefetch(1)).__name__ == "_PrefetchDataset"
    assert repr(data.map(lambda x: 1 / 0)) == "<_MapDataset length=2>"


def test_showing_a_dataset_shuffles_nothing(tf):
    orders = []
    for shows in (False, True):
        data = tf.data.Dataset.range(20).shuffle(20, seed=1)
        orders.append((repr(data) if shows else "", chain(data))[1])
    assert orders[0] == orders[1]


def test_rows_of_sparse_tensors(tf):
    sparse = tf.SparseTensor([[0, 0], [1, 2], [1, 0]], [1.0, 2.0, 3.0], [3, 4])
    data = tf.data.Dataset.from_tensor_slices((sparse, [7, 8, 9]))
    assert [tf.sparse.to_dense(x).numpy().tolist() for x, _ in data] == tf.sparse.to_dense(sparse).numpy().tolist()
    [(batch, labels)] = data.batch(3)
    assert batch.shape == (3, 4)
    assert labels.numpy().tolist() == [7, 8, 9]
    assert tf.sparse.to_dense(batch).numpy().tolist() == tf.sparse.to_dense(sparse).numpy().tolist()


def test_an_empty_dataset_has_the_shapes_of_its_source(tf):
    data = tf.data.Dataset.from_tensor_slices(np.ones((4, 2), "float32")).filter(lambda x: x[0] > 1).take(2)
    assert tuple(data.element_spec.shape) == (2,)
    assert list(data) == []


def test_classes_of_datasets_of_files_have_subclasses(tf, tmp_path):
    """A class of a program with a method of its own; the results of methods are plain datasets."""
    paths = [str(tmp_path / name) for name in ("a", "b")]
    for number, path in enumerate(paths):
        with tf.io.TFRecordWriter(path) as writer:
            writer.write(f"record {number}".encode())

    class Counted(tf.data.TFRecordDataset):
        def __init__(self, filenames, buffer_size=None):
            self.filenames = filenames
            tf.data.TFRecordDataset.__init__(self, filenames, compression_type=None, buffer_size=buffer_size)

        def count_files(self):
            return len(self.filenames)

    data = Counted(paths)
    assert data.count_files() == 2
    assert isinstance(data, tf.data.Dataset)
    assert next(one.numpy() for one in data.batch(2)).tolist() == [b"record 0", b"record 1"]
    nested = tf.data.TFRecordDataset(tf.data.Dataset.from_tensor_slices(paths))
    assert [one.numpy() for one in nested] == [b"record 0", b"record 1"]
    assert "TFRecordDatasetV2" in repr(nested)
    (tmp_path / "text").write_bytes(b"x\ny\n")
    assert [one.numpy() for one in tf.data.TextLineDataset(str(tmp_path / "text"))] == [b"x", b"y"]
    assert [one.numpy() for one in tf.data.FixedLengthRecordDataset(str(tmp_path / "text"), 2)] == [b"x\n", b"y\n"]


def test_none_in_elements(tf):
    x = np.arange(6, dtype="float32").reshape(3, 2)
    data = tf.data.Dataset.from_tensor_slices((x, None, x[:, 0]))
    batches = list(data.batch(2).map(lambda a, b, c: (a + 1, b, c)))
    assert [(a.numpy().tolist(), b, c.numpy().tolist()) for a, b, c in batches] == [
        ([[1, 2], [3, 4]], None, [0, 2]),
        ([[5, 6]], None, [4]),
    ]
    assert next(iter(tf.data.Dataset.from_tensors({"a": x, "b": None})))["b"] is None
