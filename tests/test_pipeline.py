"""The command `basicsr` as its user calls it, on a network and a data set that take seconds."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
import yaml

from smfd_plugin import pipeline
from smfd_plugin.data.face_blur_dataset import FaceBlurDataset

BASICSR = [
    sys.executable,
    "-c",
    "import sys; from smfd_plugin.cli import *; sys.exit(basicsr_main())",
]


def write(folder: Path, options: dict) -> Path:
    path = folder / "options.yml"
    path.write_text(yaml.safe_dump(options, sort_keys=False))
    return path


def basicsr(*arguments, cwd: Path, command=BASICSR) -> subprocess.CompletedProcess:
    words = [*command, *map(str, arguments)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def mistake(tmp_path, monkeypatch, capsys):
    """Runs `basicsr train -opt FILE`, which must fail in one line; returns that line."""

    def run(file: Path | str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["basicsr"])
        assert pipeline.main(["train", "-opt", str(file)]) == 2
        lines = capsys.readouterr().err.splitlines()
        errors = [line for line in lines if line.startswith("basicsr: ")]
        assert len(errors) == 1
        return errors[0]

    return run


def test_trains_validates_saves_and_then_tests(options, tmp_path):
    file = write(tmp_path, options)
    done = basicsr("train", "-opt", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = done.stdout + done.stderr
    assert "BlurSpace of 1,741,824,000,000 scenarios" in text
    assert "# psnr" in text
    assert "mask mIoU" in text
    run = tmp_path / "experiments/small"
    saved = {path.name for path in run.rglob("*.pth")}
    assert saved == {f"net_g_{step}.pth" for step in (2, 4, 6, "latest")}
    assert {path.name for path in run.rglob("*.state")} == {"2.state", "4.state", "6.state"}
    assert list((tmp_path / "tb_logger/small").glob("events.out.tfevents.*"))

    options["datasets"] = {"test": options["datasets"]["val"]}
    options["path"]["pretrain_network_g"] = str(run / "models/net_g_latest.pth")
    options["path"]["param_key_g"] = "params_ema"
    done = basicsr("test", "-opt", write(tmp_path, options), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "# psnr" in done.stdout + done.stderr
    assert list((tmp_path / "results/small").glob("test_small_*.log"))


def test_a_mistaken_start_leaves_the_earlier_run_where_it_is(mistake, options, tmp_path):
    earlier = [
        tmp_path / "experiments/small/models/net_g_6.pth",
        tmp_path / "tb_logger/small/events",
    ]
    for path in earlier:
        path.parent.mkdir(parents=True)
        path.write_text("earlier")
    options["datasets"]["train"]["dataroot"] = "datasets/nowhere"
    assert "datasets/nowhere" in mistake(write(tmp_path, options))
    assert [path.read_text() for path in earlier] == ["earlier"] * 2
    assert [path.name for path in (tmp_path / "experiments").iterdir()] == ["small"]
    assert [path.name for path in (tmp_path / "tb_logger").iterdir()] == ["small"]


def test_a_mistaken_start_touches_no_other_run(mistake, options, tmp_path):
    for name in ("small", "small_archived_old"):
        (tmp_path / "experiments" / name).mkdir(parents=True)
        (tmp_path / "experiments" / name / "mine").write_text(name)
    options["datasets"]["train"]["dataroot"] = "datasets/nowhere"
    mistake(write(tmp_path, options))
    runs = {path.name: (path / "mine").read_text() for path in (tmp_path / "experiments").iterdir()}
    assert runs == {name: name for name in ("small", "small_archived_old")}


def test_a_run_that_has_begun_keeps_its_place(mistake, options, tmp_path):
    earlier = tmp_path / "experiments/small/models/net_g_6.pth"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier")
    options["train"]["optim_g"]["lr"] = 1e30
    options["train"]["total_iter"] = 40
    assert "not finite for 10 steps" in mistake(write(tmp_path, options))
    kept = list((tmp_path / "experiments").glob("small_archived_*/models/net_g_6.pth"))
    assert [path.read_text() for path in kept] == ["earlier"]
    assert (tmp_path / "experiments/small/options.yml").is_file()


def test_goes_on_after_a_kill(options, tmp_path):
    options["train"]["total_iter"] = 100_000
    file = write(tmp_path, options)
    words = [*BASICSR, "train", "-opt", str(file)]
    run = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    states = tmp_path / "experiments/small/training_states"
    deadline = time.monotonic() + 120
    while not (states / "6.state").is_file() and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    last = max(int(path.stem) for path in states.glob("*.state"))
    assert last >= 6

    options["train"]["total_iter"] = last + 3
    options["logger"]["save_checkpoint_freq"] = 1000
    done = basicsr("train", "-opt", write(tmp_path, options), "--auto_resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = done.stdout + done.stderr
    assert re.search(rf"Resuming training from epoch: \d+, iter: {last}\.", text)
    assert f"iter: {last + 1:7,d}" in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="tests the way without a GPU")
def test_two_processes_train_one_network(options, tmp_path):
    options["datasets"].pop("val")
    options.pop("val")
    options["train"]["channels_last"] = True
    file = write(tmp_path, options)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    script = tmp_path / "launch.py"
    script.write_text(BASICSR[2])
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    words = [*launch, "--master_port=29513", str(script), "train", "-opt", str(file)]
    done = subprocess.run(
        [*words, "--launcher", "pytorch"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "World size (gpu number): 2" in done.stdout + done.stderr
    assert "strides" not in done.stderr  # gradients have the weights' memory format
    assert (tmp_path / "experiments/small/models/net_g_latest.pth").is_file()


def test_a_run_that_is_ended_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["basicsr"])
    monkeypatch.setitem(pipeline.COMMANDS, "train", lambda: signal.raise_signal(signal.SIGTERM))
    assert pipeline.main(["train"]) == 128 + signal.SIGTERM
    assert "interrupted; `--auto_resume` goes on" in capsys.readouterr().err


def test_help_and_unknown_commands(capsys):
    assert pipeline.main(["-h"]) == 0
    assert "train a network" in capsys.readouterr().out
    assert pipeline.main(["fly"]) == 2
    assert "no command 'fly'; there are train, test" in capsys.readouterr().err


def test_a_missing_option_file_is_named(mistake):
    assert "nowhere.yml" in mistake("nowhere.yml")


@pytest.mark.parametrize("text", ["a: [1,\n", "a: !!python/object/apply:os.getcwd []\n"])
def test_an_option_file_that_is_not_plain_yaml_is_refused(mistake, tmp_path, text):
    file = tmp_path / "bad.yml"
    file.write_text(text)
    assert "the option file is not plain YAML" in mistake(file)


def test_a_data_path_that_is_not_there_says_where_to_get_faces(mistake, options, tmp_path):
    options["datasets"]["train"]["dataroot"] = "datasets/nowhere"
    error = mistake(write(tmp_path, options))
    assert "datasets/nowhere" in error
    assert "CelebAMask-HQ" in error
    assert "smfd prepare" in error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"half of it", "no weights file"),
        ({"params": {}}, "is no training state: name a file of training_states/"),
        ({"iter": 3}, "is no training state: name a file of training_states/"),
    ],
)
def test_a_state_that_cannot_be_resumed_is_named(mistake, options, tmp_path, content, message):
    path = tmp_path / "start.state"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    options["path"]["resume_state"] = str(path)
    error = mistake(write(tmp_path, options))
    assert f"{path} " in error and message in error


def test_unknown_types_and_missing_options_are_named(mistake, options, tmp_path):
    options["network_g"] = {"type": "NoSuchNet"}
    assert "NoSuchNet" in mistake(write(tmp_path, options))
    options.pop("network_g")
    assert "lacks the option 'network_g'" in mistake(write(tmp_path, options))


def test_a_scheduler_and_a_number_of_gpus_that_there_are_not_are_named(mistake, options, tmp_path):
    options["train"]["scheduler"]["type"] = "Cosine"
    assert "Cosine is not implemented" in mistake(write(tmp_path, options))
    options["num_gpu"] = "two"
    assert "num_gpu 'two' is no whole number; or say auto" in mistake(write(tmp_path, options))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (("network_g",), "SMFDUNet.__init__() got an unexpected keyword argument 'widhts'"),
        (("train", "pixel_opt"), "L1Loss.__init__() got an unexpected keyword argument 'widhts'"),
        (("train", "optim_g"), "AdamW.__init__() got an unexpected keyword argument 'widhts'"),
        (("datasets", "train", "blur"), "BlurSpace.__init__() got an unexpected keyword argument"),
    ],
)
def test_an_option_that_does_not_exist_is_named(mistake, options, tmp_path, section, message):
    part = options
    for name in section:
        part = part.setdefault(name, {})
    part["widhts"] = [8]
    assert f"the option file does not fit: {message}" in mistake(write(tmp_path, options))


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        (("train", "optim_g"), "betas", 0.9, "train.optim_g has a value that does not fit: "),
        (("train", "scheduler"), "restart_weights", 1, "train.scheduler has a value that does not"),
        (("datasets", "train"), "blur", "strong", "datasets has a value that does not fit: "),
        (("network_g",), "num_classes", "7", "num_classes '7' is not the 7"),
        (("logger",), "wandb", "mine", "logger has a value that does not fit: 'str' object has"),
    ],
)
def test_a_value_of_another_kind_is_named(
    mistake, options, tmp_path, section, name, value, message
):
    part = options
    for each in section:
        part = part[each]
    part[name] = value
    assert message in mistake(write(tmp_path, options))


def test_a_gpu_that_is_not_there_is_named(mistake, options, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "num_gpu asks for a GPU" in mistake(write(tmp_path, options | {"num_gpu": 1}))
    options["datasets"]["train"]["prefetch_mode"] = "cuda"
    assert "datasets.train.prefetch_mode asks for a GPU" in mistake(write(tmp_path, options))


def test_periods_without_weights_are_named(mistake, options, tmp_path):
    options["train"]["scheduler"] = {
        "type": "CosineAnnealingRestartLR", "periods": [3, 3], "restart_weights": [1],
    }  # fmt: skip
    assert "train.scheduler has a value that does not fit" in mistake(write(tmp_path, options))


def test_other_type_errors_are_not_taken_for_mistakes(monkeypatch):
    def fail() -> None:
        raise TypeError("unsupported operand type(s)")

    monkeypatch.setattr(sys, "argv", ["basicsr"])
    monkeypatch.setitem(pipeline.COMMANDS, "train", fail)
    with pytest.raises(TypeError, match="unsupported operand"):
        pipeline.main(["train"])


def test_a_broken_face_is_named_in_one_line_by_a_worker_too(mistake, options, tmp_path):
    (tmp_path / "faces/images/a.png").write_bytes(b"no picture")
    options["datasets"]["train"]["num_worker_per_gpu"] = 1
    assert mistake(write(tmp_path, options)) == (
        f"basicsr: {tmp_path}/faces: image a is not a readable picture; remove it or get it again"
    )


@pytest.fixture(params=[0, 1], ids=["here", "worker"])
def loaded(request, options, tmp_path, monkeypatch):
    """An option file whose training set reads a sample by this function, here or in a worker."""

    def write_file(read) -> Path:
        monkeypatch.setattr(FaceBlurDataset, "__getitem__", read)
        options["datasets"]["train"]["num_worker_per_gpu"] = request.param
        return write(tmp_path, options)

    return write_file


def test_an_option_that_is_missed_late_is_named(mistake, loaded):
    file = loaded(lambda self, index: self.opt["lamp"])
    assert mistake(file) == "basicsr: the option file lacks the option 'lamp'"


def test_what_is_missing_elsewhere_is_not_taken_for_an_option(loaded, tmp_path, monkeypatch):
    file = loaded(lambda self, index: {"bulb": index}["lamp"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["basicsr"])
    with pytest.raises(KeyError, match="lamp"):
        pipeline.main(["train", "-opt", str(file)])


@pytest.mark.parametrize(
    ("words", "name"), [(["train:optimg:lr=1"], "optimg"), (["datasets:vall:name=x"], "vall")]
)
def test_a_section_to_force_that_there_is_not_is_named(
    options, tmp_path, monkeypatch, capsys, words, name
):
    file = write(tmp_path, options)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["basicsr"])
    assert pipeline.main(["train", "-opt", str(file), "--force_yml", *words]) == 2
    assert f"lacks the option '{name}'" in capsys.readouterr().err


def test_a_plugin_that_cannot_be_imported_is_named(monkeypatch, capsys):
    broken = EntryPoint("mine", "no_such_package", pipeline.PLUGIN_GROUP)
    monkeypatch.setattr(pipeline, "entry_points", lambda group: [broken])
    assert pipeline.main(["train", "-opt", "x.yml"]) == 2
    assert "plugin mine (no_such_package) cannot be imported" in capsys.readouterr().err
