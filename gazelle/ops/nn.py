"""Functions of networks under one name, as `keras.ops.nn` has them."""

from __future__ import annotations

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
