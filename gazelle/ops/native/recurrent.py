"""The loops of LSTM and GRU over all steps as one call, for tanh and sigmoid. Sequences are (time, batch, ...).

The derivative is a kernel, too; higher derivatives use the same loop in JAX. `jax.jvp` works on the first derivative;
JAX refuses it on the loop itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.ops.native.library import by_device

if TYPE_CHECKING:
    from gazelle.core.types import Array

Arrays = tuple[Any, ...]


def lstm(
    x: Array, kernel: Array, h: Array, c: Array, mask: Array | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """Return h_1 ... h_T, in the order of x, and the last c.

    x (time, batch, 4 units), the projected input · kernel (units, 4 units) · h, c (batch, units)
    mask (time, batch): where False, a row keeps its states. reverse: from the last step to the first.
    """

    def part(x: Any, kernel: Any, h: Any, c: Any, marks: Any) -> Any:
        return _lstm(reverse, (x, kernel, h, c), marks)

    axes = 1, None, 0, 0, None if mask is None else 1
    hs, last = by_device(part, axes, (1, 0), x, kernel, h, c, _marks(mask))
    return hs, last


def gru(x: Array, kernel: Array, bias: Array, h: Array, mask: Array | None = None, reverse: bool = False) -> Array:
    """Return h_1 ... h_T, in the order of x; the reset gate is applied after the product.

    x (time, batch, 3 units), the projected input · kernel (units, 3 units) · bias (3 units,) of the state's part
    """

    def part(x: Any, kernel: Any, bias: Any, h: Any, marks: Any) -> Any:
        return _gru(reverse, (x, kernel, bias, h), marks)[0]

    axes = 1, None, None, 0, None if mask is None else 1
    return by_device(part, axes, 1, x, kernel, bias, h, _marks(mask))


def _marks(mask: Any) -> Any:
    return jnp.zeros((0, 0), bool) if mask is None else mask


def _loop(step: Callable[..., Arrays], x: Any, states: Arrays, marks: Any, reverse: bool) -> tuple[Any, Any]:
    """The first state at all steps, and the last states."""

    def body(states: Arrays, at: Any) -> tuple[Arrays, Any]:
        x, counts = at
        new = step(x, *states)
        if counts is not None:
            new = tuple(jnp.where(counts[:, None], n, o) for n, o in zip(new, states, strict=True))
        return new, new[0]

    states, outputs = jax.lax.scan(body, states, (x, marks if marks.size else None), reverse=reverse)
    return outputs, states


def _lstm_in_jax(reverse: bool, operands: Arrays, marks: Any) -> Arrays:
    x, kernel, h, c = operands

    def step(x: Any, h: Any, c: Any) -> Arrays:
        i, f, g, o = jnp.split(x + h @ kernel, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    hs, (_, last) = _loop(step, x, (h, c), marks, reverse)
    return hs, last


def _gru_in_jax(reverse: bool, operands: Arrays, marks: Any) -> Arrays:
    x, kernel, bias, h = operands

    def step(x: Any, h: Any) -> Arrays:
        (x_z, x_r, x_g), (z, r, g) = jnp.split(x, 3, axis=-1), jnp.split(h @ kernel + bias, 3, axis=-1)
        z = jax.nn.sigmoid(x_z + z)
        return (z * h + (1 - z) * jnp.tanh(x_g + jax.nn.sigmoid(x_r + r) * g),)

    return (_loop(step, x, (h,), marks, reverse)[0],)


def _lstm_forward(reverse: bool, operands: Arrays, marks: Any) -> tuple[Arrays, Arrays]:
    x, kernel, h, c = operands
    states_shape = (*x.shape[:2], kernel.shape[0])
    hs, cs, gates = _kernel("gazelle_lstm_forward", states_shape, states_shape, x.shape, input_output_aliases={0: 2})(
        x, kernel, h, c, marks, reverse=reverse
    )
    return (hs, cs[0 if reverse else -1]), (hs, cs, gates)


def _lstm_backward(reverse: bool, operands: Arrays, marks: Any, residuals: Arrays, gradients: Arrays) -> Arrays:
    (_, kernel, h, c), (hs, cs, gates) = operands, residuals
    call = _kernel("gazelle_lstm_backward", gates.shape, kernel.shape, h.shape, c.shape)
    return tuple(call(gates, kernel, h, c, hs, cs, marks, *gradients, reverse=reverse))


def _gru_forward(reverse: bool, operands: Arrays, marks: Any) -> tuple[Arrays, Arrays]:
    x, kernel, bias, h = operands
    (time, batch), units = x.shape[:2], kernel.shape[0]
    call = _kernel("gazelle_gru_forward", (time, batch, units), (time, batch, 4 * units))
    hs, gates = call(x, kernel, bias, h, marks, reverse=reverse)
    return (hs,), (hs, gates)


def _gru_backward(reverse: bool, operands: Arrays, marks: Any, residuals: Arrays, gradients: Arrays) -> Arrays:
    (x, kernel, _, h), (hs, gates) = operands, residuals
    call = _kernel("gazelle_gru_backward", x.shape, x.shape, kernel.shape, h.shape)
    dx, inner, d_kernel, dh = call(gates, kernel, h, hs, marks, *gradients, reverse=reverse)
    return dx, d_kernel, jnp.sum(inner, axis=(0, 1)), dh


def _kernel(name: str, *shapes: Any, **how: Any) -> Callable[..., Any]:
    outputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.ffi.ffi_call(name, outputs, vmap_method="sequential", **how)


def _differentiable(in_jax: Any, forward: Any, backward: Any) -> Callable[..., Arrays]:
    """Join the two kernels into one function; `in_jax` gives its higher derivatives."""

    @functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
    def run(reverse: bool, operands: Arrays, marks: Any) -> tuple[Arrays, Arrays]:
        return forward(reverse, operands, marks)

    @run.defjvp
    def _(reverse: bool, primals: Any, tangents: Any) -> Any:
        (operands, marks), (dots, _) = primals, tangents
        outputs, residuals = run(reverse, operands, marks)
        return (outputs, residuals), (
            jax.jvp(lambda operands: in_jax(reverse, operands, marks), (operands,), (dots,))[1],
            jax.tree.map(jnp.zeros_like, residuals),
        )

    @functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
    def back(reverse: bool, operands: Arrays, marks: Any, residuals: Arrays, gradients: Arrays) -> Arrays:
        return backward(reverse, operands, marks, residuals, gradients)

    @back.defjvp
    def _(reverse: bool, primals: Any, tangents: Any) -> Any:
        operands, marks, residuals, gradients = primals

        def vjp(operands: Arrays, gradients: Arrays) -> Any:
            return jax.vjp(lambda operands: in_jax(reverse, operands, marks), operands)[1](gradients)[0]

        dots = jax.jvp(vjp, (operands, gradients), (tangents[0], tangents[3]))[1]
        return back(reverse, operands, marks, residuals, gradients), dots

    @functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
    def with_vjp(reverse: bool, operands: Arrays, marks: Any) -> Arrays:
        return run(reverse, operands, marks)[0]

    def forward_pass(reverse: bool, operands: Arrays, marks: Any) -> Any:
        outputs, residuals = run(reverse, operands, marks)
        return outputs, (operands, marks, residuals)

    def backward_pass(reverse: bool, residuals: Any, gradients: Arrays) -> Any:
        return back(reverse, *residuals, gradients), None

    with_vjp.defvjp(forward_pass, backward_pass)
    return with_vjp


_lstm = _differentiable(_lstm_in_jax, _lstm_forward, _lstm_backward)
_gru = _differentiable(_gru_in_jax, _gru_forward, _gru_backward)
