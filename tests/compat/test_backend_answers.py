"""`keras.backend.backend()`: the backend whose code a program is to run."""

import pytest

from gazelle.compat import era, facade
from gazelle.compat.namespaces import root
from gazelle.compat.tensorflow.adapter import ADAPTER

keras = root("keras")


@pytest.mark.parametrize(
    ("imports", "variable", "wanted"),
    [
        ("", "", "jax"),
        ("", "tensorflow", "tensorflow"),
        ("", "torch", "jax"),
        ("import tensorflow as tf", "", "tensorflow"),
        ("import tensorflow as tf", "jax", "jax"),
        ("import tensorflow as tf, jax", "", "jax"),
        ("import tensorflow as tf, jax", "tensorflow", "tensorflow"),
    ],
)
def test_programs_are_answered_by_what_they_import_and_set(monkeypatch, tmp_path, imports, variable, wanted):
    monkeypatch.setenv("KERAS_BACKEND", variable)
    monkeypatch.setattr(facade, "adapter", ADAPTER if "tensorflow" in imports else facade.ARRAYS)
    program = tmp_path / "program.py"
    lines = [line for line in imports.split(", ") if line == "jax"]
    text = f"{imports}\nanswer = keras.backend.backend(), keras.config.backend()"
    program.write_text(text)
    values = {"keras": keras, "__file__": str(program), "__name__": "__main__"}
    exec("\n".join([f"import {line}" for line in lines] + [text.splitlines()[1]]), values)
    assert values["answer"] == (wanted, wanted)


def test_packages_are_answered_jax(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    values = {"keras": keras, "__file__": "/lib/site-packages/package/module.py", "__name__": "package.module"}
    exec("answer = keras.backend.backend()", values)
    assert values["answer"] == "jax"
    era.set_release(era.Release(2))
    try:
        assert keras.backend.backend() == "tensorflow"
    finally:
        era.set_release(era.Release(3))
