"""ops.image against Keras: values, dtypes, gradients, and the shape that symbolic tensors get."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from deviations import note, same

from gazelle import ops
from gazelle.core.symbolic import KerasTensor

R = np.random.default_rng(0)
X = R.uniform(0.05, 0.95, (2, 7, 5, 3)).astype("float32")
BYTES = R.integers(0, 256, (2, 7, 5, 3)).astype("uint8")
VOLUME = R.normal(size=(2, 5, 4, 6, 2)).astype("float32")
BIG = R.uniform(0, 1, (2, 12, 13, 2)).astype("float32")
MOVED = (X + 0.1 * R.normal(size=X.shape)).astype("float32")
AFFINE = np.array([[1.1, 0.2, -0.37, -0.13, 0.9, 0.41, 0, 0], [0.7, -0.3, 1.23, 0.2, 1.3, -0.61, 0, 0]], "float32")
CORNERS = np.array([[[0, 0], [4, 0], [0, 6], [4, 6]]] * 2, "float32")
PLACES = CORNERS + R.uniform(-0.8, 0.8, CORNERS.shape).astype("float32")
FIRST, LAST = "channels_first", "channels_last"
FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")
SIZES = ((3, 4), (9, 11), (14, 5))

CASES = [
    *[
        ("resize", (X, size), {"interpolation": kind})
        for kind in ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
        for size in SIZES
    ],
    *[
        ("resize", (X, (3, 4)), {"interpolation": kind, "antialias": True})
        for kind in ("bilinear", "lanczos3", "lanczos5", "bicubic")
    ],
    *[
        ("resize", (BYTES, size), {"interpolation": kind})
        for kind, size in (("bilinear", (3, 4)), ("nearest", (9, 11)), ("bicubic", (14, 5)))
    ],
    *[
        ("resize", (x, size), {"crop_to_aspect_ratio": True, "interpolation": kind})
        for x, size, kind in ((X, (4, 8), "bilinear"), (BYTES, (8, 3), "bilinear"), (X, (7, 5), "nearest"))
    ],
    *[
        ("resize", (x, size), {"pad_to_aspect_ratio": True, "fill_value": fill})
        for x, size, fill in ((X, (4, 8), 0.0), (BYTES, (8, 3), 3.0), (X, (7, 5), 3.0), (BYTES, (4, 8), 7.0))
    ],
    *[
        ("affine_transform", (X, AFFINE), {"interpolation": kind, "fill_mode": fill, "fill_value": 0.3})
        for kind in ("bilinear", "nearest")
        for fill in FILLS
    ],
    ("affine_transform", (BYTES, AFFINE), {}),
    ("affine_transform", (BYTES, AFFINE), {"fill_mode": "reflect"}),
    *[
        ("perspective_transform", (X, CORNERS, PLACES), {"interpolation": kind, "fill_value": fill})
        for kind in ("bilinear", "nearest")
        for fill in (0, 0.7)
    ],
    *[
        ("extract_patches", (X, size), {"strides": step, "padding": pad})
        for size in (2, (3, 2))
        for step in (None, 1, (2, 3))
        for pad in ("valid", "same")
    ],
    ("extract_patches", (X, 2), {"strides": 1, "dilation_rate": 2}),
    *[
        ("gaussian_blur", (X,), {"kernel_size": size, "sigma": sigma})
        for size in ((3, 3), (5, 3), (4, 5), (17, 3))
        for sigma in ((1.0, 1.0), (0.5, 2.0))
    ],
    *[
        (
            "elastic_transform",
            (X,),
            {"alpha": alpha, "sigma": sigma, "seed": 3, "interpolation": kind, "fill_mode": fill},
        )
        for alpha, sigma, kind, fill in ((2.0, 0.7, "bilinear", "reflect"), (5.0, 0.4, "nearest", "constant"))
    ],
    ("rgb_to_grayscale", (X,), {}),
    ("rgb_to_grayscale", (BYTES,), {}),
    ("rgb_to_grayscale", (X[..., :1],), {}),
    ("rgb_to_hsv", (X,), {}),
    ("hsv_to_rgb", (X,), {}),
    ("sobel_edges", (X,), {}),
    *[
        ("ssim", (BIG, BIG[::-1].copy()), more)
        for more in ({}, {"max_val": 2.0, "filter_size": 5}, {"filter_sigma": 0.8})
    ],
    ("pad_images", (X, 1, 2, 3, 4), {}),
    ("pad_images", (X, 1, 2), {"target_height": 9, "target_width": 9}),
    ("pad_images", (BYTES,), {"bottom_padding": 2, "right_padding": 1, "target_height": 10, "target_width": 8}),
    ("crop_images", (X, 1, 2, 3, 1), {}),
    ("crop_images", (X, 1, 2), {"target_height": 3, "target_width": 2}),
    ("crop_images", (BYTES,), {"bottom_cropping": 2, "right_cropping": 1, "target_height": 4, "target_width": 3}),
]
OTHERS = [
    *[
        ("extract_patches_3d", (VOLUME, size), {"strides": step, "padding": pad})
        for size in (2, (2, 1, 3))
        for step in (None, 1)
        for pad in ("valid", "same")
    ],
    ("extract_patches", (VOLUME, (2, 2, 2)), {}),
    ("extract_patches_3d", (VOLUME.transpose(0, 4, 1, 2, 3), 2), {"data_format": FIRST}),
    ("extract_patches_3d", (VOLUME[0], 2), {}),
    *[
        (
            "map_coordinates",
            (VOLUME[0, 0, ..., 0], R.uniform(-2, 7, (2, 4, 3)).astype("float32"), order),
            {"fill_mode": fill, "fill_value": 0.3},
        )
        for order in (0, 1)
        for fill in FILLS
    ],
    ("map_coordinates", (BYTES[0, ..., 0], R.uniform(0, 5, (2, 9)).astype("float32"), 1), {}),
    *[
        (
            "scale_and_translate",
            (X, (2, 9, 4, 3), np.array([1.5, 0.7], "float32"), np.array([0.3, -0.6], "float32"), (1, 2), method),
            {"antialias": smooth},
        )
        for method in ("linear", "cubic", "lanczos3", "lanczos5")
        for smooth in (False, True)
    ],
]


def first(x):
    """An argument with its channels first, where it is a batch of images."""
    return np.moveaxis(x, -1, 1) if isinstance(x, np.ndarray) and x.ndim == 4 else x


FORMS = [
    *[(name, args, {**kwargs, "data_format": LAST}) for name, args, kwargs in CASES],
    *[(name, tuple(map(first, args)), {**kwargs, "data_format": FIRST}) for name, args, kwargs in CASES[::3]],
    *[
        (name, (args[0][0], *args[1:]), {**kwargs, "data_format": LAST})
        for name, args, kwargs in CASES
        if name in ("resize", "extract_patches", "gaussian_blur", "rgb_to_hsv", "rgb_to_grayscale", "pad_images")
    ][::3],
    *OTHERS,
]


def close(wanted, got, kind="values"):
    whole = wanted.dtype == "uint8"
    if whole:
        wanted, got = np.asarray(wanted, "float64"), np.asarray(got, "float64")
        note(kind, 0)  # a half may be rounded up by one and down by the other
        assert np.abs(wanted - got).max() <= 1
        assert (wanted != got).mean() <= 0.02
    else:
        same(got, wanted, kind=kind)


ONCE = set({case[0]: i for i, case in reversed(list(enumerate(FORMS)))}.values())  # the first case of each name
WARPS = ("affine_transform", "perspective_transform", "map_coordinates")


def run(function, args, kwargs, gradients=True):
    """The outcome and, for floats, the gradient of a weighted sum of it: one program, for compiling costs most."""

    def total(x):
        y = function(x, *args[1:], **kwargs)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype="float32")).reshape(y.shape)), y

    x = jnp.asarray(args[0])
    if x.dtype != "float32" or not gradients:
        return function(x, *args[1:], **kwargs), None  # op by op: most programs are then there already
    (_, y), gradient = jax.jit(jax.value_and_grad(total, has_aux=True))(x)
    return y, gradient


@pytest.mark.parametrize("index", [pytest.param(i, id=f"{c[0]}-{i}") for i, c in enumerate(FORMS)])
def test_equals_keras(index):
    name, args, kwargs = FORMS[index]
    ours, theirs = getattr(ops.image, name), getattr(keras.ops.image, name)
    if name == "elastic_transform":  # Keras wants the value of sigma
        wanted, got, gradient = theirs(jnp.asarray(args[0]), *args[1:], **kwargs), ours(*args, **kwargs), None
    else:
        gradients = index % (12 if name in WARPS else 6) == 0 or index in ONCE  # they cost most of the time
        (wanted, gradient), (got, own_slope) = run(theirs, args, kwargs, gradients), run(ours, args, kwargs, gradients)
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    close(wanted, got)
    if gradient is not None:
        close(gradient, own_slope, "gradients")


ONE_EACH = list({case[0]: case for case in reversed(FORMS)}.values())


@pytest.mark.parametrize(("name", "args", "kwargs"), [pytest.param(*c, id=c[0]) for c in ONE_EACH])
def test_symbolic_tensors_get_the_shape_and_dtype_of_arrays(name, args, kwargs):
    ours = getattr(ops.image, name)
    spec = jax.eval_shape(lambda x: ours(x, *args[1:], **kwargs), args[0])
    symbol = ours(KerasTensor(args[0].shape, args[0].dtype), *args[1:], **kwargs)
    assert (symbol.shape, symbol.dtype) == (spec.shape, str(spec.dtype))
    if args[0].ndim == 4 and name not in ("affine_transform", "perspective_transform", "ssim"):  # two batches meet
        assert ours(KerasTensor((None, *args[0].shape[1:])), *args[1:], **kwargs).shape[1:] == spec.shape[1:]


def test_every_name_is_there():
    names = {n for n in dir(keras.ops.image) if not n.startswith("_")}
    assert names <= set(ops.image.__all__)
