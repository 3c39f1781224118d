"""Ray Train starts the processes and starts them again after a failure; JaxTrainer connects them before `train`.

Run: python ray_train.py (needs ray[train]; --address connects to a cluster).
"""

import os
import sys

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.jax import JaxTrainer


def train(config: dict) -> None:
    """Train in one of the processes."""
    import gazelle

    gazelle.install()  # `import keras` is gazelle
    gazelle.distribution.initialize()  # JaxTrainer has connected the processes, then this has no effect
    gazelle.distribution.set_distribution(gazelle.distribution.DataParallel())
    os.chdir(config["folder"])  # on a disk of all nodes
    with open(config["program"]) as file:
        exec(compile(file.read(), config["program"], "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    ray.init(address=sys.argv[2] if len(sys.argv) > 2 else None)
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "train.py")
    trainer = JaxTrainer(
        train,
        train_loop_config={"program": program, "folder": os.getcwd()},
        scaling_config=ScalingConfig(num_workers=2, use_gpu=True),
        run_config=RunConfig(failure_config=FailureConfig(max_failures=10)),
    )
    trainer.fit()
