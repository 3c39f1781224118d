"""`tf.nn.rnn_cell` and `tf.contrib.rnn`: the cells of recurrent networks of TensorFlow 1."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

import gazelle
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.names import NAMES, fixed_shape, named
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.graph_variables import get_variable
from gazelle.compat.tensorflow.v1.graphs import eager
from gazelle.compat.types import DTypeLike, Nested, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core.names import snake
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import OPS

zeros_initializer, _ones_initializer = gazelle.initializers.Zeros(), gazelle.initializers.Ones()


def cell_names(*names: str) -> Callable[[Any], Any]:
    """Register a class in the modules that have cells. A decorator."""
    return named(*(f"{module}.{name}" for name in names for module in ("nn.rnn_cell", "contrib.rnn")))


@cell_names("LSTMStateTuple")
class LSTMStateTuple(NamedTuple):
    """The state of an LSTM."""

    c: Any
    h: Any

    @property
    def dtype(self) -> TensorResult:
        return self.c.dtype


def _activation(given: Any) -> Callable[[Any], Any]:
    return OPS["tanh"] if given is None else gazelle.activations.get(given) if isinstance(given, str) else given


def concatenated(*parts: TensorLike) -> TensorResult:
    """The tensors side by side."""
    return NAMES["concat"](list(parts), 1)


@cell_names("_linear")
def linear(
    args: TensorLike | Sequence[TensorLike],
    output_size: int,
    bias: bool = True,
    bias_start: Option = 0.0,
    kernel_initializer: Option = None,
    *,
    bias_initializer: Option = None,
    scope: Option = None,
) -> TensorResult:
    """A linear function of tensors side by side, which programs import from private modules.

    Its fourth argument is the first bias, since TensorFlow 1.2 an initializer; the fifth was a scope before 1.0.
    """
    if isinstance(kernel_initializer, str | scopes.Scope):
        kernel_initializer, scope = None, kernel_initializer
    first = bias_start if bias_initializer is None else bias_initializer
    if not callable(first):
        first = gazelle.initializers.Constant(first or 0.0)
    with scopes.variable_scope(scope or scopes.current()):
        x = concatenated(*args) if isinstance(args, list | tuple) else args
        out = NAMES["matmul"](x, get_variable("kernel", [x.shape[-1], output_size], None, kernel_initializer))
        return out + get_variable("bias", [output_size], initializer=first) if bias else out


@cell_names("_checked_scope")
@ignores("cell")
@contextlib.contextmanager
def checked_scope(cell: object, scope: Option, reuse: bool | None = None, **options: Option) -> Iterator[Any]:
    """The variable scope of a cell, which cells of TensorFlow 1.1 open."""
    with scopes.variable_scope(scope, reuse=reuse, **options) as opened:
        yield opened


@cell_names("RNNCell")
@named("contrib.rnn.LayerRNNCell")
class RNNCell:
    """One step: `output, state = cell(inputs, state)`; a subclass defines `state_size`, `output_size` and `call`.

    A cell makes its weights at the first call, in the variable scope of that call, and uses them afterwards.
    """

    state_size: Any
    output_size: Any

    @ignores("_reuse _scope dynamic activity_regularizer=None")
    def __init__(self, trainable: bool = True, name: str | None = None, dtype: DTypeLike = None) -> None:
        self.trainable, self.name, self.dtype, self.built = trainable, name, dtype or "float32", False
        self.weights: list[Any] = []
        self._scope: scopes.Scope | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls).get("__init__")
        if own is None:
            return

        def initialize(self: Any, *args: Any, **kwargs: Any) -> None:  # programs need not call super().__init__
            if "_scope" not in vars(self):
                RNNCell.__init__(self)
            own(self, *args, **kwargs)

        initialize.__wrapped__ = own
        cls.__init__ = initialize

    variables = trainable_variables = trainable_weights = property(lambda self: list(self.weights))

    def build(self, inputs_shape: ShapeLike) -> None:
        """Make the weights."""

    def call(self, inputs: TensorLike, state: Nested[TensorLike]) -> TensorResult:
        """Return (output, new state)."""
        raise NotImplementedError

    def __call__(self, inputs: Option, state: Option, scope: Option = None, **options: Any) -> TensorResult:
        if self._scope is None:
            given = None if scope is None else getattr(scope, "name", scope)
            with scopes.variable_scope(scope or self.name or self._unique_name()) as opened:
                self._scope = opened if given is None or not isinstance(scope, scopes.Scope) else scope
        with scopes.variable_scope(self._scope):
            if not self.built:
                self.build(inputs.shape if hasattr(inputs, "shape") else [i.shape for i in inputs])
                self.built = True
            return self.call(inputs, state, **options)

    def _unique_name(self) -> str:
        return scopes.layer_name(snake(type(self).__name__))

    def add_variable(
        self, name: str, shape: ShapeLike | None = None, initializer: Option = None, **options: Any
    ) -> TensorResult:
        """Make a weight."""
        known = {key: options[key] for key in ("dtype", "regularizer", "trainable") if key in options}
        self.weights.append(get_variable(name, shape, initializer=initializer, **known))
        return self.weights[-1]

    add_weight = add_variable

    def zero_state(self, batch_size: TensorLike, dtype: DTypeLike = "float32") -> TensorResult:
        """Return a state of zeros."""
        return jax.tree.map(lambda n: zero_tensor(batch_size, n, dtype), self.state_size)

    def get_initial_state(
        self, inputs: TensorLike = None, batch_size: TensorLike = None, dtype: DTypeLike = None
    ) -> TensorResult:
        """Return a state of zeros."""
        return self.zero_state(NAMES["shape"](inputs)[0] if inputs is not None else batch_size, dtype or self.dtype)


def zero_tensor(batch_size: TensorLike, width: ShapeLike | int, dtype: DTypeLike) -> TensorResult:
    """Zeros, of which a graph computes the number of rows."""
    sizes = [int(n) for n in np.atleast_1d(width)]
    shape = fixed_shape([batch_size, *sizes])
    if eager():
        return NAMES["zeros"](shape, dtype)
    return call_op(_zeros, (shape, str(np.dtype(getattr(dtype, "name", dtype)))), {})  # a session may be fed another


def _zeros(shape: Any, dtype: str) -> Any:
    return jax.numpy.zeros(tuple(shape), dtype)


class CellOfUnits(RNNCell):
    """A cell of `num_units` whose weights are products with inputs and state."""

    gates = 1

    @ignores("reuse@3 trainable _reuse _scope")
    def __init__(
        self, num_units: int, activation: Option = None, name: str | None = None, dtype: DTypeLike = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._num_units, self._activation = int(num_units), _activation(activation)

    state_size = output_size = property(lambda self: self._num_units)

    def build(self, inputs_shape: ShapeLike) -> None:
        self._dense("", inputs_shape[-1] + self._num_units, self.gates * self._num_units)

    def _dense(self, name: str, size: int, units: int, kernel: Any = None, bias: Any = zeros_initializer) -> None:
        with scopes.variable_scope(name) if name else scopes.variable_scope(scopes.current()):
            made = [self.add_variable("kernel", [size, units], kernel), self.add_variable("bias", [units], bias)]
        self.__dict__.setdefault("_products", {})[name] = made

    def _product(self, x: Any, name: str = "") -> Any:
        kernel, bias = self._products[name]
        return NAMES["matmul"](x, kernel) + bias


@cell_names("BasicRNNCell")
class BasicRNNCell(CellOfUnits):
    """h' = tanh(W [x, h] + b)."""

    def call(self, inputs: TensorLike, state: Nested[TensorLike]) -> TensorResult:
        output = self._activation(self._product(concatenated(inputs, state)))
        return output, output


