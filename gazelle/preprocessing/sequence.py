"""Padding of sequences, as in `keras.preprocessing.sequence`."""

from gazelle.data.sequences import pad_sequences

__all__ = ["pad_sequences"]
