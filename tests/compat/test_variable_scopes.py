"""Variable scopes and name scopes of TensorFlow 1: names, reuse, getters and collections of what is in them."""

import numpy as np
import pytest

X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def generator(tf, x, reuse=False):
    with tf.variable_scope("generator", reuse=reuse, initializer=tf.ones_initializer()):
        h = tf.layers.dense(x, 4, name="fc")
        h = tf.layers.dense(tf.layers.dense(h, 2), 2)
        return tf.matmul(h, tf.get_variable("w", [2, 2]))


def test_layers_take_the_initializer_and_the_regularizer_of_the_scope(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    penalty = lambda weight: 0.5 * tf.reduce_sum(weight)  # noqa: E731
    with tf.variable_scope("net", initializer=tf.constant_initializer(0.25), regularizer=penalty):
        tf.layers.dense(x, 2)
        tf.layers.conv1d(tf.expand_dims(x, 0), 2, 1, kernel_initializer=tf.ones_initializer())
        tf.layers.dense(x, 2, None, True, tf.zeros_initializer())
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        kernels = [v for v in tf.trainable_variables() if "kernel" in v.name]
        assert [sess.run(v).max() for v in kernels] == [0.25, 1, 0]
        losses = sess.run(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
    assert sorted(losses)[-2:] == [0.75, 3]
    assert sum(losses) == 3.75


def test_names_in_scopes(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    first = generator(tf, x)
    with tf.variable_scope("other"):
        b = tf.Variable(0.0, name="b")
    names = [v.name for v in tf.trainable_variables()]
    assert names == [f"generator/{n}:0" for n in ("fc/kernel", "fc/bias", "dense/kernel", "dense/bias")] + [
        "generator/dense_1/kernel:0",
        "generator/dense_1/bias:0",
        "generator/w:0",
        "other/b:0",
    ]
    again = generator(tf, x, reuse=True)
    assert len(tf.trainable_variables()) == len(names)
    one, two, w = tf.Session().run([first, again, tf.trainable_variables()[6]], {x: X})
    np.testing.assert_array_equal(one, two)
    assert (w == 1).all()
    assert tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="other") == [b]
    assert [v.name for v in tf.trainable_variables("generator/fc")] == names[:2]
    assert [v.op.name for v in tf.trainable_variables("other")] == ["other/b"]
    assert tf.get_variable_scope().name == ""
    with tf.variable_scope("other", reuse=tf.AUTO_REUSE) as scope:
        assert tf.get_variable("v", [1]) is tf.get_variable("v", [1])
        assert scope.name == "other"
    tf.add_to_collection("mine", b)
    assert tf.get_collection("mine") == [b]


def test_weights_of_layers_are_variables_of_their_scope(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    tf.layers.dense(x, 2, name="fc")
    with tf.variable_scope("fc", reuse=True):
        assert tf.get_variable("kernel").get_shape().as_list() == [3, 2]


def test_updates_of_a_scope(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    for name in ("generator", "critic"):
        with tf.variable_scope(name):
            x = tf.layers.batch_normalization(x, training=True)
    updates = [tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope=scope) for scope in ("generator", "critic", None)]
    assert [len(found) for found in updates] == [2, 2, 4]


def test_variables_exist_once(tf):
    with tf.variable_scope("a"):
        first = tf.get_variable("v", [1])
    with pytest.raises(ValueError, match="already exists"), tf.variable_scope("a"):
        tf.get_variable("v", [1])
    with pytest.raises(ValueError, match="does not exist"), tf.variable_scope("a", reuse=True):
        tf.get_variable("w", [1])
    with tf.variable_scope("a", reuse=tf.AUTO_REUSE):
        assert tf.get_variable("v", [1]) is first
        assert tf.get_variable("w", [1]).name == "a/w:0"


def test_calls_of_a_template_share_variables(tf):
    x = tf.placeholder(tf.float32, [None, 2])
    template = tf.make_template(
        "net", lambda x, factor: factor * tf.matmul(x, tf.get_variable("w", [2, 1])), factor=2.0
    )
    a, b = template(x), template(x * 2)
    assert [v.name for v in tf.trainable_variables()] == ["net/w:0"]
    found = tf.Session().run([a, b], {x: [[1, 2]]})
    np.testing.assert_allclose(found[1], 2 * found[0])


def test_a_custom_getter_replaces_variables(tf):
    x, averages = tf.placeholder(tf.float32, [None, 2]), tf.train.ExponentialMovingAverage(0.5)

    def net(reuse=None, getter=None):
        with tf.variable_scope("net", reuse=reuse, custom_getter=getter, initializer=tf.ones_initializer()):
            w = tf.get_variable("w", [2, 2])
            return tf.layers.dense(tf.matmul(x, w), 1, name="d")

    own = net()
    update = averages.apply(tf.trainable_variables("net"))
    other = net(True, lambda getter, name, *args, **options: averages.average(getter(name, *args, **options)))
    assert len(tf.trainable_variables()) == 3
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    sess.run([tf.assign(v, v * 3) for v in tf.trainable_variables()])
    sess.run(update)
    assert [v.tolist() for v in sess.run([own, other], {x: [[1, 1]]})] == [[[36]], [[16]]]


def test_a_custom_getter_takes_whole_names_of_other_scopes(tf):
    first = tf.get_variable("model/w", [2])

    def outer(getter, name, *args, **options):
        return getter(name.replace("train/", "", 1), *args, **options)

    with tf.variable_scope("train", reuse=True, custom_getter=outer), tf.variable_scope("model", reuse=True):
        assert tf.get_variable("w", [2]) is first
        assert tf.get_variable_scope().name == "train/model"


def test_variables_with_a_partitioner_are_whole(tf):
    parts = tf.fixed_size_partitioner(2)
    assert tf.get_variable("parted", [4, 2], partitioner=parts).shape == (4, 2)


def test_scopes_that_are_opened_again_have_a_number(tf):
    x, names = tf.placeholder(tf.float32, [2], name="x"), []
    for _ in range(2):
        with tf.name_scope("layer"), tf.variable_scope("v", reuse=tf.AUTO_REUSE) as scope:
            names += [tf.Variable(1.0).name, tf.get_variable("w", [1]).name, tf.identity(x, name="y").name]
    with tf.variable_scope(scope):
        names += [tf.Variable(1.0).name, scope.original_name_scope]
    assert names[:3] == ["layer/v/Variable:0", "v/w:0", "layer/v/y:0"]
    assert names[3:] == ["layer_1/v/Variable:0", "v/w:0", "layer_1/v/y:0", "v/Variable:0", "layer_1/v/"]


def test_collections_of_a_name_scope(tf):
    """Those of each tower: they had what other towers had added, or no updates of statistics."""
    x, counts = tf.placeholder(tf.float32, [4, 3]), []
    for number in range(2):
        with tf.name_scope(f"tower_{number}") as scope, tf.variable_scope("net", reuse=number > 0):
            y = tf.layers.batch_normalization(x, training=True, name="bn")
            tf.add_to_collection("losses", tf.reduce_mean(y))
            keys = "losses", tf.GraphKeys.UPDATE_OPS
            counts.append([len(tf.get_collection(key, scope)) for key in keys])
    assert counts == [[1, 2], [1, 2]]
    assert [len(tf.get_collection(key)) for key in keys] == [2, 4]
