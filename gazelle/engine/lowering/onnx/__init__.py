"""ONNX: the table of rules, whose values are names in a graph.

In: a traced program. Out: a graph that ONNX's runtimes compute. The package `onnx` is imported when it is written.
"""

from gazelle.engine.lowering.onnx import arrays, loops, numbers, products

name = "onnx"
RULES = {**numbers.RULES, **arrays.RULES, **loops.RULES, **products.RULES}
_DRAWS, _MATRICES = "an exported model draws no random numbers", "ONNX has no decompositions of matrices"
#: {primitive: why there is no rule}
MISSING = {
    "bitcast_convert_type": "ONNX reads no bytes as another type",
    "cholesky": _MATRICES,
    "complex": "onnxruntime computes with real numbers",
    "debug_callback": "ONNX prints nothing",
    "eig": _MATRICES,
    "eigh": _MATRICES,
    "ffi_call": "a kernel that was made for XLA runs on XLA only",
    "fft": "onnxruntime computes with real numbers",
    "io_callback": "ONNX calls no Python",
    "lu": _MATRICES,
    "pure_callback": "ONNX calls no Python",
    "qr": _MATRICES,
    "svd": _MATRICES,
    "threefry2x32": _DRAWS,
    "triangular_solve": _MATRICES,
    "tridiagonal_solve": _MATRICES,
}
