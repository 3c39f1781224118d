"""An unknown size that is combined with a known one takes its value; if none fits, an error is raised."""

import numpy as np
import pytest

from gazelle import Input, layers, ops
from gazelle.core.errors import ShapeError


@pytest.mark.parametrize(
    ("compute", "shape"),
    [
        (lambda: Input((None,)) * np.ones(3, "float32"), (None, 3)),
        (lambda: ops.dot(Input((None,)), np.ones(3, "float32")), (None,)),
        (lambda: Input((3,)) + np.ones((4, 3), "float32"), (4, 3)),
        (lambda: Input((None,)) + np.ones((4, 3), "float32"), (4, 3)),
        (lambda: layers.Concatenate()([Input((None, 5)), Input((7, 3))]), (None, 7, 8)),
        (lambda: layers.Dot(1)([Input((None,)), Input((3,))]), (None, 1)),
    ],
)
def test_what_is_met_is_known(compute, shape):
    assert compute().shape == shape


@pytest.mark.parametrize(
    ("compute", "shape"),
    [
        (lambda: ops.reshape(Input((1,)), (-1, 50, 1)), (None, 50, 1)),
        (lambda: ops.reshape(Input((6,)), (-1, 11, 32)), (None, 11, 32)),
        (lambda: layers.Lambda(lambda x: ops.reshape(x, (-1, 64)))(Input((3,))), (None, 64)),
        (lambda: ops.split(Input((6,)), 64)[0], (None, 6)),
        (lambda: ops.reshape(Input((1,)), (50, 1)), (50, 1)),
    ],
)
def test_what_is_divided_stays_unknown(compute, shape):
    assert compute().shape == shape


@pytest.mark.parametrize(
    ("compute", "text"),
    [
        (
            lambda: ops.matmul(Input((None, 4)), np.ones((5, 5))),
            r"shapes \(None, None, 4\), \(5, 5\) cannot be computed",
        ),
        (
            lambda: layers.Lambda(lambda x: x * np.ones((3, 4)))(Input((None, 5))),
            r"on input of shape \(None, None, 5\)",
        ),
        (lambda: layers.Concatenate()([Input((2, 5)), Input((7, 3))]), r"\(None, 2, 5\), \(None, 7, 3\)"),
    ],
)
def test_what_cannot_meet(compute, text):
    with pytest.raises(ShapeError, match=text):
        compute()


def test_an_unknown_size_takes_the_one_that_broadcasting_requires():
    assert ops.broadcast_to(Input((3,)), (2, 3, 3)).shape == (2, 3, 3)
    with pytest.raises(ShapeError, match=r"\(None, 4\) cannot be computed.*float32\[None,4\]"):
        ops.broadcast_to(Input((4,)), (2, 3, 3))
