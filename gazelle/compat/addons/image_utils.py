"""`tfa.image.utils`: images with and without the axes of batches and channels."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from gazelle.compat.addons.image_transforms import batched
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import op
from gazelle.compat.types import TensorLike, TensorResult


@op(host=False)
def to_4D_image(image: TensorLike) -> TensorResult:  # noqa: N802 - the name in the package
    """Return an image of 2 to 4 axes as (batch, height, width, channels)."""
    return batched(image)


@op(static=("ndims",), host=False)
def from_4D_image(image: TensorLike, ndims: int) -> TensorResult:  # noqa: N802 - the name in the package
    """Return an image (batch, height, width, channels) with 2 to 4 axes, the opposite of `to_4D_image`."""
    axes: tuple[int, ...] = {2: (0, 3), 3: (0,)}.get(ndims, ())
    return jnp.squeeze(jnp.asarray(image), axes)


def get_ndims(image: TensorLike) -> int:
    """Return the number of axes of an image."""
    return np.ndim(unboxed(image))
