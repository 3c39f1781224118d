"""Programs that are written for Python 2: they run as Python 3, with the division and the files of Python 2.

Input: source text. Output: the text or the syntax tree of a program of Python 3. The syntax is converted by fissix.
"""

from gazelle.compat.python2.conversion import compiled, divisions, python_3
from gazelle.compat.python2.detection import (
    Sign,
    first_import_of_neighbor,
    first_sign,
    is_for_both,
    nodes_of,
    sign_of_notebook,
    syntax_tree,
)
from gazelle.compat.python2.modules import Modules

__all__ = [
    "Modules",
    "Sign",
    "compiled",
    "divisions",
    "first_import_of_neighbor",
    "first_sign",
    "is_for_both",
    "nodes_of",
    "python_3",
    "sign_of_notebook",
    "syntax_tree",
]
