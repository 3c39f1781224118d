"""Calls of TensorFlow, short ones in `golden/tensorflow_calls.txt`, longer ones here, computed by whatever `tensorflow`
is: the real one, or gazelle's.

python tensorflow_calls.py > golden/tensorflow_calls.json      what the installed TensorFlow gives
"""

import json
import os
import pathlib
import tempfile

import numpy as np


def names(tf):
    """What the lines may speak of."""
    rng = np.random.default_rng(0)
    return {
        "tf": tf,
        "np": np,
        "i": tf.constant([1, 2, 3, 4]),
        "f": tf.constant([-0.5, 0.25, 1.5]),
        "m": tf.constant([[1.0, 2.0, 3.0], [4.0, 1.5, 0.5]]),
        "c": tf.reshape(tf.range(8.0), [2, 2, 2]),
        "v": tf.Variable([1.0, 2.0]),
        "im": tf.constant(rng.random((1, 4, 4, 2), "float32")),
        "k": tf.constant(rng.random((3, 3, 2, 3), "float32")),
        "rgb": tf.constant(rng.random((4, 5, 3), "float32")),
        "u": tf.constant(rng.integers(0, 256, (4, 4, 3)).astype("uint8")),
        "big": tf.constant(rng.random((16, 16, 1), "float32")),
        "boxes": tf.constant([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.9], [0.5, 0.5, 2.0, 2.0]]),
    }


# Longer ones: each is a function of `tf` ---------------------------------------------------------------------------