@cell_names("GRUCell")
@named("contrib.rnn.GRUBlockCell", "contrib.rnn.GRUBlockCellV2")
class GRUCell(CellOfUnits):
    """r, u = sigmoid(W [x, h] + b); h' = u h + (1 - u) tanh(V [x, r h] + c)."""

    def __init__(
        self,
        num_units: int,
        activation: Option = None,
        reuse: Option = None,
        kernel_initializer: Option = None,
        bias_initializer: Option = None,
        **options: Option,
    ) -> None:
        super().__init__(num_units, activation, **options)
        self._initializers = kernel_initializer, bias_initializer

    def build(self, inputs_shape: ShapeLike) -> None:
        (kernel, bias), size = self._initializers, inputs_shape[-1] + self._num_units
        self._dense("gates", size, 2 * self._num_units, kernel, bias or _ones_initializer)
        self._dense("candidate", size, self._num_units, kernel, bias or zeros_initializer)

    def call(self, inputs: TensorLike, state: Nested[TensorLike]) -> TensorResult:
        gates = OPS["sigmoid"](self._product(concatenated(inputs, state), "gates"))
        reset, update = NAMES["split"](gates, 2, 1)
        candidate = self._activation(self._product(concatenated(inputs, reset * state), "candidate"))
        new = update * state + (1 - update) * candidate
        return new, new


