"""Functions of neural networks under one name, as `keras.ops.nn` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.ops import activation, attention, convolution, crossentropy, ctc, normalization, patches, pooling
from gazelle.ops.activation import *  # noqa: F403
from gazelle.ops.attention import *  # noqa: F403
from gazelle.ops.convolution import *  # noqa: F403
from gazelle.ops.crossentropy import *  # noqa: F403
from gazelle.ops.ctc import *  # noqa: F403
from gazelle.ops.fourier import polar as polar
from gazelle.ops.math import psnr as psnr
from gazelle.ops.normalization import *  # noqa: F403
from gazelle.ops.patches import *  # noqa: F403
from gazelle.ops.pooling import *  # noqa: F403

# type checkers follow the star imports; mypy does not read composed lists
if not TYPE_CHECKING:
    __all__ = [
        "polar",
        "psnr",
        *activation.__all__,
        *attention.__all__,
        *convolution.__all__,
        *crossentropy.__all__,
        *ctc.__all__,
        *normalization.__all__,
        *patches.__all__,
        *pooling.__all__,
    ]
    __getattr__, __dir__ = public_names(__name__)
