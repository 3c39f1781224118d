"""Data: conversion of samples in any form to chunks of batches for the compiled loop.

Input: arrays, data frames, generators, datasets. Output: `Source` objects. Independent of layers, models and losses.
"""

from gazelle.data.array_source import ArraySource
from gazelle.data.arrays import as_arrays, check_lengths, sequence_like, split
from gazelle.data.batching import block
from gazelle.data.frames import columns_of
from gazelle.data.labels import class_weights, to_categorical
from gazelle.data.make_source import is_stream, is_text, make_source
from gazelle.data.rows import LazyRows, parts_of
from gazelle.data.source import ALL, BATCH, Block, Chunk, Source
from gazelle.data.stream import StreamSource

__all__ = [
    "ALL",
    "BATCH",
    "ArraySource",
    "Block",
    "Chunk",
    "LazyRows",
    "Source",
    "StreamSource",
    "as_arrays",
    "block",
    "check_lengths",
    "class_weights",
    "columns_of",
    "is_stream",
    "is_text",
    "make_source",
    "parts_of",
    "sequence_like",
    "split",
    "to_categorical",
]
