"""Operations whose arrays have shapes that do not fit: what was expected, in the terms of the operation."""

import numpy as np
import pytest

from gazelle import Input, Layer, ops
from gazelle.core.errors import IncompatibleShapesError
from gazelle.core.language import to_chinese


def z(*shape):
    return np.zeros(shape, "float32")


CASES = [
    (
        lambda: ops.matmul(z(2, 3), z(4, 5)),
        "the last axis of x1 to be as long as the second last axis of x2, got 3 and 4",
    ),
    (lambda: ops.matmul(z(2, 3), z(5, 3)), r"got 3 and 5\.\nTranspose the second array"),
    (lambda: ops.matmul(z(3, 2), z(3, 5)), r"got 2 and 3\.\nTranspose the first array"),
    (lambda: ops.matmul(z(2, 4, 3), z(5, 3, 4)), "equal or 1, from the last axis on, got 2 and 5"),
    (lambda: ops.dot(z(2, 3), z(4)), "as long as the only axis of x2, got 3 and 4"),
    (lambda: ops.inner(z(3), z(4)), "last axes of equal length, got 3 and 4"),
    (lambda: ops.vdot(z(3), z(4)), "equally many elements, got 3 and 4"),
    (lambda: ops.tensordot(z(2, 3), z(4, 5), 1), "axis -1 of x1 to be as long as axis 0 of x2, got 3 and 4"),
    (lambda: ops.tensordot(z(2, 3), z(4, 5), [[0], [0]]), "axis 0 of x1 to be as long as axis 0 of x2, got 2 and 4"),
    (lambda: ops.tensordot(z(2, 3), z(4, 5), [[5], [0]]), "arrays with axes 5 and 0, got 2 and 2 axes"),
    (lambda: ops.einsum("ij,jk->ik", z(2, 3), z(4, 5)), "one size for the axis 'j', got 3 and 4"),
    (lambda: ops.einsum("ijk,jk->ik", z(2, 3), z(4, 5)), r"3 axes for 'ijk', got shape \(2, 3\)"),
    (lambda: ops.einsum("ij,jk->ik", z(2, 3), z(3, 3), z(3)), "2 arrays for 'ij,jk->ik', got 3"),
    (lambda: ops.concatenate([z(2, 3), z(3, 4)]), "differ along axis 0 only, got 3 and 4 along axis 1"),
    (lambda: ops.concatenate([z(2, 3), z(3)]), r"equally many axes, got 2 and 1\.\nAdd an axis"),
    (lambda: ops.concatenate([z(2, 3), z(3, 3)], axis=-1), "differ along axis 1 only, got 2 and 3 along axis 0"),
    (lambda: ops.append(z(2, 3), z(3, 4), 0), "differ along axis 0 only"),
    (lambda: ops.hstack([z(2, 3), z(3, 3)]), "differ along axis 1 only"),
    (lambda: ops.vstack([z(3), z(4)]), "differ along axis 0 only, got 3 and 4 along axis 1"),
    (lambda: ops.dstack([z(2, 3, 1), z(2, 4, 1)]), "differ along axis 2 only"),
    (lambda: ops.stack([z(3), z(4)]), r"arrays of equal shape, got \(3,\) and \(4,\)"),
    (lambda: ops.where(z(3) > 0, z(4), z(3)), "got 3 and 4"),
    (lambda: ops.add(z(2), z(2, 3)), r"got 2 and 3\.\nAdd an axis to the smaller array"),
    (lambda: ops.solve(z(3, 3), z(4)), r"ops\.solve of shapes \(3, 3\), \(4,\) cannot be computed: "),
    (lambda: ops.sum([[1, 2], [3]]), r"ops\.sum: expected numbers in rows of equal length, got a ragged list"),
    (lambda: ops.matmul(Input((3,)), z(4, 5)), r"shapes \(None, 3\), \(4, 5\) .* got 3 and 4"),
    (lambda: Input((3,)) + Input((4,)), r"shapes \(None, 3\), \(None, 4\) .* got 3 and 4"),
]


@pytest.mark.parametrize(("compute", "text"), CASES)
def test_shapes_that_do_not_fit(compute, text):
    with pytest.raises(IncompatibleShapesError, match=text) as caught:
        compute()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)  # as JAX raises it


BY_ELEMENT = ["add", "arctan2", "divide", "equal", "greater", "logaddexp", "logical_and", "maximum"]
BY_ELEMENT += ["minimum", "mod", "multiply", "not_equal", "power", "subtract", "logical_xor", "hypot", "isclose"]


@pytest.mark.parametrize("name", BY_ELEMENT)
def test_operations_by_element(name):
    text = rf"ops\.{name} of incompatible shapes \(2, 3\), \(2, 4\) .* from the last axis on, got 3 and 4\.$"
    with pytest.raises(IncompatibleShapesError, match=text):
        getattr(ops, name)(z(2, 3), z(2, 4))


def test_in_a_layer_the_error_names_the_layer():
    class Scale(Layer):
        def call(self, x):
            return ops.matmul(x, z(5, 3))

    with pytest.raises(
        ValueError, match=r"'s' failed on input of shape \(2, 3\): ops\.matmul .*\nTranspose the second"
    ):
        Scale(name="s")(z(2, 3))


def test_other_errors_stay():
    with pytest.raises(TypeError, match="str"):
        ops.add("a", 1)


def test_in_chinese():
    for compute, _ in CASES:
        with pytest.raises(IncompatibleShapesError) as caught:
            compute()
        english = caught.value.args[0]
        if "ops.solve" not in english:  # the reason is a text of JAX
            for line, shown in zip(english.split("\n"), to_chinese(english).split("\n"), strict=True):
                assert shown != line
