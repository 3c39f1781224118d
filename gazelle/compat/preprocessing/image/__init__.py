"""`keras.preprocessing.image`: data augmentation for images from arrays and files."""

from gazelle.compat.preprocessing.image import affine, files, generator, iterators
from gazelle.compat.tables import defined
from gazelle.preprocessing.image import smart_resize

_names = defined(affine, files, generator, iterators)
globals().update(_names)
__all__ = [*_names, "smart_resize"]
