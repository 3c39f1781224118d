"""`tfp.layers`, which the JAX substrate lacks: layers with random weights, or whose outputs are distributions."""

from __future__ import annotations

from gazelle.compat.probability.layers import distributions, divergence, variational

__all__: list[str] = []
for _module in (distributions, divergence, variational):
    _own = {name: v for name, v in vars(_module).items() if getattr(v, "__module__", "") == _module.__name__}
    globals().update({name: v for name, v in _own.items() if name[0].isupper() or name.startswith("default_")})
for _kind in ("Flipout", "Reparameterization"):
    globals().update((f"Convolution{n}D{_kind}", getattr(variational, f"Conv{n}D{_kind}")) for n in (1, 2, 3))
__all__ += [name for name in globals() if name[0].isupper() or name.startswith("default_")]
