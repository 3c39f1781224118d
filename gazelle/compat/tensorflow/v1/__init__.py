"""TensorFlow 1: graphs with placeholders, sessions, scopes and collections, and what programs build them with."""
