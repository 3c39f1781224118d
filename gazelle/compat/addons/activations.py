"""`tfa.activations`: what `keras.activations` has not."""

from gazelle.compat.addons import names_of

__getattr__ = names_of("gazelle.activations")
