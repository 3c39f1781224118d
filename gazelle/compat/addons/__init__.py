"""TensorFlow Addons: the names that programs import from `tensorflow_addons` where that package is not installed.

A module has its own names and those of `keras`: `tfa.layers.GroupNormalization` is `keras.layers.GroupNormalization`.
Input and output as in the modules of `keras`. Expected numbers: those of TensorFlow Addons 0.23.
"""

from gazelle.compat.addons import activations, callbacks, image, layers, losses, metrics, optimizers, rnn, seq2seq, text

__all__ = ["activations", "callbacks", "image", "layers", "losses", "metrics", "optimizers", "rnn", "seq2seq", "text"]
__version__ = "0.23.0"
