"""Tables: columns of numbers, words and categories, prepared by layers and joined.

In: columns by name. Out: one array, or symbolic tensors to start a model from.
Must not know: models, training.
"""

from gazelle.features.feature_space import Cross, Feature, FeatureSpace

__all__ = ["Cross", "Feature", "FeatureSpace"]
