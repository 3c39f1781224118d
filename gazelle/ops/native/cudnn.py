"""The loop of LSTM over all steps by cuDNN, for tanh and sigmoid. Sequences are (time, batch, ...).

JAX offers cuDNN for LSTM only and traces it only where there is a GPU (`jax.experimental.rnn`). If a program of such a
process is lowered for another platform, the loop is that in JAX. Higher derivatives use that loop, too.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import sequential_vmap

from gazelle.core.engines import engine
from gazelle.engine import active_distribution
from gazelle.ops.native import library, recurrent
from gazelle.ops.native.recurrent import Arrays

if TYPE_CHECKING:
    from gazelle.core.types import Array, Tree

PLATFORM = "cuda"
_OPTIONS: Any = (1, 0.0, False, None)  # one layer, no dropout, one direction, JAX's default precision


def lstm(operands: Arrays, reverse: bool = False) -> tuple[Any, Any]:
    """Return h_1 ... h_T, in the order of x, and the last c.

    operands: x (time, batch, features) · kernel (features, 4 units) · recurrent kernel (units, 4 units)
    · bias (4 units,) · h, c (batch, units). reverse: from the last step to the first.
    """
    hs, last = _lstm(reverse, operands, recurrent._marks(None))
    return hs, last


def absence() -> str:
    """Return why no operation can be computed by cuDNN here, '' if some can."""
    if engine() != "xla" or jax.default_backend() != "gpu":
        return f"the engine {engine()}" if engine() != "xla" else f"the device {jax.devices()[0]}"
    return "a program that is exported" if library.is_switched_off() else ""


def failure(function: Callable[..., Tree], *arrays: Array) -> str:
    """Return why JAX cannot trace `function(*arrays)`, which calls cuDNN, '' if it can."""
    try:
        jax.eval_shape(function, *arrays)
    except Exception as error:  # no CUDA, no cuDNN, or shapes that it does not have
        return f"an error of JAX ({error})"
    return ""


def refusal(operands: Arrays) -> str:
    """Return why cuDNN cannot be used for the operands of `lstm`, '' if it can."""
    x = operands[0]
    if reason := absence():
        return reason
    if active_distribution() is not None:
        return "a distribution"  # each device would compute the whole batch
    if x.dtype != jnp.float32 or not x.size:
        return f"an input of shape {x.shape} and dtype {x.dtype}"
    return failure(functools.partial(_forward_by_cudnn, False), *operands)


def _lstm_in_jax(reverse: bool, operands: Arrays, marks: Any) -> Arrays:
    x, kernel, recurrent_kernel, bias, h, c = operands
    return recurrent._lstm_in_jax(reverse, (x @ kernel + bias, recurrent_kernel, h, c), marks)


def _arguments(reverse: bool, *operands: Any) -> Arrays:
    """What JAX's function takes: batch first, the states of each layer, and all weights in one array."""
    x, kernel, recurrent_kernel, bias, h, c = operands
    parts = kernel.T.ravel(), recurrent_kernel.T.ravel(), bias, jnp.zeros_like(bias)
    return _sequences(reverse, x), h[None], c[None], jnp.concatenate(parts)


def _sequences(reverse: bool, x: Any) -> Any:
    return jnp.swapaxes(jnp.flip(x, 0) if reverse else x, 0, 1)


def _lengths(x: Any) -> Any:
    return jnp.full(x.shape[1], x.shape[0], jnp.int32)


def _forward_by_cudnn(reverse: bool, *operands: Any) -> tuple[Arrays, Arrays]:
    rnn: Any = importlib.import_module("jax.experimental.rnn")
    x, h = operands[0], operands[4]
    arguments = _arguments(reverse, *operands)
    (y, _, c), residuals = rnn.lstm_fwd(*arguments, _lengths(x), x.shape[-1], h.shape[-1], *_OPTIONS)
    hs = jnp.swapaxes(y, 0, 1)
    return (jnp.flip(hs, 0) if reverse else hs, c[0]), (y, residuals[-1])


def _backward_by_cudnn(reverse: bool, operands: Arrays, residuals: Arrays, gradients: Arrays) -> Arrays:
    rnn: Any = importlib.import_module("jax.experimental.rnn")
    (x, *_, h, _), (y, reserved), (d_hs, d_c) = operands, residuals, gradients
    arguments, transpose = jax.vjp(functools.partial(_arguments, reverse), *operands)
    sizes = x.shape[-1], h.shape[-1]
    d_last = jnp.zeros_like(h)[None]  # the last h is taken from the sequence
    *found, _ = rnn.lstm_bwd(
        *sizes, *_OPTIONS, (*arguments, _lengths(x), y, reserved), (_sequences(reverse, d_hs), d_last, d_c[None])
    )
    return transpose(tuple(found))


def _forward(reverse: bool, operands: Arrays, marks: Any) -> tuple[Arrays, Arrays]:
    by_cudnn = functools.partial(_forward_by_cudnn, reverse)
    _, kept = jax.eval_shape(by_cudnn, *operands)

    def in_jax(*operands: Any) -> tuple[Arrays, Arrays]:
        return _lstm_in_jax(reverse, operands, marks), tuple(jnp.zeros(one.shape, one.dtype) for one in kept)

    return lax.platform_dependent(*operands, default=in_jax, **{PLATFORM: sequential_vmap(by_cudnn)})


def _backward(reverse: bool, operands: Arrays, marks: Any, residuals: Arrays, gradients: Arrays) -> Arrays:
    def in_jax(operands: Arrays, residuals: Arrays, gradients: Arrays) -> Arrays:
        return jax.vjp(lambda operands: _lstm_in_jax(reverse, operands, marks), operands)[1](gradients)[0]

    by_cudnn = sequential_vmap(functools.partial(_backward_by_cudnn, reverse))
    return lax.platform_dependent(operands, residuals, gradients, default=in_jax, **{PLATFORM: by_cudnn})


_lstm = recurrent._differentiable(_lstm_in_jax, _forward, _backward)
