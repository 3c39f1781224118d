"""C++ kernels for CPUs, from the package gazelle-kernels (folder `kernels/`), and cuDNN's LSTM for GPUs.

Nothing is compiled at run time.

Input: arrays. Output: the results of the same operation in JAX, except for rounding. Must not depend on layers.
"""

from gazelle.ops.native import cudnn
from gazelle.ops.native.convolution import convolve
from gazelle.ops.native.library import by_device, enabled, ready, switched_off
from gazelle.ops.native.recurrent import gru, lstm

__all__ = ["by_device", "convolve", "cudnn", "enabled", "gru", "lstm", "ready", "switched_off"]
