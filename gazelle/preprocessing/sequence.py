"""Sequences of one length, under the name of `keras.preprocessing.sequence`."""

from gazelle.data.sequences import pad_sequences

__all__ = ["pad_sequences"]
