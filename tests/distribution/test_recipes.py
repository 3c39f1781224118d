"""The recipes in examples/cluster: their syntax, and what the launchers of clusters set, simulated on this machine."""

import ast
import os
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "examples" / "cluster"


def _free_port():
    """JAX derives the port from the number of the job: one of the last 4096."""
    while True:
        port = random.randrange(61440, 65536)
        with socket.socket() as server:
            try:
                server.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _slurm(number, job):
    return {
        "SLURM_JOB_ID": str(job),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_PROCID": str(number),
        "SLURM_LOCALID": str(number),
    }


def _open_mpi(number, job):
    return {
        "OMPI_MCA_orte_hnp_uri": f"{job * 4096}.0;tcp://127.0.0.1:34911",
        "OMPI_COMM_WORLD_SIZE": "2",
        "OMPI_COMM_WORLD_RANK": str(number),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(number),
    }


@pytest.mark.parametrize("variables", [_slurm, _open_mpi])
def test_a_process_finds_its_place(tmp_path, variables):
    shutil.copy(FOLDER / "train.py", tmp_path)
    job = _free_port() - 61440
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "gazelle", "run", "train.py"]
    started = [
        subprocess.Popen(command, cwd=tmp_path, env=env | variables(number, job), stdout=-1, stderr=-1, text=True)
        for number in range(2)
    ]
    shown = []
    for process in started:
        output, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors[-3000:]
        shown.append([line for line in output.splitlines() if line.startswith("Epoch")])
    assert len(shown[0]) == 5
    assert shown[1] == []
    assert (tmp_path / "checkpoint").exists()


def test_the_job_script_is_valid():
    script = FOLDER / "slurm.sbatch"
    subprocess.run(["bash", "-n", script], check=True)
    options = [line for line in script.read_text().splitlines() if line.startswith("#SBATCH ")]
    assert "#SBATCH --signal=TERM@120" in options
    assert all(option.split()[1].startswith("--") for option in options)


def test_the_pods_know_each_other():
    job = yaml.safe_load((FOLDER / "jobset.yaml").read_text())
    workers = job["spec"]["replicatedJobs"][0]
    spec = workers["template"]["spec"]
    container = spec["template"]["spec"]["containers"][0]
    env = {
        entry["name"]: entry.get("value") or entry["valueFrom"]["fieldRef"]["fieldPath"] for entry in container["env"]
    }
    port = container["ports"][0]["containerPort"]
    # a pod of a JobSet is JOBSET-JOBS-REPLICA-INDEX.JOBSET
    address = f"{job['metadata']['name']}-{workers['name']}-0-0.{job['metadata']['name']}:{port}"
    assert env == {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(spec["parallelism"]),
        "KERAS_DISTRIBUTION_PROCESS_ID": "metadata.annotations['batch.kubernetes.io/job-completion-index']",
    }
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"]


def test_the_program_for_ray_is_valid():
    tree = ast.parse((FOLDER / "ray_train.py").read_text())
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert called >= {"JaxTrainer", "ScalingConfig", "RunConfig", "FailureConfig"}
