"""`tfa.callbacks`: what `keras.callbacks` has not."""

from gazelle.compat.addons.names import names_of

__getattr__ = names_of("gazelle.callbacks")
