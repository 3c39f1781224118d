"""The gallery: its programs run and reach what they promise; each has text in both languages, pictures and a result.

Some programs run in each `make test`, all in `make test-all`, in this process except for those that start their own.
"""

import ast
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import gallery  # noqa: E402

#: a number that a program prints at its end, by a pattern, and the values between which it is
RESULTS = {
    "digits_cnn": (r"accuracy ([\d.]+)", 0.95, 1),
    "segmentation": (r"square +([\d.]+)", 0.7, 1),
    "augmentation": (r"with +augmentation.*accuracy ([\d.]+)", 0.88, 1),
    "autoencoder": (r"([\d.]+) times smaller", 4, 10),
    "vae": (r"label: ([\d.]+)", 0.5, 0.85),
    "gan": (r"4000 steps: generated to real ([\d.]+)", 0, 0.05),
    "grad_cam": (r"center: ([\d.]+)", 0.75, 1),
    "style_transfer": (r"loss [\d.]+ -> ([\d.]+)", 0, 0.8),
    "text_classification": (r"convolution ([\d.]+)", 0.97, 1),
    "text_generation": (r"(\d+)% of", 75, 100),
    "sequence_tagging": (r"both ways +([\d.]+)", 0.97, 1),
    "numbers_to_words": (r"mistake: ([\d.]+)", 0.95, 1),
    "feature_space": (r"test houses ([\d.]+)%", 3, 8),
    "embeddings": (r"network +([\d.]+)", 6, 10),
    "imbalanced": (r"with weights +[\d.]+ +([\d.]+)", 0.8, 0.95),
    "sklearn_pipeline": (r"([\d.]+) of the wines", 0.9, 1),
    "optuna_search": (r"samples: ([\d.]+)", 0.85, 1),
    "forecast": (r"network +([\d.]+)", 0.4, 0.85),
    "anomaly": (r"mistake: ([\d.]+)", 0, 0.05),
    "recommender": (r"model +([\d.]+)", 0.4, 0.6),
    "reinforcement": (r"(\d+) in the last", 120, 200),
    "distillation": (r"16 hidden.*teacher ([\d.]+)", 0.85, 1),
    "lora": (r"(?m)with the adapter.* ([\d.]+)$", 0.8, 1),
    "quantization": (r"int4 .*accuracy ([\d.]+)", 0.85, 1),
    "custom_train_step": (r"adversarial.*attacked ([\d.]+)", 0.6, 1),
    "resume": (r"(\d) of 2 runs", 2, 2),
    "several_devices": (r"FSDP.*of a loss (\S+)", 0, 1e-4),
    "export_onnx": (r"predict (\S+)", 0, 1e-5),
    "serve_fastapi": (r"([\d.]+) of them", 0.9, 1),
}
#: programs that need a process of their own: they set the number of devices before JAX starts
ALONE = ("several_devices",)
#: packages outside the standard library that programs may import
PACKAGES = {"fastapi", "gazelle", "jax", "matplotlib", "numpy", "onnxruntime", "optuna", "sklearn", "uvicorn"}
#: those that are not part of `examples`: the text of the program names the command that installs them
OPTIONAL = {"fastapi", "onnxruntime", "optuna", "uvicorn"}

PROGRAMS = {program.name: program for program in gallery.programs()}


@pytest.fixture(params=PROGRAMS)
def program(request):
    return PROGRAMS[request.param]


