"""`tfa.metrics`: what `keras.metrics` has not."""

from gazelle.compat.addons import names_of

__getattr__ = names_of("gazelle.metrics")
