"""`keras.preprocessing` of earlier eras: `image`, `text`, `sequence`.

In: arrays, files, texts. Out: arrays, and data sets that `fit` takes. Must not know: models.
"""

from gazelle.compat.preprocessing import image, sequence, text

__all__ = ["image", "sequence", "text"]
