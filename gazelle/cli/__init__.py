"""Programs written for Keras, run as they are: `gazelle run`, `gazelle.install()`, `%load_ext gazelle`.

In: a program's path, or a process. Out: `keras` and its like mean gazelle there. Must not know: how anything trains.
"""

from gazelle.cli.import_aliases import install, load_ipython_extension, uninstall, unload_ipython_extension

__all__ = ["install", "load_ipython_extension", "uninstall", "unload_ipython_extension"]
