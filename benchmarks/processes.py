"""Steps per second of two connected processes against one process, on the CPUs of this machine.

Each process has one CPU; the batch is that of both together. Run: python benchmarks/processes.py [dense] [conv]
"""

import os
import subprocess
import sys
import tempfile

PROGRAM = """
import os, time
import jax, keras, numpy as np
from gazelle.distribution import FSDP, DataParallel

keras.utils.set_random_seed(0)
keras.distribution.set_distribution({"DataParallel": DataParallel, "FSDP": FSDP}[os.environ["STRATEGY"]]())
if os.environ["MODEL"] == "dense":
    x, y = np.random.normal(size=(8192, 512)).astype("float32"), np.zeros((8192, 1), "float32")
    layers = [keras.layers.Dense(1024, "relu"), keras.layers.Dense(1024, "relu"), keras.layers.Dense(1)]
else:
    x, y = np.random.normal(size=(2048, 32, 32, 3)).astype("float32"), np.zeros((2048, 1), "float32")
    layers = [keras.layers.Conv2D(32, 3, activation="relu"), keras.layers.Conv2D(32, 3, activation="relu"),
              keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
model.compile("adam", "mse")
options = {"batch_size": 256, "verbose": 0, "keep": False}
model.fit(x, y, epochs=1, **options)
began = time.perf_counter()
model.fit(x, y, epochs=2, **options)
print("rate", 2 * -(-len(x) // 256) / (time.perf_counter() - began))
"""


def rate(command: list[str], cpus: str, **env: str) -> float:
    """Steps per second of the program."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program.py")
        with open(path, "w") as file:
            file.write(PROGRAM)
        full = {**os.environ, "JAX_PLATFORMS": "cpu", "GAZELLE_HOME": folder, **env}
        limited = ["taskset", "-c", cpus, sys.executable, "-m", "gazelle", *command, path]
        done = subprocess.run(limited, env=full, capture_output=True, text=True, check=True)
    return float(next(line for line in done.stdout.splitlines() if line.startswith("rate ")).split()[1])


if __name__ == "__main__":
    print("model  distribution   1 CPU   1 process, 2 CPUs   2 processes   (steps/s)   2 processes / 1 CPU")
    for model in sys.argv[1:] or ("dense", "conv"):
        for strategy in ("DataParallel", "FSDP"):
            env = {"MODEL": model, "STRATEGY": strategy}
            one, both, two = (
                rate(["run"], "0", **env),
                rate(["run"], "0,1", **env),
                rate(["launch", "-n", "2"], "0,1", **env),
            )
            print(
                f"{model:6} {strategy:14} {one:5.1f}   {both:17.1f}   {two:11.1f}               {two / one:.2f}",
                flush=True,
            )
