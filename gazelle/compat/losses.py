"""`keras.losses.Reduction` of Keras 2: constants for what a loss does with the values of the samples."""

from __future__ import annotations


class Reduction:
    """AUTO meant the mean over the batch, but for strategies of several devices."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    SUM = "sum"
    NONE = "none"

    @classmethod
    def all(cls) -> tuple[str, ...]:
        return (cls.SUM_OVER_BATCH_SIZE, cls.SUM, cls.NONE)
