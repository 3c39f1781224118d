"""The benchmark runs with gazelle on small data, and the hand-written networks equal those of gazelle."""

import json
import subprocess
import sys
from pathlib import Path

import figures
import handwritten
import jax
import numpy as np
import peers
import pytest
import user_loops
import workloads

import gazelle
from gazelle.compat import tensorflow as facade

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    words = ["--only", "mlp,dqn", "--peers", "gazelle", "--quick", "--seconds", "0", "--out"]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "runner.py", *words, folder], text=True, capture_output=True, check=True
    )
    return done.stdout, json.loads((folder / "results.json").read_text()), (folder / "benchmarks.svg").read_text()


def test_the_runner_measures_every_figure(ran):
    _, results, _ = ran
    assert results["failed"] == {}
    assert set(results["values"]) == set(figures.FIGURES)
    for name, row in results["values"].items():
        (value,) = row["dqn" if name == "iteration" else "mlp"]["gazelle"]
        assert value > 0, name
    values = {name: row["mlp"]["gazelle"][0] for name, row in results["values"].items() if name != "iteration"}
    assert values["import"] < values["warm"]
    assert values["step"] < 0.05
    assert 2**26 < values["memory"] < 2**32


def test_the_table_and_the_picture_are_made(ran):
    stdout, results, picture = ran
    assert "article's MLP" in stdout
    assert results["versions"]["gazelle"]["gazelle"] == gazelle.__version__
    assert "A step in fit" in picture


@pytest.mark.parametrize("name", sorted(set(workloads.WORKLOADS) - set(peers.BROAD)))
def test_the_other_networks_fit_their_data(name):
    workload = workloads.WORKLOADS[name]
    model = workload.model(gazelle)
    x, y = workload.data(np.random.default_rng(0), 2)
    assert model.input_shape[1:] == x.shape[1:]
    assert len(model.output_shape) == y.ndim + (y.dtype == np.int32 and y.shape[-1] != 1)


@pytest.fixture
def modules():
    yield {"keras": gazelle, "tensorflow": facade.module("tensorflow")}
    facade.close()


@pytest.mark.parametrize("name", user_loops.LOOPS)
def test_an_iteration_of_each_loop(name, modules):
    loop = user_loops.LOOPS[name]
    iteration = loop.iteration(modules[loop.module], np.random.default_rng(0))
    iteration()


@pytest.mark.parametrize("name", peers.BROAD)
def test_the_networks_by_hand_have_the_same_weights(name):
    workload = workloads.WORKLOADS[name]
    model = workload.model(gazelle)
    by_hand = handwritten.Handwritten(name, workload)
    x, y = workload.data(np.random.default_rng(0), workload.batch)
    assert sum(v.size for v in jax.tree.leaves(by_hand.state[:2])) == model.count_params()
    after, _ = jax.eval_shape(by_hand.step, by_hand.state, (0.0, 0.0), x, y)
    assert jax.tree.map(np.shape, after) == jax.tree.map(np.shape, by_hand.state)


@pytest.mark.parametrize("axis", workloads.GROWTH)
def test_growth_takes_the_size_it_says(axis):
    grows = workloads.GROWTH[axis]
    small, large = (grows.at(size) for size in grows.sizes[:2])
    sizes = [(w.batch, w.batch * w.steps, _weights(w)) for w in (small, large)]
    changed = {"batch": (0, 1), "width": (2,), "depth": (2,), "samples": (1,)}[axis]
    assert [i for i, (a, b) in enumerate(zip(*sizes, strict=True)) if a != b] == list(changed)


def _weights(workload):
    model = workload.model(gazelle)
    model.build((None, workload.data(np.random.default_rng(0), 1)[0].shape[1]))
    return model.count_params()
