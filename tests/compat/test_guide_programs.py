"""Differences that programs in the style of the guides of TensorFlow 2.15 showed."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root
from tests.compat.test_breaks import of_era


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def test_modules(tf):
    class Dense(tf.Module):
        def __init__(self, units, name=None):
            super().__init__(name=name)
            self.units = units

        @tf.Module.with_name_scope
        def __call__(self, x):
            if not hasattr(self, "w"):
                self.w = tf.Variable(tf.ones([x.shape[-1], self.units]), name="w")
                self.b = tf.Variable(tf.zeros([self.units]), name="b")
            return tf.matmul(x, self.w) + self.b

    class MyModel(tf.Module):
        def __init__(self):
            super().__init__()
            self.layers = [Dense(3, name="first"), Dense(2)]
            self.scale = tf.Variable(1.0)

        def __call__(self, x):
            for layer in self.layers:
                x = layer(x)
            return x * self.scale

    model = MyModel()
    assert model(tf.ones((1, 4))).shape == (1, 2)
    names = ["Variable:0", "first/b:0", "first/w:0", "dense/b:0", "dense/w:0"]
    assert [v.name for v in model.trainable_variables] == names
    assert (model.name, [part.name for part in model.submodules]) == ("my_model", ["first", "dense"])
    model.layers[0].parent = model
    assert [part.name for part in model.submodules] == ["first", "dense"]
    with tf.name_scope("outer"):
        assert tf.Variable(1.0, name="v").name == "outer/v:0"


def test_order_of_keys(tf):
    data = tf.data.Dataset.from_tensor_slices(({"b": [1, 2], "a": [3, 4]}, [0, 1]))
    for made in (data, data.batch(2), data.batch(1).unbatch(), data.map(lambda x, y: ({**x, "0": y}, y))):
        features, _ = next(iter(made))
        assert list(features)[:2] == ["b", "a"]
    packed = data.batch(2).map(lambda x, y: tf.stack(list(x.values()), axis=-1))
    assert next(iter(packed)).numpy().tolist() == [[1, 3], [2, 4]]
    assert list(data.element_spec[0]) == ["b", "a"]


def test_texts_are_compared(tf):
    texts = tf.constant(["ab", "cd"])
    assert tf.equal(texts, "ab").numpy().tolist() == [True, False]
    assert tf.not_equal("ab", texts).numpy().tolist() == [False, True]
    kept = tf.data.Dataset.from_tensor_slices(texts).filter(lambda s: tf.equal(tf.strings.substr(s, 0, 1), "a"))
    assert [np.asarray(v).item() for v in kept] == [b"ab"]


IMAGES = (np.cos(np.arange(480) * 0.37) * 0.5 + 0.5).reshape(2, 8, 10, 3).astype("f")
#: a call of TensorFlow 1 -> some numbers of its result, the sum of all
RESIZED = {
    "bil": (
        lambda image: image.resize_bilinear(IMAGES, [3, 4]),
        [0.10429999977350235, 0.23229999840259552, 0.18330000340938568, 0.32589998841285706],
        36.54,
    ),
    "bila": (
        lambda image: image.resize_bilinear(IMAGES, [5, 4], align_corners=True),
        [0.2003999948501587, 0.5264000296592712, 0.8012999892234802, 0.633400022983551],
        60.19,
    ),
    "bilh": (
        lambda image: image.resize_bilinear(IMAGES, [5, 4], half_pixel_centers=True),
        [0.2540000081062317, 0.3447999954223633, 0.501800000667572, 0.7365000247955322],
        60.62,
    ),
    "nn": (
        lambda image: image.resize_nearest_neighbor(IMAGES, [3, 4]),
        [0.008200000040233135, 0.011599999852478504, 0.03849999979138374, 0.2858000099658966],
        40.76,
    ),
    "nna": (
        lambda image: image.resize_nearest_neighbor(IMAGES, [5, 7], align_corners=True),
        [0.008200000040233135, 0.36880001425743103, 0.27869999408721924, 0.633400022983551],
        103.76,
    ),
    "bic": (
        lambda image: image.resize_bicubic(IMAGES, [5, 4]),
        [0.021900000050663948, 0.1551000028848648, 0.64410001039505, 0.8998000025749207],
        60.75,
    ),
    "bicu": (
        lambda image: image.resize_bicubic(IMAGES, [11, 13]),
        [0.5031999945640564, 0.9646000266075134, 1.041700005531311, 0.6621999740600586],
        434.04,
    ),
    "bica": (
        lambda image: image.resize_bicubic(IMAGES, [5, 4], align_corners=True),
        [0.2003999948501587, 0.5608000159263611, 0.8012999892234802, 0.633400022983551],
        60.1,
    ),
    "im1": (
        lambda image: image.resize_images(IMAGES[0], [13, 4], method=1),
        [0.008200000040233135, 1.0, 0.7610999941825867, 0.40860000252723694],
        80.34,
    ),
    "im2": (
        lambda image: image.resize_images(IMAGES, [3, 14], method=2),
        [0.5349000096321106, 0.8676999807357788, 0.11289999634027481, 0.093299999833107],
        125.16,
    ),
    "area": (
        lambda image: image.resize_area(IMAGES, [4, 5]),
        [0.2045000046491623, 0.8122000098228455, 0.18940000236034393, 0.5289000272750854],
        60.4,
    ),
}


@pytest.mark.parametrize("name", RESIZED)
def test_sizes_of_images_in_tensorflow_1(tf, name):
    resize, expected, total = RESIZED[name]
    found = np.asarray(resize(tf.compat.v1.image))
    np.testing.assert_allclose(found.reshape(-1)[[5, 20, -7, -1]], expected, atol=1e-3)
    np.testing.assert_allclose(np.abs(found).sum(), total, rtol=1e-3)


def test_scale_of_losses():
    with of_era(2):
        keras = root("tensorflow.keras")
        optimizer = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1))
        assert float(np.asarray(optimizer.loss_scale)) == 2**15
