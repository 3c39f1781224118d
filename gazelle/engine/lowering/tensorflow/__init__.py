"""TensorFlow: the table of rules.

Input and output: tensors of TensorFlow. Must not depend on what the program computes.
"""

from gazelle.engine.lowering.tensorflow import (
    algebra,
    contracting,
    control,
    elementwise,
    indexing,
    reducing,
    shaping,
    windows,
)
from gazelle.engine.tensorflow_library import constant, tf

__all__ = ["MISSING", "RULES", "constant", "name", "tf"]

name = "tensorflow"

RULES = {
    **algebra.RULES,
    **contracting.RULES,
    **control.RULES,
    **elementwise.RULES,
    **indexing.RULES,
    **reducing.RULES,
    **shaping.RULES,
    **windows.RULES,
}

#: {primitive: reason why there is no rule}
MISSING = {
    "eig": "eigenvalues of matrices that are not symmetric are not lowered",
    "ffi_call": "kernels made for XLA run on XLA only",
    "io_callback": "callbacks with side effects are JAX's own",
    "tridiagonal_solve": "this decomposition is not lowered",
}
