"""What a layer accepts, and what to say when it gets something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class InputSpec:
    """What a layer accepts: `ndim`, `min_ndim`, `max_ndim`, a whole `shape`, or sizes of single `axes`."""

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int] | None = None,
        **_: Any,
    ) -> None:
        self.dtype, self.shape, self.min_ndim, self.max_ndim = dtype, shape, min_ndim, max_ndim
        self.ndim = len(shape) if shape is not None else ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}

    def misfit(self, shape: tuple[Any, ...]) -> str | None:
        """What was expected where `shape` does not fit, else None."""
        if self.ndim is not None and len(shape) != self.ndim:
            return f"{self.ndim} axes"
        if self.min_ndim is not None and len(shape) < self.min_ndim:
            return f"at least {self.min_ndim} axes"
        if self.max_ndim is not None and len(shape) > self.max_ndim:
            return f"at most {self.max_ndim} axes"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (None, size):
                return f"size {size} on {'the last axis' if axis == -1 else f'axis {axis}'}"
        return None

    def hint(self, shape: tuple[Any, ...]) -> str:
        """The likeliest mend for a shape of another rank."""
        if len(shape) > (self.ndim or self.min_ndim or 0):
            return "Give input_shape without the batch axis: it is the shape of one sample."
        return "A missing axis can be added: x[..., None] for one channel, x[:, None] for one time step."
