"""The script that goes from sharp faces to a weights file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from smfd_plugin.weights import load_network

SCRIPT = Path(__file__).parents[2] / "scripts/train_weights.sh"


@pytest.fixture
def script(tmp_path):
    def run(*arguments):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "PROCESSES": "1"}
        return subprocess.run(
            [SCRIPT, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return run


def test_each_option_file_goes_on_from_the_one_before(script, options, tmp_path):
    first, second = tmp_path / "first.yml", tmp_path / "second.yml"
    text = yaml.safe_dump(options | {"name": "first"})
    first.write_text(text.replace("name: first\n", 'name: "first"  # batch_size_per_gpu: 9\n'))
    options["train"] |= {"total_iter": 2, "mask_warmup_iter": 0}
    options["path"]["param_key_g"] = "params_ema"
    second.write_text(yaml.safe_dump(options | {"name": "second"}))
    done = script("weights.pth", first, second)
    assert done.returncode == 0, done.stderr
    state = load_network(tmp_path / "weights.pth").state_dict()
    models = tmp_path / "experiments"
    trained = torch.load(models / "second/models/net_g_latest.pth", weights_only=True)
    torch.testing.assert_close(state, trained["params_ema"], atol=1e-3, rtol=1e-3)
    log = next((models / "second").glob("*.log")).read_text()
    assert "experiments/first/models/net_g_latest.pth" in log

    again = script("weights.pth", first, second)
    assert (again.returncode, again.stderr) == (2, "weights.pth is already there\n")


def test_a_file_without_a_name_is_named(script, tmp_path):
    (tmp_path / "empty.yml").write_text("scale: 1\n")
    done = script("weights.pth", "empty.yml")
    assert done.returncode == 2
    assert done.stderr.startswith("empty.yml is no option file with a name and datasets.train.")


def test_help(script):
    done = script()
    assert done.returncode == 2
    assert done.stderr.startswith("From folders of sharp faces")
    assert "set -euo" not in done.stderr
