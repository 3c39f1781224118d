"""`tfa.layers`: what `keras.layers` has not."""

from gazelle.compat.addons.names import names_of

__getattr__ = names_of("gazelle.layers")
