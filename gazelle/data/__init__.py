"""Data: whatever people hold their samples in -> segments of batches that a compiled loop can run over.

In: arrays, data frames, generators, datasets. Out: `Source` objects. Must not know: layers, models, losses.
"""

from gazelle.data.arrays import as_arrays, check_lengths, split
from gazelle.data.labels import to_categorical
from gazelle.data.source import ArraySource, Source, StreamSource, is_stream, make_source
from gazelle.data.weights import class_weights

__all__ = [
    "ArraySource", "Source", "StreamSource", "as_arrays", "check_lengths", "class_weights", "is_stream", "make_source",
    "split", "to_categorical",
]  # fmt: skip