def gradients(tf):
    x, w = tf.constant([1.0, 2.0]), tf.Variable([3.0, 4.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.reduce_sum(x * w**2) + tf.math.log(x[0])
        z = tf.where(x > 1.5, x**3, tf.sin(x))
        e = tf.gather(w, [0, 0, 1]) * 2.0
        u = tf.reduce_max(w) + tf.norm(x) + tf.nn.relu(-w)
    return [tape.gradient(t, s) for t in (y, z, e, u) for s in (x, w)], tape.jacobian(z, x), tape.gradient(e, x)


def sparse_gradient(tf):
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        out = tf.nn.embedding_lookup(table, [1, 1])
    return tf.convert_to_tensor(tape.gradient(out, table))


def second_order(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x**4
        first = inner.gradient(y, x)
    return first, outer.gradient(first, x)


def unconnected(tf):
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        y = a * 2.0
        z = tf.stop_gradient(b) + tf.cast(tf.cast(b, tf.int32), tf.float32)
    return tape.gradient(y, [a, b]), tape.gradient(y, b, unconnected_gradients="zero"), tape.gradient(z, b)


def custom_gradient(tf):
    @tf.custom_gradient
    def clipped(x):
        return x * x, lambda upstream: upstream * 10.0

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = clipped(x) + x
    return y, tape.gradient(y, x)


def control(tf):
    @tf.function
    def collatz(n):
        steps = 0
        while n != 1:
            if n % 2 == 0:  # noqa: SIM108 - what AutoGraph converts
                n = n // 2
            else:
                n = 3 * n + 1
            steps += 1
        return steps

    @tf.function
    def total(x):
        out = 0.0
        for value in x:
            if value < 0.0:
                continue
            if value > 9.0:
                break
            out += value
        return out

    @tf.function
    def early(x):
        if tf.reduce_sum(x) > 0.0:
            return x
        return -x

    return collatz(tf.constant(6)), total(tf.constant([1.0, -5.0, 2.0, 10.0, 4.0])), early(tf.constant([-1.0, -2.0]))


def loops_of_ranges(tf):
    @tf.function
    def fibonacci(n):
        a, b = tf.constant(0), tf.constant(1)
        for _ in tf.range(n):
            a, b = b, a + b
        return a

    @tf.function
    def collected(x):
        out = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for k in tf.range(tf.shape(x)[0]):
            out = out.write(k, x[k] * 2.0)
        return out.stack()

    return fibonacci(tf.constant(10)), collected(tf.constant([1.0, 2.0]))


def side_effects(tf):
    counter = tf.Variable(0)

    @tf.function
    def count(x):
        counter.assign_add(1)
        return x + tf.cast(counter, tf.float32)

    return count(tf.constant(1.0)), count(tf.constant(1.0)), counter


def pipelines(tf):
    data = tf.data.Dataset
    ten = data.range(10)
    pairs = data.from_tensor_slices(([1, 2, 3], ["a", "b", "c"]))
    windows = ten.window(4, shift=2, drop_remainder=True).flat_map(lambda w: w.batch(4)).map(lambda w: (w[:-1], w[-1]))
    ragged = data.from_generator(lambda: iter([[1], [2, 3], [4]]), output_signature=tf.TensorSpec([None], tf.int32))
    return [
        list(one)
        for one in (
            ten.batch(3),
            ten.batch(4, drop_remainder=True),
            pairs.map(lambda a, b: (a * 2, b)),
            windows,
            ten.filter(lambda x: x % 3 == 0),
            ten.take(3).concatenate(ten.skip(8)),
            ragged.padded_batch(2),
            ragged.padded_batch(3, padded_shapes=[4], padding_values=-1),
            ten.enumerate(5).take(2),
            ten.shard(3, 1),
            data.zip((ten, pairs)).batch(2),
            ten.take(4).interleave(lambda x: data.from_tensors(x).repeat(3), 2, 2),
            ten.scan(np.int64(0), lambda s, x: (s + x, s + x)).take(4),
            ten.take_while(lambda x: x < 3),
            pairs.repeat(2),
            data.from_tensor_slices({"a": [1.0, 2.0], "b": [[1], [2]]}).batch(2),
            ten.batch(3).unbatch().skip(7),
            ten.cache().prefetch(tf.data.AUTOTUNE).take(2),
            data.from_tensors([1, 2]),
            ten.apply(lambda d: d.take(1)),
            data.from_tensor_slices([3, 1, 3]).unique(),
            data.range(5, 0, -2),
            data.sample_from_datasets([ten.take(2)], [1.0]),
            data.choose_from_datasets([ten, ten.skip(5)], data.from_tensor_slices(np.asarray([0, 1, 1, 0]))),
            ten.group_by_window(lambda x: x % 2, lambda key, d: d.batch(5), window_size=5),
            ragged.bucket_by_sequence_length(lambda x: tf.size(x), [2], [2, 2]),
        )
    ] + [
        ten.reduce(np.int64(0), lambda s, x: s + x),
        len(ten),
        ten.cardinality(),
        ten.repeat().cardinality(),
        pairs.element_spec[0].dtype,
        next(iter(ten)),
    ]


def records(tf):
    """TFRecord files, written and read."""
    path = os.path.join(tempfile.mkdtemp(), "rows.tfrecord")
    train = tf.train
    with tf.io.TFRecordWriter(path) as writer:
        for k in range(3):
            feature = {
                "x": train.Feature(float_list=train.FloatList(value=[k, k + 0.5])),
                "y": train.Feature(int64_list=train.Int64List(value=[k - 1])),
                "s": train.Feature(bytes_list=train.BytesList(value=[b"ab" * k])),
                "many": train.Feature(int64_list=train.Int64List(value=list(range(k)))),
            }
            writer.write(train.Example(features=train.Features(feature=feature)).SerializeToString())
    spec = {
        "x": tf.io.FixedLenFeature([2], tf.float32),
        "y": tf.io.FixedLenFeature([], tf.int64),
        "s": tf.io.FixedLenFeature([], tf.string),
        "z": tf.io.FixedLenFeature([1], tf.float32, default_value=[7.0]),
        "many": tf.io.VarLenFeature(tf.int64),
    }
    data = tf.data.TFRecordDataset(path)
    first = train.Example()
    first.ParseFromString(next(iter(data)).numpy())
    rows = list(data.map(lambda raw: tf.io.parse_single_example(raw, spec)))
    whole = tf.io.parse_example(list(data), spec)
    return (
        [{**row, "many": tf.sparse.to_dense(row["many"])} for row in rows],
        {**whole, "many": tf.sparse.to_dense(whole["many"])},
        list(first.features.feature["x"].float_list.value),
        tf.io.parse_tensor(tf.io.serialize_tensor(tf.constant([[1, 2]])), tf.int32),
    )


def lookups(tf):
    keys, values = tf.constant(["a", "b"]), tf.constant([7, 8])
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default_value=-1)
    words = tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer(keys, tf.constant([0, 1], tf.int64)), 1)
    return (
        table.lookup(tf.constant(["b", "z"])),
        table.size(),
        words.lookup(tf.constant([["a", "q"]])),
        table[tf.constant("a")],
    )


def errors(tf):
    """Which class of errors the mistakes are that programs catch."""
    found = []
    for wrong in (
        lambda: tf.debugging.assert_equal(1, 2),
        lambda: tf.debugging.check_numerics([float("nan")], "bad"),
        lambda: tf.reshape(tf.zeros([3]), [2, 2]),
        lambda: tf.constant([1, 2]).assign,
        lambda: tf.io.read_file("/no"),
        lambda: tf.matmul(tf.zeros([2, 3]), tf.zeros([2, 3])),
        lambda: tf.debugging.assert_rank(tf.zeros([2]), 2),
    ):
        try:
            wrong()
            found.append("none")
        except tf.errors.InvalidArgumentError:
            found.append("invalid")
        except tf.errors.NotFoundError:
            found.append("not found")
        except (ValueError, AttributeError) as error:
            found.append("attribute" if isinstance(error, AttributeError) else "value")
    return found


def text_of_tensors(tf):
    return [
        str(tf.constant(3)),
        repr(tf.constant([1.5])),
        str(tf.constant("a")),
        str(tf.TensorShape([None, 2])),
        repr(tf.float32),
        str(tf.Variable(1.0, name="n").name),
        f"{tf.constant(2.5):.1f}",
        repr(tf.TensorSpec([2], tf.int32)),
    ]


def variables(tf):
    class Line(tf.Module):
        def __init__(self):
            super().__init__(name="line")
            self.w, self.b = tf.Variable(2.0, name="w"), tf.Variable([1.0], trainable=False)
            self.parts = [tf.Variable(3.0)]

        def __call__(self, x):
            return self.w * x + self.b

    line, a = Line(), tf.Variable([1.0, 2.0, 3.0])
    a[1].assign(9.0)
    a[:1].assign([7.0])
    a.assign_sub([1.0, 1.0, 1.0])
    a.scatter_update(tf.IndexedSlices([0.0], [2]))
    with tf.init_scope():
        pass
    return (
        line(tf.constant([2.0])),
        len(line.trainable_variables),
        len(line.variables),
        a,
        line.name,
        a + a,
        a.ref() == a.ref(),
    )


LONGER = (
    gradients,
    sparse_gradient,
    second_order,
    unconnected,
    custom_gradient,
    control,
    loops_of_ranges,
    side_effects,
    pipelines,
    records,
    lookups,
    errors,
    text_of_tensors,
    variables,
)


def described(tf, value):
    """A result as JSON: tensors as [dtype, shape, numbers]."""
    if isinstance(value, tf.RaggedTensor):
        return ["ragged", value.dtype.name, described(tf, value.to_list())]
    if isinstance(value, tf.IndexedSlices):
        return described(tf, tf.convert_to_tensor(value))
    if isinstance(value, tf.TensorShape):
        return ["shape", None if value.rank is None else list(value)]
    if isinstance(value, tf.DType):
        return ["dtype", value.name]
    if isinstance(value, dict):
        return {str(k): described(tf, v) for k, v in sorted(value.items())}
    if isinstance(value, tf.Tensor | tf.Variable | np.ndarray | np.generic) and not isinstance(value, bytes):
        dtype = value.dtype.name
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        return [dtype, list(array.shape), described(tf, array.tolist())]
    if isinstance(value, list | tuple):
        return [described(tf, v) for v in value]
    if isinstance(value, complex):
        return ["complex", value.real, value.imag]
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, bool | int | float | str | None) else getattr(value, "__name__", str(value))


def lines():
    """The short calls, one by one."""
    return (pathlib.Path(__file__).parent / "golden" / "tensorflow_calls.txt").read_text().splitlines()


def outcome(tf, name):
    """What a line or a longer function gives, or its error."""
    function = next((f for f in LONGER if f.__name__ == name), None)
    try:
        return described(tf, function(tf) if function else eval(name, names(tf)))
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"


if __name__ == "__main__":
    import tensorflow

    found = {name: outcome(tensorflow, name) for name in (*lines(), *(f.__name__ for f in LONGER))}
    print("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()) + "}")
