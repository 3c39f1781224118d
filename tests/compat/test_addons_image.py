"""Functions of `tfa.image`: the arrays of the genuine package, which `golden/record_addons.py` recorded."""

import pathlib

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import namespace
from tests.compat.golden import addons_cases

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "addons.npz")
CASES = addons_cases.cases(addons_cases.IMAGES)
ARRAYS = addons_cases.images()
tf = facade.module("tensorflow")
image = namespace("gazelle.compat.addons").image


@pytest.mark.parametrize("name", CASES)
def test_same_arrays(name):
    function = CASES[name].partition("(")[0]
    out = eval(CASES[name], {function: getattr(image, function), **ARRAYS})
    golden = GOLDEN[f"image/{name}"]
    assert isinstance(out, tf.Tensor)
    assert out.numpy().dtype == golden.dtype
    np.testing.assert_allclose(out.numpy(), golden, rtol=1e-5, atol=1e-5)


def test_functions_run_in_a_dataset_and_have_gradients():
    data = tf.data.Dataset.from_tensor_slices(ARRAYS["images"])
    data = data.map(lambda x: image.rotate(x, tf.random.uniform((), -0.1, 0.1), name="turned"))
    data = data.batch(2).map(lambda x: image.random_cutout(x, (2, 2), constant_values=5.0))
    (out,) = data
    assert out.shape == (2, 5, 6, 3)
    assert [(one == 5).sum() for one in out.numpy()] == [12, 12]
    flow = tf.Variable(np.zeros((2, 5, 6, 2), "float32") + 0.25)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(image.dense_image_warp(ARRAYS["images"], flow) ** 2)
    assert np.abs(tape.gradient(loss, flow).numpy()).max() > 0


def test_distances_from_zeros():
    pixels = (np.random.default_rng(0).uniform(size=(2, 7, 9, 1)) > 0.2).astype("uint8")
    out = image.euclidean_dist_transform(pixels).numpy()
    np.testing.assert_allclose(out[1, ..., 0], distance_transform_edt(pixels[1, ..., 0]), rtol=1e-6)
    assert image.euclidean_dist_transform(np.ones((3, 3), "uint8")).numpy().max() == np.finfo("float32").max


def test_invalid_arguments():
    with pytest.raises(ValueError, match="even numbers"):
        image.cutout(ARRAYS["images"], 3)
    with pytest.raises(ValueError, match="REFLECT"):
        image.mean_filter2d(ARRAYS["images"], padding="SAME")
    with pytest.raises(ValueError, match="'ij' or 'xy'"):
        image.interpolate_bilinear(ARRAYS["images"], ARRAYS["flow"][:, 0], indexing="yx")


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (2, 4, 5, 3)])
def test_axes_of_images(shape):
    utils = namespace("gazelle.compat.addons.image_utils")
    x = np.random.default_rng(0).random(shape).astype("float32")
    whole = utils.to_4D_image(x)
    assert len(whole.shape) == 4
    np.testing.assert_array_equal(utils.from_4D_image(whole, utils.get_ndims(x)), x)


def test_warps_by_control_points_splines_and_samples():  # numbers of TensorFlow Addons 0.23
    x = np.linspace(0, 1, 36).reshape(1, 3, 4, 3).astype("float32") ** 2
    start = np.array([[[1.0, 1], [2, 2]]], "float32")
    end = start + np.array([0.5, -0.25], "float32")
    warped, flow = image.sparse_image_warp(x, start, end, num_boundary_points=2)
    np.testing.assert_allclose(warped[0, 1, 1:, 0], [0.136274, 0.267139, 0.36], atol=1e-5)
    np.testing.assert_allclose(flow[0, 1, :, 0], [0, 0.32579, -0.00617, 0], atol=1e-4)
    assert image.sparse_image_warp(x[0, ..., 0], start, end, num_boundary_points=1)[0].shape == (3, 4)
    more = np.array([[[0.0, 2], [3, 0]]], "float32")
    points, values = (np.concatenate([v, more], 1) for v in (start, end))
    y = image.interpolate_spline(points, values, np.array([[[0.0, 0], [1, 1], [3, 1]]], "float32"), 1, 0.1)
    np.testing.assert_allclose(y[0], [[0.079, -0.0395], [1.53023, 0.73489], [3.26781, 0.8661]], atol=1e-4)
    samples = image.resampler(x, np.array([[[0.5, 1.5], [-0.25, 0], [8, 8]]], "float32"))
    np.testing.assert_allclose(samples[0, :, 1], [0.374286, 0.000612, 0], atol=1e-5)


def test_hues_in_yiq():  # numbers of TensorFlow Addons 0.23
    pixel = tf.constant([[[10, 200, 90]]], tf.uint8)
    np.testing.assert_array_equal(image.adjust_hsv_in_yiq(pixel, 0.3, 0.7, 0.9), [[[49, 165, 53]]])
    np.testing.assert_array_equal(image.random_hsv_in_yiq(pixel, 0, 1, 1, 0.5, 0.5), image.adjust_hsv_in_yiq(
        pixel, scale_value=0.5))  # fmt: skip
    with pytest.raises(ValueError, match="lower_saturation: expected a range"):
        image.random_hsv_in_yiq(pixel, 0, 1.5, 0.5)