@cell_names("BasicLSTMCell")
@named("contrib.rnn.LSTMBlockCell")
class BasicLSTMCell(CellOfUnits):
    """An LSTM whose forget gate has a further bias."""

    gates = 4
    _peepholes: Any = (0.0, 0.0, 0.0)  # weights of the forget, input and output gate for the memory
    _clip: float | None = None

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Option = None,
        reuse: Option = None,
        **options: Option,
    ) -> None:
        super().__init__(num_units, None if isinstance(activation, bool) else activation, **options)
        self._forget_bias, self._state_is_tuple = forget_bias, state_is_tuple

    @property
    def state_size(self) -> TensorResult:
        sizes = self._num_units, self.output_size
        return LSTMStateTuple(*sizes) if self._state_is_tuple else sum(sizes)

    def call(self, inputs: TensorLike, state: Nested[TensorLike]) -> TensorResult:
        c, h = state if self._state_is_tuple else NAMES["split"](state, [self._num_units, self.output_size], 1)
        i, j, f, o = NAMES["split"](self._product(concatenated(inputs, h)), 4, 1)
        of_f, of_i, of_o = self._peepholes
        sigmoid = OPS["sigmoid"]
        c = sigmoid(f + self._forget_bias + of_f * c) * c + sigmoid(i + of_i * c) * self._activation(j)
        c = _clipped(c, self._clip)
        h = self._projected(sigmoid(o + of_o * c) * self._activation(c))
        return h, LSTMStateTuple(c, h) if self._state_is_tuple else concatenated(c, h)

    def _projected(self, h: Any) -> Any:
        return h


def _clipped(x: Any, bound: float | None) -> Any:
    return x if bound is None else NAMES["clip_by_value"](x, -bound, bound)


@cell_names("LSTMCell")
class LSTMCell(BasicLSTMCell):
    """An LSTM with peepholes, clipping and a projection of its output."""

    @ignores("num_unit_shards@7 num_proj_shards@8")
    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Option = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Option = None,
        reuse: Option = None,
        **options: Option,
    ) -> None:
        super().__init__(num_units, forget_bias, state_is_tuple, activation, **options)
        self._has_peepholes, self._clip, self._initializer = use_peepholes, cell_clip, initializer
        self._projection, self._projection_clip = num_proj, proj_clip

    output_size = property(lambda self: self._projection or self._num_units)

    def build(self, inputs_shape: ShapeLike) -> None:
        self._dense("", inputs_shape[-1] + self.output_size, 4 * self._num_units, self._initializer)
        if self._has_peepholes:
            names = ("w_f_diag", "w_i_diag", "w_o_diag")
            self._peepholes = [self.add_variable(name, [self._num_units], self._initializer) for name in names]
        if self._projection:
            with scopes.variable_scope("projection"):
                shape = [self._num_units, self._projection]
                self._kernel = self.add_variable("kernel", shape, self._initializer)

    def _projected(self, h: Any) -> Any:
        return _clipped(NAMES["matmul"](h, self._kernel), self._projection_clip) if self._projection else h


@cell_names("MultiRNNCell")
class MultiRNNCell(RNNCell):
    """Cells on top of each other."""

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True) -> None:
        super().__init__()
        self._cells, self._state_is_tuple = list(cells), state_is_tuple

    @property
    def state_size(self) -> TensorResult:
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._state_is_tuple else sum(jax.tree.leaves(sizes))

    output_size = property(lambda self: self._cells[-1].output_size)
    variables = trainable_variables = trainable_weights = property(
        lambda self: [w for cell in self._cells for w in cell.weights]
    )

    def build(self, inputs_shape: ShapeLike) -> None:
        """Give a repeated cell other weights in each place if those of the first do not fit: so did TensorFlow 1.0."""
        if len(set(map(id, self._cells))) < len(self._cells) and inputs_shape[-1] != self.output_size:
            self._cells = [self._cells[0], *map(_unbuilt, self._cells[1:])]

    def call(self, inputs: TensorLike, state: Nested[TensorLike]) -> TensorResult:
        sizes = [cell.state_size for cell in self._cells]
        states = state if self._state_is_tuple else NAMES["split"](state, sizes, 1)
        new = []
        for number, (cell, one) in enumerate(zip(self._cells, states, strict=True)):
            with scopes.variable_scope(f"cell_{number}"):
                inputs, after = cell(inputs, one)
            new.append(after)
        return inputs, tuple(new) if self._state_is_tuple else concatenated(*new)


for _cls in (BasicLSTMCell, LSTMCell, MultiRNNCell):  # the module of TensorFlow 0, whose states are single tensors
    named(f"models.rnn.rnn_cell.{_cls.__name__}")(functools.partial(_cls, state_is_tuple=False))


def _unbuilt(cell: Any) -> Any:
    made = copy.copy(cell)
    vars(made).update(weights=[], _scope=None, built=False, _products={})
    if "_cell" in vars(made):  # of a wrapper
        made._cell = _unbuilt(made._cell)
    return made
