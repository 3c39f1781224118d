"""`keras.losses.Reduction` of Keras 2: how a loss reduces the values of the samples."""

from __future__ import annotations


class Reduction:
    """Reductions of a loss; AUTO was the mean over the batch, except with several devices. The others of the mean are
    names of TensorFlow 1."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    MEAN = SUM_BY_NONZERO_WEIGHTS = SUM_OVER_NONZERO_WEIGHTS = SUM_OVER_BATCH_SIZE
    SUM = "sum"
    NONE = "none"

    @classmethod
    def all(cls) -> tuple[str, ...]:
        return (cls.SUM_OVER_BATCH_SIZE, cls.SUM, cls.NONE)
