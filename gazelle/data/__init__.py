"""Data: whatever people hold their samples in -> chunks of batches that a compiled loop can run over.

In: arrays, data frames, generators, datasets. Out: `Source` objects. Must not know: layers, models, losses.
"""

from gazelle.data.arrays import as_arrays, check_lengths, split
from gazelle.data.chunks import Block, Chunk
from gazelle.data.labels import to_categorical
from gazelle.data.make_source import is_stream, is_text, make_source
from gazelle.data.source import ALL, BATCH, ArraySource, Source, block
from gazelle.data.stream import StreamSource
from gazelle.data.weights import class_weights

__all__ = [
    "ALL",
    "BATCH",
    "ArraySource",
    "Block",
    "Chunk",
    "Source",
    "StreamSource",
    "as_arrays",
    "block",
    "check_lengths",
    "class_weights",
    "is_stream",
    "is_text",
    "make_source",
    "split",
    "to_categorical",
]
