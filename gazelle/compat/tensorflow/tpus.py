"""`tf.tpu.experimental.embedding`: classes that packages mention, and which need TPUs."""

from __future__ import annotations

import enum

from gazelle.compat.tables import listed
from gazelle.compat.tensorflow.names import named
from gazelle.core.errors import StateError, message


class TPUEmbedding:
    """A class of embeddings on TPUs; an object of it is an error."""

    def __new__(cls, **arguments: object) -> TPUEmbedding:
        """Raise an error."""
        what, hint = f"tf.tpu: {cls.__name__} is for embeddings on TPUs", "Use tf.keras.layers.Embedding."
        raise StateError(message(what, expected="a layer", got=f"{cls.__name__}({', '.join(arguments)})", hint=hint))


for _name in listed(
    "Adagrad Adam FTRL FeatureConfig SGD TPUEmbedding TPUEmbeddingForServing TPUEmbeddingV0 TableConfig"
):
    named(f"tpu.experimental.embedding.{_name}")(type(_name, (TPUEmbedding,), {"__module__": __name__}))
named("tpu.experimental.HardwareFeature.EmbeddingFeature")(enum.Enum("EmbeddingFeature", "UNSUPPORTED V1 V2"))
