"""Compile the kernels for the processor of this machine."""

import importlib.util
from pathlib import Path

import jax
from setuptools import Extension, setup

spec = importlib.util.spec_from_file_location(
    "gazelle_kernels", Path(__file__).parent / "gazelle_kernels" / "__init__.py"
)
package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)

setup(
    ext_modules=[
        Extension(
            "gazelle_kernels.recurrent",
            ["src/recurrent.cc"],
            include_dirs=[jax.ffi.include_dir()],
            define_macros=[("GAZELLE_PROCESSOR", f'"{package.processor()}"')],
            extra_compile_args=["-O3", "-march=native", "-std=c++17", "-fopenmp-simd", "-w"],
            language="c++",
        )
    ]
)
