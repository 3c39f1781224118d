"""Layers that Keras had once, and forms of today's layers that only arguments of old can ask for.

In: arguments in today's words. Out: layers. Must not know: which program asks, nor in which era.
"""

from gazelle.compat.layers.activations import ParametricSoftplus, SReLU, ThresholdedReLU
from gazelle.compat.layers.convolution import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    Deconvolution2D,
    Deconvolution3D,
    FullConvolution1D,
    FullConvolution2D,
    guess_ordering,
)
from gazelle.compat.layers.dense import Highway, MaxoutDense, TimeDistributedDense
from gazelle.compat.layers.local import LocallyConnected1D, LocallyConnected2D
from gazelle.compat.layers.merge import Merge, merge
from gazelle.compat.layers.variants import (
    BatchwiseNormalization,
    CuDNNGRU,
    CuDNNLSTM,
    DroppingEmbedding,
    SampleNormalization,
)

__all__ = [
    "AtrousConvolution1D",
    "AtrousConvolution2D",
    "BatchwiseNormalization",
    "CuDNNGRU",
    "CuDNNLSTM",
    "Deconvolution2D",
    "Deconvolution3D",
    "DroppingEmbedding",
    "FullConvolution1D",
    "FullConvolution2D",
    "Highway",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "MaxoutDense",
    "Merge",
    "ParametricSoftplus",
    "SReLU",
    "SampleNormalization",
    "ThresholdedReLU",
    "TimeDistributedDense",
    "guess_ordering",
    "merge",
]
