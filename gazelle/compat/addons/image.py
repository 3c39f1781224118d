"""`tfa.image`: images (height, width), (height, width, channels) or (batch, height, width, channels)."""

from gazelle.compat.addons import image_filters, image_splines, image_transforms
from gazelle.compat.tables import defined

_names = defined(image_filters, image_splines, image_transforms)
globals().update(_names)
__all__ = list(_names)
