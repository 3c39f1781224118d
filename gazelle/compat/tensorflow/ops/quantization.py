"""`tf.quantization`: numbers rounded to a few bits, through which gradients flow."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.names import op
from gazelle.compat.types import TensorLike, TensorResult


def _quantized(x: TensorLike, low: TensorLike, high: TensorLike, num_bits: int, narrow_range: bool) -> TensorResult:
    """The nearest of the numbers from `low` to `high`, which are shifted so that 0 is one of them.

    The gradient is that of the limited values: that of x inside, that of `low` or `high` outside.
    """
    x, low, high = (jnp.asarray(v, "float32") for v in (x, low, high))
    first, last = int(narrow_range), 2**num_bits - 1
    scale = (high - low) / (last - first)
    step = jnp.where(scale == 0, 1, scale)
    zero = jnp.floor(jnp.clip(first - low / step, first, last) + 0.5)
    least, most = (first - zero) * step, (last - zero) * step
    limited = jnp.where(x < least, low, jnp.where(x > most, high, x))
    rounded = jnp.floor((jnp.clip(x, least, most) - least) / step + 0.5) * step + least
    return limited + jax.lax.stop_gradient(jnp.where(scale == 0, 0, rounded) - limited)


_VARS = "fake_quant_with_min_max_vars"
_REST = "num_bits=8 narrow_range=False"
for _names, _limits in (
    (("fake_quant_with_min_max_args",), "min=-6.0 max=6.0"),
    ((_VARS, f"{_VARS}_per_channel"), "min max"),
):
    _function = with_parameters(_quantized, f"inputs {_limits} {_REST}".split())
    op(*(f"{module}{name}" for name in _names for module in ("quantization.", "")), host=False)(_function)
