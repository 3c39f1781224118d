"""The gallery: run the programs of examples/gallery and write their pages, scripts and notebooks.

    python scripts/gallery.py                 the programs, whether their output is stored, and their time
    python scripts/gallery.py digits_cnn ...  run programs and print what they print; pictures go to build/gallery

A program is a Python file in the percent format of jupytext: `# %%` starts a cell of code, `# %% [markdown]` one of
text in English, `# %% [markdown] lang="zh"` the same in Chinese. Pages and notebooks are in one language.
Each program runs in a process of its own; what it prints and draws is stored in build/gallery under a hash of its code
and of the version of gazelle. `rm -r build/gallery` runs all again.
`make docs` calls `pages` (`scripts/site_hooks.py`).
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "examples" / "gallery"
STORE = ROOT / "build" / "gallery"

#: sections of the index: title, Chinese title, programs
SECTIONS = (
    (
        "Images",
        "图像",
        "digits_cnn segmentation augmentation autoencoder vae gan grad_cam style_transfer",
    ),
    ("Text", "文本", "text_classification text_generation sequence_tagging numbers_to_words"),
    ("Tables", "表格", "feature_space embeddings imbalanced sklearn_pipeline optuna_search"),
    (
        "Time series, ratings, decisions",
        "时间序列、评分与决策",
        "forecast anomaly recommender reinforcement",
    ),
    ("Compressed and adapted models", "模型的压缩与调整", "distillation lora quantization"),
    (
        "Training and use",
        "训练与部署",
        "custom_train_step resume several_devices export_onnx serve_fastapi",
    ),
)
LABELS = {
    "Gallery": "示例库",
    "CPU time": "CPU 时间",
    "s": "秒",
    "Program": "程序",
    "Notebook": "笔记本",
    "In the reference": "参考手册",
    "picture": "图",
}
INTRODUCTION = {
    "en": "Each program runs in seconds on data that is generated or part of an installed package, and is run by the "
    "tests. All can be downloaded as programs and as notebooks. They need the packages of one extra: "
    '`pip install ".[gallery]"` in a checkout.',
    "zh": "每个程序只需几秒钟，数据由程序生成或来自已安装的软件包，并由测试运行。所有程序都可以下载为脚本或笔记本。"
    '在克隆的仓库中安装所需的软件包：`pip install ".[gallery]"`。',
}
CELL = re.compile(r"^# %%(?: \[(markdown)\])?(?: lang=\"(\w+)\")?\n", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell: text in a language, or code (language ""), and the line of the file on which its content starts."""

    language: str
    text: str
    line: int


@dataclass
class Output:
    """What one cell of code printed and drew."""

    text: str = ""
    pictures: list[bytes] = field(default_factory=list)


@dataclass
class Result:
    """The outputs of all cells of code, and the seconds of CPU time they took, processes that they started included."""

    seconds: float
    outputs: list[Output]

    @property
    def thumbnail(self) -> bytes:
        """The last picture."""
        return [picture for output in self.outputs for picture in output.pictures][-1]


