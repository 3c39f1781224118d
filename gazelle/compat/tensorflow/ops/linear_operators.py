"""`tf.linalg.LinearOperator*`: matrices with methods, which compute with the dense matrix."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops.arrays import convert
from gazelle.compat.tensorflow.ops.linalg import matmul
from gazelle.compat.types import Option, TensorLike, TensorResult

_HINTS = "name is_non_singular is_self_adjoint is_positive_definite is_square input_output_dtype"


def _tf(name: str, *args: Any, **kwargs: Any) -> Any:
    return NAMES[name](*args, **kwargs)


def _dense(value: Any) -> Any:
    return value.to_dense() if isinstance(value, LinearOperator) else convert(value)


def _of_matrix(name: str, is_operator: bool = False) -> Callable[[Any], Any]:
    """The method that calls a function of tf on the matrix, and may make an operator of the result."""

    def method(self: Any) -> Any:
        made = _tf(name, self._matrix)
        return LinearOperator(made) if is_operator else made

    return method


@named("linalg.LinearOperator")
class LinearOperator:
    """A matrix, or a batch of them.

    >>> operator = LinearOperator([[2.0, 0.0], [0.0, 4.0]])
    >>> operator.matvec([1.0, 1.0]).numpy().tolist(), float(operator.determinant())
    ([2.0, 4.0], 8.0)
    """

    @ignores(_HINTS)
    def __init__(self, matrix: TensorLike) -> None:
        self._matrix = convert(matrix)

    is_non_singular = is_self_adjoint = is_positive_definite = None
    dtype = property(lambda self: self._matrix.dtype)
    shape = property(lambda self: TensorShape(self._matrix.shape))
    batch_shape = property(lambda self: self.shape[:-2])
    range_dimension = property(lambda self: self.shape[-2])
    domain_dimension = property(lambda self: self.shape[-1])
    tensor_rank = property(lambda self: len(self.shape))
    is_square = property(lambda self: self.shape[-2] == self.shape[-1])
    H = property(lambda self: self.adjoint())

    def to_dense(self) -> TensorResult:
        return self._matrix

    def matmul(self, x: TensorLike, adjoint: bool = False, adjoint_arg: bool = False) -> TensorResult:
        """Return the product with a matrix, or with another operator as an operator."""
        product = matmul(self._matrix, _dense(x), adjoint_a=adjoint, adjoint_b=adjoint_arg)
        return LinearOperator(product) if isinstance(x, LinearOperator) else product

    __matmul__ = matmul

    def matvec(self, x: TensorLike, adjoint: bool = False) -> TensorResult:
        return self.matmul(convert(x)[..., None], adjoint)[..., 0]

    def solve(self, rhs: TensorLike, adjoint: bool = False, adjoint_arg: bool = False) -> TensorResult:
        """Return X with A X = rhs."""
        right = _dense(rhs)
        right = _tf("linalg.adjoint", right) if adjoint_arg else right
        solution = _tf("linalg.solve", self._matrix, right, adjoint=adjoint)
        return LinearOperator(solution) if isinstance(rhs, LinearOperator) else solution

    def solvevec(self, rhs: TensorLike, adjoint: bool = False) -> TensorResult:
        return self.solve(convert(rhs)[..., None], adjoint)[..., 0]

    determinant = _of_matrix("linalg.det")
    trace = _of_matrix("linalg.trace")
    diag_part = _of_matrix("linalg.diag_part")
    eigvals = _of_matrix("linalg.eigvalsh")
    shape_tensor = _of_matrix("shape")

    def log_abs_determinant(self) -> TensorResult:
        return _tf("linalg.slogdet", self._matrix)[1]

    def add_to_tensor(self, x: TensorLike) -> TensorResult:
        return self._matrix + x

    inverse = _of_matrix("linalg.inv", is_operator=True)
    adjoint = _of_matrix("linalg.adjoint", is_operator=True)
    cholesky = _of_matrix("linalg.cholesky", is_operator=True)

    def cond(self) -> TensorResult:
        values = _tf("linalg.svd", self._matrix, compute_uv=False)
        return values[..., 0] / values[..., -1]


def _identity(rows: Any, batch_shape: Any = None, dtype: Any = "float32") -> Any:
    return _tf("eye", rows, batch_shape=batch_shape, dtype=dtype or "float32")


def _toeplitz(col: Any, row: Any) -> Any:
    values, count = (
        _tf("concat", [_tf("reverse", convert(row)[..., 1:], [-1]), convert(col)], -1),
        convert(col).shape[-1],
    )
    return _tf("gather", values, [[count - 1 + i - j for j in range(count)] for i in range(count)], axis=-1)


def _circulant(spectrum: Any) -> Any:
    kernel = _tf("signal.ifft", _tf("cast", spectrum, "complex64"))
    count = kernel.shape[-1]
    return _tf("gather", kernel, [[(i - j) % count for j in range(count)] for i in range(count)], axis=-1)


def _householder(reflection_axis: Any) -> Any:
    unit = _tf("nn.l2_normalize", reflection_axis, axis=-1)
    return _identity(unit.shape[-1], None, unit.dtype) - 2 * unit[..., :, None] * unit[..., None, :]


def _tridiagonal(diagonals: Any, diagonals_format: str = "compact") -> Any:
    if diagonals_format == "matrix":
        return _tf("linalg.band_part", diagonals, 1, 1)
    parts = convert(diagonals) if diagonals_format == "compact" else [convert(one) for one in diagonals]
    above, main, below = (parts[..., i, :] for i in range(3)) if diagonals_format == "compact" else parts
    size = main.shape[-1] - 1
    outer = _tf("linalg.diag", above[..., :size], k=1) + _tf("linalg.diag", below[..., -size:], k=-1)
    return _tf("linalg.diag", main) + outer


def _kronecker(operators: Any) -> Any:
    def product(a: Any, b: Any) -> Any:
        whole = a[..., :, None, :, None] * b[..., None, :, None, :]
        sizes = (a.shape[-2] * b.shape[-2], a.shape[-1] * b.shape[-1])
        return _tf("reshape", whole, [*whole.shape[:-4], *sizes])

    return functools.reduce(product, map(_dense, operators))


def _block_diagonal(operators: Any) -> Any:
    parts = [_dense(one) for one in operators]
    width, start, rows = sum(part.shape[-1] for part in parts), 0, []
    for part in parts:
        edges = [[0, 0]] * (len(part.shape) - 1) + [[start, width - start - part.shape[-1]]]
        rows.append(_tf("pad", part, edges))
        start += part.shape[-1]
    return _tf("concat", rows, -2)


def _updated(base_operator: Any, u: Any, diag_update: Any = None, v: Any = None) -> Any:
    left = convert(u) if diag_update is None else convert(u) * convert(diag_update)[..., None, :]
    return _dense(base_operator) + matmul(left, u if v is None else v, adjoint_b=True)


#: name -> (the arguments, which are attributes, too; the dense matrix)
_KINDS: dict[str, tuple[str, Callable[..., Any]]] = {
    "FullMatrix": ("matrix", convert),
    "Diag": ("diag", lambda diag: _tf("linalg.diag", convert(diag))),
    "Identity": ("num_rows batch_shape dtype", _identity),
    "ScaledIdentity": ("num_rows multiplier", lambda rows, by: _identity(rows) * convert(by)[..., None, None]),
    "Zeros": (
        "num_rows num_columns batch_shape dtype",
        lambda rows, columns=None, batch=None, dtype="float32": _tf(
            "zeros", [*(batch or ()), rows, columns or rows], dtype or "float32"
        ),
    ),
    "LowerTriangular": ("tril", lambda tril: _tf("linalg.band_part", convert(tril), -1, 0)),
    "Toeplitz": ("col row", _toeplitz),
    "Circulant": ("spectrum", _circulant),
    "Householder": ("reflection_axis", _householder),
    "Permutation": ("perm dtype", lambda perm, dtype="float32": _tf("one_hot", perm, len(perm), dtype=dtype)),
    "Tridiag": ("diagonals diagonals_format", _tridiagonal),
    "Inversion": ("operator", lambda operator: _tf("linalg.inv", _dense(operator))),
    "Adjoint": ("operator", lambda operator: _tf("linalg.adjoint", _dense(operator))),
    "Composition": ("operators", lambda operators: functools.reduce(matmul, map(_dense, operators))),
    "Kronecker": ("operators", _kronecker),
    "BlockDiag": ("operators", _block_diagonal),
    "LowRankUpdate": ("base_operator u diag_update v", _updated),
}


def _kind(name: str, arguments: str, dense: Callable[..., Any]) -> type[LinearOperator]:
    names = arguments.split()

    @ignores(f"{_HINTS} is_diag_update_positive assert_proper_shapes")
    def __init__(self: Any, *args: Option, **kwargs: Option) -> None:  # noqa: N807
        given = dict(zip(names, args, strict=False)) | kwargs
        given = {key: value for key, value in given.items() if value is not None}
        LinearOperator.__init__(self, dense(*(given.get(key) for key in names[: _last(names, given)])))
        plain = ("num_rows", "num_columns", "batch_shape", "operator", "operators", "base_operator", "diagonals_format")
        given.pop("dtype", None)
        vars(self).update({key: value if key in plain else convert(value) for key, value in given.items()})

    return type(f"LinearOperator{name}", (LinearOperator,), {"__init__": __init__, "__doc__": f"`tf.linalg.{name}`."})


def _last(names: list[str], given: dict[str, Any]) -> int:
    """The number of arguments up to the last one that was given."""
    return max(i + 1 for i, name in enumerate(names) if name in given)


for _name, (_arguments, _function) in _KINDS.items():
    named(f"linalg.LinearOperator{_name}")(_kind(_name, _arguments, _function))