def imported(program):
    """The packages that a program imports."""
    found = set()
    for node in ast.walk(ast.parse(program.path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found - sys.stdlib_module_names


def test_the_index_lists_every_program():
    assert sorted(PROGRAMS) == sorted(path.stem for path in gallery.FOLDER.glob("*.py"))
    assert len(PROGRAMS) >= 24
    assert set(RESULTS) == set(PROGRAMS)


def test_text_is_in_both_languages_and_precedes_the_code(program):
    languages = [cell.language for cell in program.cells]
    assert languages[:2] == ["en", "zh"]
    assert all(languages[n + 1] == "zh" for n, language in enumerate(languages) if language == "en")
    assert languages.count("en") == languages.count("zh")
    for english, chinese in zip(program.of("en"), program.of("zh"), strict=True):
        assert english.text
        assert english.language == "" or re.search(r"[\u4e00-\u9fff]", chinese.text)
        assert english.language == "" or not re.search(r"[\u4e00-\u9fff]", english.text)


def test_a_program_has_a_title_a_summary_and_ends_with_a_result(program):
    for language, stop in (("en", "."), ("zh", "。")):
        assert program.of(language)[0].text.startswith("# ")
        assert program.summary(language).endswith(stop)
    assert "print(" in program.code[-1].text
    assert "plt.show()" in program.path.read_text(encoding="utf-8")
    assert program.path.read_text(encoding="utf-8").count("\n") <= 130


def test_imports(program):
    packages = imported(program)
    assert packages <= PACKAGES
    for package in packages & OPTIONAL:
        for language in ("en", "zh"):
            assert re.search(rf"`pip install [\w ]*\b{package}\b", program.of(language)[0].text), package


@pytest.mark.optimized
def test_program_runs(program, tmp_path, monkeypatch):
    for package in imported(program) & OPTIONAL:
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    if program.name in ALONE:
        monkeypatch.setattr(gallery, "STORE", tmp_path)
        result = gallery.result_of(program)
    else:
        result = gallery.execute(program)
    assert result.thumbnail.startswith(b"\x89PNG")
    printed = result.outputs[-1].text
    pattern, low, high = RESULTS[program.name]
    found = re.search(pattern, printed)
    assert found, printed
    assert low <= float(found[1]) <= high, printed


@pytest.fixture
def result():
    """A result as `execute` would return it for the first program."""
    program = gallery.programs()[0]
    outputs = [gallery.Output(f"printed {n}\n", [b"picture"]) for n in range(len(program.code))]
    return gallery.Result(2.4, outputs)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_has_code_outputs_pictures_and_downloads(language, result):
    program = gallery.programs()[0]
    page = gallery.page(program, language, result, lambda path: f"[{path}](there)" if "Conv2D" in path else None)
    assert page.startswith(f"# {program.title(language)}\n")
    assert f"]({program.name}.py){{ download }}" in page
    assert f"]({program.name}.ipynb){{ download }}" in page
    for number, cell in enumerate(program.code):
        assert f"```python\n{cell.text}\n```\n\n" in page
        assert f"```text\nprinted {number}\n```" in page
        assert f"]({program.name}-{number + 1}.png)" in page
    assert "[gazelle.layers.Conv2D](there)" in page
    assert bool(re.search(r"[\u4e00-\u9fff]", page)) == (language == "zh")


def test_a_notebook_is_valid_and_has_the_outputs(result):
    program = gallery.programs()[0]
    book = nbformat.reads(program.notebook("zh", result), as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == [cell.text for cell in program.code]
    assert code[0].outputs[0].text == "printed 0\n"
    assert book.cells[0].source == program.of("zh")[0].text


def test_the_downloaded_program_is_the_same_program_in_one_language():
    program = PROGRAMS["digits_cnn"]
    script = program.script("zh")
    assert ast.unparse(ast.parse(script)) == ast.unparse(ast.parse(program.path.read_text(encoding="utf-8")))
    assert "# # 识别数字图像" in script
    assert "Classify images" not in script


def test_a_result_is_stored_and_read(result, tmp_path):
    assert gallery.read(tmp_path) is None
    gallery.write(result, tmp_path)
    assert gallery.read(tmp_path) == result


def test_a_changed_text_runs_nothing_again_and_changed_code_does(tmp_path):
    source = PROGRAMS["digits_cnn"].path.read_text(encoding="utf-8")
    paths = [tmp_path / name for name in ("a.py", "b.py", "c.py")]
    for path, old, new in zip(paths, ("", "Classify", "Conv2D(16"), ("", "Recognize", "Conv2D(8"), strict=True):
        path.write_text(source.replace(old, new) if old else source, encoding="utf-8")
    keys = [gallery.Program(path).key for path in paths]
    assert keys[0] == keys[1] == PROGRAMS["digits_cnn"].key != keys[2]


def test_a_program_that_fails_stops_the_build(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "ROOT", tmp_path)
    monkeypatch.setattr(gallery, "STORE", tmp_path / "store")
    program = gallery.Program(tmp_path / "no_such_program.py")
    program.path.write_text("# %%\n1 / 0\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"no_such_program\.py failed:\n(?s:.*)ZeroDivisionError"):
        gallery.result_of(program)


def test_links_from_the_reference_lead_to_programs_that_use_a_name():
    uses = gallery.uses("zh")
    assert (
        f"[{PROGRAMS['segmentation'].title('zh')}](gallery/segmentation.md)" in uses["gazelle.layers.Conv2DTranspose"]
    )