class Program:
    """A program of the gallery."""

    def __init__(self, path: Path):
        self.path, self.name = path, path.stem

    @cached_property
    def cells(self) -> list[Cell]:
        """The cells in their order."""
        source = self.path.read_text(encoding="utf-8")
        heads = list(CELL.finditer(source))
        cells = []
        for head, following in zip(heads, [*heads[1:], None], strict=True):
            body = source[head.end() : following.start() if following else None]
            line = source.count("\n", 0, head.end()) + 1
            if head[1]:
                body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
                body = re.sub(r"(?<=[^\x00-\x7f])\n(?=[^\x00-\x7f\n])", "", body)  # Chinese has no spaces between lines
            cells.append(Cell((head[2] or "en") if head[1] else "", body.strip("\n"), line))
        return cells

    def of(self, language: str) -> list[Cell]:
        """The code and the text in one language."""
        return [cell for cell in self.cells if cell.language in ("", language)]

    @property
    def code(self) -> list[Cell]:
        """The cells of code."""
        return self.of("-")

    def title(self, language: str) -> str:
        """The heading of the first cell."""
        return self.of(language)[0].text.partition("\n")[0].removeprefix("# ")

    def summary(self, language: str) -> str:
        """The first sentence below the heading."""
        paragraph = self.of(language)[0].text.partition("\n")[2].strip().partition("\n\n")[0]
        joined = paragraph.replace("\n", "" if language == "zh" else " ")
        return re.split(r"(?<=。)|(?<=\.) ", joined)[0]

    @property
    def key(self) -> str:
        """A hash of the code and of what runs it; text in cells may change without another run."""
        import gazelle

        parts = [gazelle.__version__, inspect.getsource(execute)]
        return hashlib.sha256("\n".join([*parts, *(cell.text for cell in self.code)]).encode()).hexdigest()[:16]

    def names(self) -> list[str]:
        """The names of gazelle that the code uses, such as `gazelle.layers.Conv2D`, in the order of their use."""
        modules: dict[str, str] = {}
        found: dict[str, None] = {}
        for node in ast.walk(ast.parse("\n".join(cell.text for cell in self.code))):
            if isinstance(node, ast.Import):
                modules.update({a.asname or a.name: a.name for a in node.names if a.name.startswith("gazelle")})
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gazelle"):
                modules.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
            elif isinstance(node, ast.Attribute | ast.Name):
                first, *rest = ast.unparse(node).split(".")
                if first in modules:
                    found[".".join([modules[first], *rest])] = None
        return list(found)

    def script(self, language: str) -> str:
        """The program with the text in one language."""
        parts = []
        for cell in self.of(language):
            text = re.sub(r"^(?=.)", "# ", cell.text, flags=re.MULTILINE) if cell.language else cell.text
            text = re.sub(r"^$", "#", text, flags=re.MULTILINE) if cell.language else text
            parts.append(f"# %%{' [markdown]' if cell.language else ''}\n{text}\n")
        return "\n".join(parts)

    def notebook(self, language: str, result: Result) -> str:
        """The program as a notebook with its outputs."""
        import base64

        cells, outputs = [], iter(result.outputs)
        for number, cell in enumerate(self.of(language)):
            one: dict[str, object] = {"id": f"{self.name}-{number}".replace("_", "-"), "metadata": {}}
            one["source"] = cell.text.splitlines(keepends=True)
            one["cell_type"] = "markdown" if cell.language else "code"
            if not cell.language:
                output = next(outputs)
                shown: list[object] = []
                if output.text:
                    lines = output.text.splitlines(keepends=True)
                    shown.append({"output_type": "stream", "name": "stdout", "text": lines})
                for picture in output.pictures:
                    data = {"image/png": base64.b64encode(picture).decode()}
                    shown.append({"output_type": "display_data", "metadata": {}, "data": data})
                one |= {"execution_count": None, "outputs": shown}
            cells.append(one)
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(book, ensure_ascii=False, indent=1) + "\n"


def programs() -> list[Program]:
    """The programs in the order of the index."""
    return [Program(FOLDER / f"{name}.py") for _, _, names in SECTIONS for name in names.split()]


def execute(program: Program) -> Result:
    """Run the cells of a program in this process, in the current folder; pictures are those open after a cell."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    names: dict[str, object] = {"__name__": "__main__", "__file__": str(program.path)}
    outputs = []
    start = sum(os.times()[:4])
    show, plt.show = plt.show, lambda *args, **kwargs: None
    try:
        with plt.rc_context({"savefig.dpi": 140, "savefig.bbox": "tight", "figure.facecolor": "white"}):
            for cell in program.code:
                tree = ast.increment_lineno(ast.parse(cell.text), cell.line - 1)
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    exec(compile(tree, str(program.path), "exec"), names)
                output = Output(printed.getvalue())
                for number in plt.get_fignums():
                    buffer = io.BytesIO()
                    plt.figure(number).savefig(buffer, format="png")
                    output.pictures.append(buffer.getvalue())
                    plt.close(number)
                outputs.append(output)
    finally:
        plt.show = show
        plt.close("all")
    return Result(sum(os.times()[:4]) - start, outputs)


def write(result: Result, folder: Path) -> None:
    """Store a result."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [{"text": output.text, "pictures": len(output.pictures)} for output in result.outputs]
    for number, output in enumerate(result.outputs):
        for index, picture in enumerate(output.pictures):
            (folder / f"{number}-{index}.png").write_bytes(picture)
    stored = json.dumps({"seconds": result.seconds, "outputs": texts}, ensure_ascii=False, indent=1)
    (folder / "result.json").write_text(stored, encoding="utf-8")


def read(folder: Path) -> Result | None:
    """A stored result, None if there is none."""
    file = folder / "result.json"
    if not file.exists():
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))
    outputs = []
    for number, output in enumerate(stored["outputs"]):
        pictures = [(folder / f"{number}-{index}.png").read_bytes() for index in range(output["pictures"])]
        outputs.append(Output(output["text"], pictures))
    return Result(stored["seconds"], outputs)


def result_of(program: Program) -> Result:
    """The stored result of a program; without one, run it in a new process; SystemExit if it fails."""
    place = STORE / program.name / program.key
    if (found := read(place)) is not None:
        return found
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "PYTHONIOENCODING": "utf-8",
            "GAZELLE_HOME": folder,
            "GAZELLE_COMPILE_CACHE": "0",  # the time is that of a first run
        }
        command = [
            sys.executable,
            "-W",
            "error::UserWarning",
            str(Path(__file__)),
            "--execute",
            str(program.path),
            str(place),
        ]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{program.path.relative_to(ROOT)} failed:\n{done.stdout}{done.stderr}")
    for old in place.parent.iterdir():
        if old != place:
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
    result = read(place)
    assert result is not None
    return result


