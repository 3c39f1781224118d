"""The time of an epoch and the memory that it takes, by kind of data, compared with arrays in memory.

Each kind is measured in a process of its own. "alone" is one pass over the source without training: where it takes
longer than an epoch from arrays, the source is the limit. Parts of files are read in their order (shuffle="batch"),
unless the kind is called "shuffled". Packages that are not installed are left out.
Run: [ROWS=60000] python benchmarks/data.py [kind ...]
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

ROWS, COLUMNS, BATCH = int(os.environ.get("ROWS", "60000")), 784, 128
FOLDER = Path(os.environ.get("GAZELLE_DATA_FOLDER", tempfile.gettempdir())) / f"gazelle-benchmark-data-{ROWS}"


def arrays():
    """The samples and labels of all kinds."""
    return np.load(FOLDER / "x.npy"), np.load(FOLDER / "y.npy")


def memmap():
    return np.load(FOLDER / "x.npy", mmap_mode="r"), np.load(FOLDER / "y.npy")


def h5():
    import h5py

    path = FOLDER / "x.h5"
    if not path.exists():
        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=arrays()[0], chunks=(256, COLUMNS))
    return h5py.File(path)["x"], np.load(FOLDER / "y.npy")


def h5_contiguous():
    import h5py

    path = FOLDER / "contiguous.h5"
    if not path.exists():
        with h5py.File(path, "w") as file:
            file["x"] = arrays()[0]
    return h5py.File(path)["x"], np.load(FOLDER / "y.npy")


def zarr_array():
    import zarr

    path = FOLDER / "x.zarr"
    if not path.exists():
        zarr.create_array(str(path), data=arrays()[0], chunks=(256, COLUMNS), compressors=None)
    return zarr.open_array(str(path), mode="r"), np.load(FOLDER / "y.npy")


def generator():
    x, y = memmap()

    def batches():
        while True:
            for start in range(0, ROWS, BATCH):
                yield np.array(x[start : start + BATCH]), y[start : start + BATCH]

    return (batches(),)


def parquet():
    """Batches of a file of Parquet with the samples as one column of fixed-size lists."""
    import pyarrow
    import pyarrow.parquet

    path = FOLDER / "x.parquet"
    if not path.exists():
        x, y = arrays()
        column = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(x.reshape(-1)), COLUMNS)
        pyarrow.parquet.write_table(pyarrow.table({"x": column, "y": y}), path, row_group_size=4096)

    def batches():
        while True:
            for part in pyarrow.parquet.ParquetFile(path, pre_buffer=False).iter_batches(BATCH):
                yield part["x"].flatten().to_numpy().reshape(-1, COLUMNS), part["y"].to_numpy()

    return (batches(),)


def huggingface():
    import datasets

    table = datasets.Dataset.from_dict(dict(zip("xy", arrays(), strict=True))).with_format("numpy")
    return table["x"], table["y"]


def torch_workers():
    import torch

    x, y = (torch.from_numpy(np.array(array)) for array in arrays())
    data = torch.utils.data.TensorDataset(x, y)
    return (torch.utils.data.DataLoader(data, BATCH, num_workers=2, persistent_workers=True),)


def tars():
    import webdataset

    pattern = str(FOLDER / "x-{:06d}.tar")
    if not os.path.exists(pattern.format(0)):
        with webdataset.ShardWriter(str(FOLDER / "x-%06d.tar"), maxcount=10_000) as sink:
            for number, (x, y) in enumerate(zip(*arrays(), strict=True)):
                sink.write({"__key__": f"{number:06d}", "npy": x, "cls": int(y)})
    names = [pattern.format(n) for n in range(-(-ROWS // 10_000))]
    return (webdataset.WebDataset(names).decode().to_tuple("npy", "cls").batched(BATCH),)


KINDS = {
    "arrays": arrays,
    "memory map": memmap,
    "h5py": h5,
    "h5py, contiguous, shuffled": h5_contiguous,
    "h5py, shuffled": h5,
    "zarr": zarr_array,
    "zarr, shuffled": zarr_array,
    "generator": generator,
    "parquet": parquet,
    "Hugging Face": huggingface,
    "torch, 2 workers": torch_workers,
    "webdataset": tars,
}


def memory():
    """Bytes that the process has allocated, without mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024


def measure(kind):
    """Seconds of an epoch and of a pass without training, and the peak of memory over that before the first epoch."""
    import gazelle
    from gazelle import layers

    data = KINDS[kind]()
    model = gazelle.Sequential([gazelle.Input((COLUMNS,)), layers.Dense(64, "relu"), layers.Dense(10)])
    model.compile("sgd", gazelle.losses.SparseCategoricalCrossentropy(from_logits=True))
    steps = -(-ROWS // BATCH)
    options = {"batch_size": BATCH} if len(data) == 2 else {"steps_per_epoch": steps}
    options |= {"verbose": 0, "keep": False, "shuffle": "batch" if kind in ("h5py", "zarr") else True}
    model.fit(np.zeros((BATCH * 5, COLUMNS), "float32"), np.zeros(BATCH * 5), batch_size=BATCH, verbose=0, keep=False)
    before, peak, ended = memory(), 0, threading.Event()

    def watch():
        nonlocal peak
        while not ended.wait(0.005):
            peak = max(peak, memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    seconds = []
    times = gazelle.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: seconds.append(time.perf_counter()),
        on_epoch_end=lambda *_: seconds.append(time.perf_counter() - seconds.pop()),
    )
    model.fit(*data, epochs=4, callbacks=[times], **options)
    ended.set()
    watcher.join()
    began = time.perf_counter()
    if len(data) == 2:
        for start in range(0, ROWS, BATCH):
            np.asarray(data[0][start : start + BATCH])
    else:
        for number, _ in enumerate(data[0], 1):
            if number == steps:
                break
    return {"epoch": min(seconds[1:]), "alone": time.perf_counter() - began, "memory": max(0, peak - before)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print("result", json.dumps(measure(sys.argv[2])))
        sys.exit()
    if not FOLDER.exists():
        FOLDER.mkdir(parents=True)
        rng = np.random.default_rng(0)
        np.save(FOLDER / "x.npy", rng.normal(size=(ROWS, COLUMNS)).astype("float32"))
        np.save(FOLDER / "y.npy", rng.integers(0, 10, ROWS))
    print(
        f"{ROWS * COLUMNS * 4 / 2**20:.0f} MiB of samples; an epoch: seconds, compared with arrays; alone; MiB at most"
    )
    base = None
    for kind in ["arrays", *(sys.argv[1:] or list(KINDS)[1:])]:
        command = [sys.executable, "-W", "ignore", __file__, "--measure", kind]
        done = subprocess.run(command, capture_output=True, text=True)
        line = next((line for line in done.stdout.splitlines() if line.startswith("result ")), None)
        if line is None:
            print(f"{kind:26} {done.stderr.splitlines()[-1] if done.stderr else done.returncode}")
            continue
        found = json.loads(line.split(" ", 1)[1])
        base = base or found["epoch"]
        print(
            f"{kind:26} {found['epoch']:6.2f} {found['epoch'] / base:6.1f} {found['alone']:6.2f} "
            f"{found['memory'] / 2**20:6.0f}"
        )
