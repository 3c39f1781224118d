"""The small functions under the name that Keras programs use: `gazelle.utils.to_categorical` and so on."""

from gazelle.core.config import custom_object_scope, register_keras_serializable
from gazelle.core.names import clear_session
from gazelle.core.random import set_random_seed
from gazelle.data.labels import to_categorical

__all__ = ["clear_session", "custom_object_scope", "register_keras_serializable", "set_random_seed", "to_categorical"]
