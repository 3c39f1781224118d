"""Write docs/assets/training.svg: the terminal in which the first program of the README trains.

python scripts/picture_of_training.py
"""

import io
import os
import pty
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = 118


def first_program() -> str:
    """The first program of the README."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def output_of(program: str) -> str:
    """What a program writes to a terminal, as it looks at the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program.py")
        path.write_text(program, encoding="utf-8")
        environ = {"COLUMNS": str(COLUMNS), "GAZELLE_HOME": folder, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
        os.environ.update(environ, TERM="xterm-256color", PYTHONIOENCODING="utf-8")
        written = bytearray()

        def read(descriptor: int) -> bytes:
            data = os.read(descriptor, 4096)
            written.extend(data)
            return data

        pty.spawn([sys.executable, str(path)], read)
    kept: list[str] = []
    for line in written.decode().replace("\r\n", "\n").split("\n"):
        if "\x1b[1A" in line:  # it replaces the line above
            kept.pop()
        kept.append(re.split(r"\r|\x1b\[2?K", line)[-1])  # the last text of a line that changed
    return re.sub(r"\x1b\[\?25[lh]", "", "\n".join(line for line in kept if folder not in line)).strip()


def main() -> None:
    text = output_of(first_program())
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ python program.py\n{text}"), soft_wrap=True)
    svg = console.export_svg(title="program.py")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # fonts of the reader, not of the web
    svg = svg.replace("Fira Code", "Menlo, Consolas, DejaVu Sans Mono")
    (ROOT / "docs" / "assets" / "training.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
