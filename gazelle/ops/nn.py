"""Functions of networks under one name, as `keras.ops.nn` has them."""

from __future__ import annotations

from gazelle.ops.activation import *
from gazelle.ops.attention import *
from gazelle.ops.convolution import *
from gazelle.ops.crossentropy import *
from gazelle.ops.normalization import *
from gazelle.ops.pooling import *
