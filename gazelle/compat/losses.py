"""`keras.losses.Reduction` of Keras 2: how a loss reduces the values of the samples."""

from __future__ import annotations


class Reduction:
    """Reductions of a loss, also by their names of TensorFlow 1; AUTO was the mean, except with several devices."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    MEAN = SUM_BY_NONZERO_WEIGHTS = SUM_OVER_NONZERO_WEIGHTS = SUM_OVER_BATCH_SIZE
    SUM = "sum"
    NONE = "none"

    @classmethod
    def all(cls) -> tuple[str, ...]:
        return (cls.SUM_OVER_BATCH_SIZE, cls.SUM, cls.NONE)
