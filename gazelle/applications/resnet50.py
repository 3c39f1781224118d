"""The module of Keras that holds the best known ResNet alone."""

from gazelle.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
