"""`theano` for programs that import it together with Keras: its functions on those of `keras.backend`.

>>> theano = module("theano")
>>> x = theano.tensor.vector("x")
>>> theano.function([x], theano.tensor.sqr(x).sum())([1.0, 2.0]).tolist()
5.0
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

from gazelle import ops
from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat import tables
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.gradients import gradients
from gazelle.compat.tables import pairs
from gazelle.compat.types import ArrayLike, SymbolicShape, TensorLike, TensorResult
from gazelle.core.errors import GazelleError, message, nearest


class MissingTheanoError(GazelleError, AttributeError):
    """A name of Theano that gazelle does not have."""


_OPTIONS = "mode name profile on_unused_input allow_input_downcast accept_inplace rebuild_strict no_default_updates"


@ignores(_OPTIONS)
def function(
    inputs: Sequence[Any],
    outputs: TensorLike = None,
    updates: Mapping[Any, TensorLike] | Sequence[Any] = (),
    givens: Mapping[Any, TensorLike] | Sequence[Any] = (),
) -> Callable[..., Any]:
    """Return a function that takes an array for each input; a single output is returned without a list.

    A tensor in `givens` has the value that its expression has for the inputs.
    """
    pairs, replaced = (list(v.items()) if isinstance(v, dict) else list(v) for v in (updates, givens))
    many = isinstance(outputs, list | tuple)
    wanted: list[Any] = list(outputs) if isinstance(outputs, list | tuple) else [] if outputs is None else [outputs]
    run: Any = K.function([*inputs, *(tensor for tensor, _ in replaced)], wanted, updates=pairs)
    compute: Any = K.function(list(inputs), [expression for _, expression in replaced]) if replaced else None

    def call(*arrays: Any) -> Any:
        found = run([*arrays, *(compute(list(arrays)) if compute else ())])
        return found if many else found[0] if found else None

    return call


@ignores("consider_constant=None disconnected_inputs add_names known_grads=None return_disconnected='zero'")
def grad(cost: ArrayLike, wrt: TensorLike) -> TensorResult:
    """Return the gradient of `cost` with respect to `wrt`: a tensor, or a list of tensors for a list."""
    found = gradients(cost, wrt)
    return found if isinstance(wrt, list | tuple) else found[0]


@ignores("strict allow_downcast borrow broadcastable target")
def shared(value: ArrayLike, name: str | None = None) -> TensorResult:
    """Return a variable with this first value."""
    return K.variable(value, name=name)


def _placeholder(ndim: int, usual: str | None = None) -> Any:
    return lambda name=None, dtype=usual: K.placeholder(ndim=ndim, name=name, **({"dtype": dtype} if dtype else {}))


def _same(x: ArrayLike, *_: object, **__: object) -> ArrayLike:
    """Return x: axes of size 1 broadcast without a declaration."""
    return x


@ignores("attrs global_fn")  # what is printed has no effect on the result
def _printing(message: str = "") -> Any:
    """Return a function that prints x after the message whenever it is computed, and returns x."""
    return lambda x: K.print_tensor(x, f"{message} __str__ =")


class RandomStreams:
    """Random tensors of `theano.tensor.shared_randomstreams`."""

    @ignores("use_cuda")
    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    @ignores("ndim dtype nstreams")  # numbers are `floatX`, and a product with another dtype converts them
    def normal(self, size: SymbolicShape = (), avg: float = 0.0, std: float = 1.0) -> TensorResult:
        return K.random_normal(size, avg, std, seed=self.seed)

    @ignores("ndim dtype nstreams")
    def uniform(self, size: SymbolicShape = (), low: float = 0.0, high: float = 1.0) -> TensorResult:
        return K.random_uniform(size, low, high, seed=self.seed)

    @ignores("ndim dtype nstreams")
    def binomial(self, size: SymbolicShape = (), n: int = 1, p: float = 0.5) -> TensorResult:
        return sum(K.random_binomial(size, p, seed=self.seed) for _ in range(n))


_LISTS = tables.lists("theano", "lists")
_KINDS = {"scalar": 0, "vector": 1, "matrix": 2, "row": 2, "col": 2, "tensor3": 3, "tensor4": 4}
_DTYPES = pairs("b=int8 w=int16 i=int32 l=int64 f=float32 d=float64")
TABLE: dict[str, Any] = {
    **{name: tables.resolve(path, __name__) for name, path in tables.objects("theano")["objects"].items()},
    "config": SimpleNamespace(floatX="float32", device="cpu", optimizer="fast_run", exception_verbosity="low"),
    **{f"tensor.{name}": getattr(ops, name) for name in _LISTS["same names"]},
    **{f"tensor.{name}": getattr(ops, current) for name, current in tables.read("theano")["tensor"].items()},
    **{f"tensor.{name}": _placeholder(ndim) for name, ndim in _KINDS.items()},
    **{f"tensor.{c}{name}": _placeholder(ndim, dtype) for name, ndim in _KINDS.items() for c, dtype in _DTYPES.items()},
    "tensor.flatten": lambda x, outdim=1: ops.reshape(x, (*x.shape[: outdim - 1], -1)),
    "tensor.alloc": lambda value, *shape: ops.broadcast_to(value, shape),
    "tensor.shape_padright": lambda x, n_ones=1: ops.reshape(x, (*x.shape, *[1] * n_ones)),
    **{f"tensor.nnet.{name}": getattr(K, name) for name in _LISTS["nnet"]},
    "tensor.nnet.categorical_crossentropy": lambda coding, true: K.categorical_crossentropy(true, coding),
    "sandbox.cuda.dnn.dnn_available": lambda: False,
}
_MODULES = _LISTS["modules"]


class Theano(ModuleType):
    """`theano`, or one of its modules."""

    is_facade = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._prefix = name.removeprefix("theano").lstrip(".")

    def __getattr__(self, name: str) -> Any:
        full = f"{self._prefix}.{name}" if self._prefix else name
        if full == "__version__":
            return "1.0.5"
        if full in TABLE:
            return TABLE[full]
        if f"theano.{full}" in _MODULES:
            return module(f"theano.{full}")
        if name.startswith("__"):
            raise AttributeError(name)
        near = nearest(full, TABLE)
        hint = f"Did you mean theano.{near[0]}? " if near else ""
        what = f"theano.{full} is not in gazelle's implementation of Theano"
        raise MissingTheanoError(message(what, hint=f"{hint}Use keras.backend or gazelle.ops."))


@functools.cache
def module(name: str) -> Theano | None:
    """The module of this name; None if this package does not have it."""
    return Theano(name) if name in _MODULES else None
