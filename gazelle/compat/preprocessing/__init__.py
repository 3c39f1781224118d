"""`keras.preprocessing` of earlier eras: `image`, `text`, `sequence`.

Input: arrays, files, texts. Output: arrays, and datasets for `fit`. Must not depend on models.
"""

from gazelle.compat.preprocessing import image, sequence, text

__all__ = ["image", "sequence", "text"]