def results() -> dict[str, Result]:
    """The results of all programs by name; those without a stored one run, one per core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip([p.name for p in programs()], pool.map(result_of, programs()), strict=True))


Link = Callable[[str], str | None]  # from a name such as gazelle.layers.Conv2D to a link to its entry in the reference


def label(english: str, language: str) -> str:
    """A label of the pages."""
    return LABELS[english] if language == "zh" else english


def page(program: Program, language: str, result: Result, link: Link) -> str:
    """The page of a program."""
    first, *others = program.of(language)
    seconds = f"{max(1, round(result.seconds))} {label('s', language)}"
    facts = [
        f"{label('CPU time', language)}: {seconds}",
        f"[{label('Program', language)}]({program.name}.py){{ download }}",
        f"[{label('Notebook', language)}]({program.name}.ipynb){{ download }}",
    ]
    title, _, text = first.text.partition("\n")
    parts = [title, f"{' · '.join(facts)}\n{{ .facts }}", text.strip("\n")]
    number, outputs = 0, iter(result.outputs)
    for cell in others:
        if cell.language:
            parts.append(cell.text)
            continue
        parts.append(f"```python\n{cell.text}\n```")
        output = next(outputs)
        if output.text.strip():
            parts.append(f'<div class="printed" markdown>\n\n```text\n{output.text.rstrip()}\n```\n\n</div>')
        for _ in output.pictures:
            number += 1
            alt = f"{program.title(language)}, {label('picture', language)} {number}"
            parts.append(f"![{alt}]({program.name}-{number}.png){{ .plot loading=lazy }}")
    links = dict.fromkeys(found for name in program.names() if (found := link(name)))
    if links:
        parts.append(f"**{label('In the reference', language)}**: {', '.join(links)}")
    return "\n\n".join(parts) + "\n"


def index(language: str) -> Iterator[str]:
    """The page with all programs, a picture each."""
    yield f"# {label('Gallery', language)}"
    yield INTRODUCTION[language]
    for english, chinese, names in SECTIONS:
        yield f"## {chinese if language == 'zh' else english}"
        yield '<div class="gallery" markdown>'
        for name in names.split():
            program = Program(FOLDER / f"{name}.py")
            picture = f"![]({name}-small.png){{ loading=lazy }}"
            yield "<div markdown>"
            yield f"[{picture} {program.title(language)}]({name}.md)"
            yield program.summary(language)
            yield "</div>"
        yield "</div>"


def small(picture: bytes, width: int = 480, height: int = 270) -> bytes:
    """A picture for the index, on a white background; of a row of pictures the last ones."""
    from PIL import Image, ImageOps

    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.crop((max(0, image.width - round(4.4 * image.height)), 0, image.width, image.height))
    image = ImageOps.pad(image, (width, height), color="white")
    image.quantize(64).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def pages(language: str, link: Link) -> dict[str, str | bytes]:
    """The files of the gallery in one language by their paths: pages, pictures, programs and notebooks."""
    files: dict[str, str | bytes] = {"index.md": "\n\n".join(index(language)) + "\n"}
    found = results()
    for program in programs():
        name, result = program.name, found[program.name]
        files[f"{name}.md"] = page(program, language, result, link)
        files[f"{name}.py"] = program.script(language)
        files[f"{name}.ipynb"] = program.notebook(language, result)
        files[f"{name}-small.png"] = small(result.thumbnail)
        pictures = [picture for output in result.outputs for picture in output.pictures]
        files |= {f"{name}-{number}.png": picture for number, picture in enumerate(pictures, 1)}
    return files


def uses(language: str) -> dict[str, list[str]]:
    """Links to the programs that use a name of gazelle, by the name; programs that use few names first."""
    found: dict[str, list[str]] = {}
    for program in sorted(programs(), key=lambda program: len(program.names())):
        for name in program.names():
            found.setdefault(name, []).append(f"[{program.title(language)}](gallery/{program.name}.md)")
    return found


def navigation(language: str) -> list[object]:
    """The entries of the navigation: the index, and the programs by section."""
    parts: list[object] = ["gallery/index.md"]
    for english, chinese, names in SECTIONS:
        parts.append({chinese if language == "zh" else english: [f"gallery/{name}.md" for name in names.split()]})
    return parts


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--execute"]:
        path, folder = map(Path, arguments[1:])
        write(execute(Program(path)), folder)
        return 0
    if arguments:
        for name in arguments:
            program = Program(FOLDER / f"{name}.py")
            result = result_of(program)
            print("".join(output.text for output in result.outputs), end="")
            print(f"{name}: {result.seconds:.1f} s, pictures in {(STORE / name / program.key).relative_to(ROOT)}")
        return 0
    for program in programs():
        stored = read(STORE / program.name / program.key)
        print(f"{program.name:24}{f'{stored.seconds:6.1f} s' if stored else '  not run'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
