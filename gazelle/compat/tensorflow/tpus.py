"""`tf.tpu.experimental.embedding`: classes that packages mention, and which need TPUs."""

from __future__ import annotations

import enum

from gazelle.compat.tables import listed
from gazelle.compat.tensorflow.names import named
from gazelle.core.errors import StateError, message


class TPUEmbedding:
    """A class of embeddings on TPUs; an object of it is an error."""

    def __init__(self, *_: object, **__: object) -> None:
        hint = "Use tf.keras.layers.Embedding."
        raise StateError(message(f"tf.tpu: {type(self).__name__} is for embeddings on TPUs", hint=hint))


for _name in listed(
    "Adagrad Adam FTRL FeatureConfig SGD TPUEmbedding TPUEmbeddingForServing TPUEmbeddingV0 TableConfig"
):
    named(f"tpu.experimental.embedding.{_name}")(type(_name, (TPUEmbedding,), {"__module__": __name__}))
named("tpu.experimental.HardwareFeature.EmbeddingFeature")(enum.Enum("EmbeddingFeature", "UNSUPPORTED V1 V2"))
