"""Preprocessing of structured data: columns of numbers, strings and categories, encoded and concatenated.

Input: columns by name. Output: one array, or symbolic tensors as inputs of a model.
"""

from gazelle.features.feature import Cross, Feature
from gazelle.features.feature_space import FeatureSpace

__all__ = ["Cross", "Feature", "FeatureSpace"]
