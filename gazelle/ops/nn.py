"""Functions of neural networks under one name, as `keras.ops.nn` has them."""

from __future__ import annotations

from gazelle.ops import activation, attention, convolution, crossentropy, ctc, normalization, patches, pooling
from gazelle.ops.activation import *  # noqa: F403
from gazelle.ops.attention import *  # noqa: F403
from gazelle.ops.convolution import *  # noqa: F403
from gazelle.ops.crossentropy import *  # noqa: F403
from gazelle.ops.ctc import *  # noqa: F403
from gazelle.ops.fourier import polar
from gazelle.ops.math import psnr
from gazelle.ops.normalization import *  # noqa: F403
from gazelle.ops.patches import *  # noqa: F403
from gazelle.ops.pooling import *  # noqa: F403

__all__ = ["polar", "psnr"]
__all__ += activation.__all__
__all__ += attention.__all__
__all__ += convolution.__all__
__all__ += crossentropy.__all__
__all__ += ctc.__all__
__all__ += normalization.__all__
__all__ += patches.__all__
__all__ += pooling.__all__


def __dir__() -> list[str]:
    return sorted(__all__)
