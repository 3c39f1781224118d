"""Small real data to learn and to test with.

In: a name. Out: ((x_train, y_train), (x_test, y_test)) as NumPy arrays. Must not know: any layer, model or loop.
"""

from gazelle.datasets.local import local

__all__ = ["local"]
