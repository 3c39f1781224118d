"""Data: whatever people hold their samples in -> chunks of batches that a compiled loop can run over.

In: arrays, data frames, generators, datasets. Out: `Source` objects. Must not know: layers, models, losses.
"""

from gazelle.data.arrays import as_arrays, check_lengths, split
from gazelle.data.choose import is_stream, is_text, make_source
from gazelle.data.chunks import Chunk
from gazelle.data.labels import to_categorical
from gazelle.data.source import ALL, ArraySource, Source
from gazelle.data.stream import StreamSource
from gazelle.data.weights import class_weights

__all__ = [
    "ALL", "ArraySource", "Chunk", "Source", "StreamSource", "as_arrays", "check_lengths", "class_weights", "is_stream",
    "is_text", "make_source", "split", "to_categorical",
]  # fmt: skip
