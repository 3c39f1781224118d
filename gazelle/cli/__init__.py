"""Runs programs for Keras unchanged: `gazelle run`, `gazelle.install()`, `%load_ext gazelle`.

Input: the path of a program, or a process. Output: `keras` and its other names refer to gazelle there. Must not depend
on models or training.
"""

from gazelle.cli.import_aliases import install, load_ipython_extension, uninstall, unload_ipython_extension

__all__ = ["install", "load_ipython_extension", "uninstall", "unload_ipython_extension"]
