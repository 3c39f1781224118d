"""Build the wheel and the source archive, check them, and try the wheel on each installed Python.

    python scripts/check_package.py [--no-install]

The archives are left in `dist/`. Each Python from 3.11 to 3.14 that is found gets a new environment with the wheel
alone, without the repository, in which a network is trained, saved and loaded again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import environment

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
NEEDED = ("gazelle/py.typed", "gazelle/__init__.py", "gazelle/core/chinese.txt", "LICENSE", "METADATA")
PROGRAM = """
import numpy as np, gazelle as keras
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 4)); y = x.sum(1) > 0
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["acc"])
history = model.fit(x, y, epochs=20, validation_split=0.2, verbose=0).history
assert history["loss"][-1] < history["loss"][0], history
model.save("model.keras")
assert np.array_equal(keras.models.load_model("model.keras").predict(x, verbose=0), model.predict(x, verbose=0))
print("gazelle", keras.__version__, "on Python", __import__("platform").python_version(), "trains, saves and loads")
"""


def build() -> tuple[Path, Path]:
    """Build both archives into `dist/`, and check their metadata and files."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", DIST, ROOT], check=True, stdout=subprocess.DEVNULL)
    (wheel,), (archive,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", wheel, archive], check=True)
    names = zipfile.ZipFile(wheel).namelist()
    missing = [name for name in NEEDED if not any(found.endswith(name) for found in names)]
    external = [name for name in names if not name.startswith(("gazelle/", "gazelle-"))]
    with tarfile.open(archive) as packed:
        tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
        files = {name.partition("/")[2] for name in packed.getnames()}
        left_out = [name for name in tracked if name.startswith("gazelle/") and name not in files]
    if missing or external or left_out:
        raise SystemExit(f"wheel: {missing} missing, {external} do not belong there; archive: {left_out} missing")
    print(f"{wheel.name} ({wheel.stat().st_size / 1e6:.1f} MB), {archive.name}: metadata and files are complete")
    return wheel, archive


def install(wheel: Path) -> None:
    """Try the wheel on each Python that is found."""
    for version, python in environment.usable():
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder, "environment")
            subprocess.run([python, "-m", "venv", home], check=True)
            own = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
            subprocess.run([own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel], check=True)
            done = subprocess.run([own, "-c", PROGRAM], cwd=folder, check=False)
            if done.returncode:
                raise SystemExit(f"the wheel does not work on Python {'.'.join(map(str, version))}")


def main() -> None:
    """Build and check, and install unless `--no-install` is given."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--no-install", action="store_true", help="build and check the archives only")
    arguments = parser.parse_args()
    wheel, _ = build()
    if not arguments.no_install:
        install(wheel)


if __name__ == "__main__":
    main()
