"""Layers that Keras removed, and variants of current layers that only earlier arguments select.

Input: current arguments. Output: layers. Must not depend on the era, except for the default data format of Keras 1.
"""

from gazelle.compat.layers.activations import ParametricSoftplus, SReLU, ThresholdedReLU
from gazelle.compat.layers.convolution import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    Deconvolution2D,
    Deconvolution3D,
    FullConvolution1D,
    FullConvolution2D,
    guess_data_format,
)
from gazelle.compat.layers.dense import Highway, MaxoutDense, TimeDistributedDense
from gazelle.compat.layers.local import LocallyConnected1D, LocallyConnected2D
from gazelle.compat.layers.merge import Merge, merge
from gazelle.compat.layers.variants import (
    BatchwiseNormalization,
    CuDNNGRU,
    CuDNNLSTM,
    EmbeddingWithDropout,
    InstanceNormalization,
    RandomHeight,
    RandomWidth,
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
    "EmbeddingWithDropout",
    "FullConvolution1D",
    "FullConvolution2D",
    "Highway",
    "InstanceNormalization",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "MaxoutDense",
    "Merge",
    "ParametricSoftplus",
    "RandomHeight",
    "RandomWidth",
    "SReLU",
    "SampleNormalization",
    "ThresholdedReLU",
    "TimeDistributedDense",
    "guess_data_format",
    "merge",
]
