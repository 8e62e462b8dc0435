"""Each break of BasicSR 1.4.2, seen without the fix in a fresh process and gone with it."""

import logging
import subprocess
import sys
import textwrap

import pytest
import torch
import yaml

from smfd_plugin import compat

SAVED = {"epoch": 1, "iter": 1, "optimizers": [], "schedulers": []}

STUB = "from smfd_plugin import compat; compat.provide_functional_tensor()"


def python(code: str, *, cwd=None) -> subprocess.CompletedProcess:
    """Runs code in a fresh process where no fix is applied: only the package's path is known."""
    bare = """
        import importlib.util, sys, types
        spec = importlib.util.find_spec("smfd_plugin")
        package = types.ModuleType("smfd_plugin")
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules["smfd_plugin"] = package
    """
    text = textwrap.dedent(bare) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, cwd=cwd, check=False
    )


def fails_without_and_works_with(code: str, message: str, *, fix: str, cwd=None) -> None:
    without = python(f"{STUB}\n{textwrap.dedent(code)}", cwd=cwd)
    assert without.returncode != 0
    assert message in without.stderr
    fixed = python(f"{STUB}\ncompat.{fix}()\n{textwrap.dedent(code)}", cwd=cwd)
    assert fixed.returncode == 0, fixed.stderr


def test_basicsr_imports():
    without = python("import basicsr")
    assert "torchvision.transforms.functional_tensor" in without.stderr
    fixed = python(f"{STUB}\nimport basicsr")
    assert fixed.returncode == 0, fixed.stderr


def test_the_replaced_function_is_torchvisions():
    from torchvision.transforms import functional, functional_tensor

    assert functional_tensor.rgb_to_grayscale is functional.rgb_to_grayscale


def test_basicsr_imports_without_a_warning():
    code = "import warnings; warnings.simplefilter('error'); import basicsr"
    fails_without_and_works_with(code, "`scipy.ndimage.filters`", fix="provide_ndimage_filters")


def test_the_replaced_filters_are_scipys():
    from scipy import ndimage
    from scipy.ndimage.filters import convolve, gaussian_filter

    assert (convolve, gaussian_filter) == (ndimage.convolve, ndimage.gaussian_filter)


def test_option_files_run_no_code(tmp_path):
    trap = tmp_path / "trap"
    option = tmp_path / "evil.yml"
    option.write_text(f"name: !!python/object/apply:os.mkdir ['{trap}']\n")
    code = f"""
        import yaml
        from basicsr.utils import options
        yaml.load(open({str(option)!r}), Loader=options.ordered_yaml()[0])
    """
    assert python(f"{STUB}\n{textwrap.dedent(code)}").returncode == 0
    assert trap.is_dir()
    trap.rmdir()
    fixed = python(f"{STUB}\ncompat.read_options_safely()\n{textwrap.dedent(code)}")
    assert "could not determine a constructor" in fixed.stderr
    assert not trap.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty or no list of options"),
        ("- train\n- test\n", "is empty or no list of options"),
        ("name: x\ntrain:\n", "train needs options of its own, not None"),
        ("datasets:\n  train: faces\n", "datasets.train needs options of its own, not 'faces'"),
        ("network_g: SMFDUNet\n", "network_g needs options of its own"),
        ("name: 7\n", "name 7 is no text; put it in quotes"),
        ("val:\n  a: 1\n  b: 2\n  a: 3\n", "has the option 'a' twice in one place"),
    ],
)
def test_option_files_are_mappings_with_a_name(text, message):
    with pytest.raises(ValueError, match=message):
        yaml.load(text, compat.OptionLoader)


def test_options_keep_their_order_and_numbers():
    text = "b: 1\na: {d: !!float 1e-4, c: [1, 2]}\n"
    options = yaml.load(text, Loader=compat.OptionLoader)
    assert list(options) == ["b", "a"]
    assert options["a"] == {"d": 1e-4, "c": [1, 2]}


def test_an_error_while_prefetching_ends_the_run():
    code = """
        import threading
        from basicsr.data.prefetch_dataloader import PrefetchGenerator
        def faces():
            yield 1
            raise ValueError("a broken face")
        threading.excepthook = lambda args: None
        prefetched = PrefetchGenerator(faces(), 2)
        assert next(prefetched) == 1
        waiting = threading.Thread(target=lambda: next(prefetched, None), daemon=True)
        waiting.start()
        waiting.join(1)
        assert not waiting.is_alive(), "waits for ever"
    """
    fails_without_and_works_with(code, "waits for ever", fix="raise_errors_of_prefetching")


def test_an_error_while_prefetching_is_raised():
    from basicsr.data.prefetch_dataloader import PrefetchGenerator

    def faces():
        yield 1
        raise ValueError("a broken face")

    prefetched = PrefetchGenerator(faces(), 2)
    assert next(prefetched) == 1
    with pytest.raises(ValueError, match="a broken face"):
        next(prefetched)
    assert list(PrefetchGenerator(iter([1, 2]), 1)) == [1, 2]


def test_an_option_file_in_the_folder_of_its_run_is_left_there(tmp_path):
    (tmp_path / "run").mkdir()
    file = tmp_path / "run/options.yml"
    file.write_text("name: run")
    code = f"""
        from basicsr import train
        train.copy_opt_file({str(file)!r}, {str(tmp_path / "run")!r})
    """
    fails_without_and_works_with(code, "SameFileError", fix="keep_option_file")
    assert file.read_text() == "name: run"


def test_an_option_file_that_was_moved_away_with_its_run_is_named(tmp_path):
    from basicsr import train

    with pytest.raises(ValueError, match=r"options\.yml lies in its run: --auto_resume"):
        train.copy_opt_file(str(tmp_path / "run/options.yml"), str(tmp_path / "run"))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("name=7", "--force_yml has a value that does not fit"),
        ("datasets:val=~", "--force_yml has a value that does not fit"),
        ("name", "--force_yml takes NAME=VALUE, with one = in each"),
        ("name=a=b", "--force_yml takes NAME=VALUE, with one = in each"),
        ('name"=x', "--force_yml has a value that does not fit"),
        ("manual_seed=x", "manual_seed 'x' is no whole number"),
    ],
)
def test_a_forced_value_that_does_not_fit_is_named(tmp_path, monkeypatch, entry, message):
    from basicsr import train

    file = tmp_path / "options.yml"
    file.write_text("{name: x, num_gpu: 0, manual_seed: 0, datasets: {val: {}}, path: {}}")
    monkeypatch.setattr("sys.argv", ["basicsr", "-opt", str(file), "--force_yml", entry])
    with pytest.raises(ValueError, match=message):
        train.parse_options(str(tmp_path))


@pytest.mark.parametrize(("launcher", "program"), [("pytorch", "torchrun"), ("slurm", "srun")])
def test_a_launcher_that_has_not_started_the_run_is_named(tmp_path, monkeypatch, launcher, program):
    from basicsr import train

    file = tmp_path / "options.yml"
    file.write_text("name: x")
    monkeypatch.setattr("sys.argv", ["basicsr", "-opt", str(file), "--launcher", launcher])
    with pytest.raises(ValueError, match=f"--launcher {launcher} is for a run that {program} star"):
        train.parse_options(str(tmp_path))


def test_a_forced_seed_is_that_of_the_random_numbers(tmp_path):
    file = tmp_path / "options.yml"
    file.write_text("{name: x, num_gpu: 0, manual_seed: 0, datasets: {}, path: {}, logger: {}}")
    code = f"""
        import random, sys, numpy, torch
        from basicsr import train
        sys.argv = ["basicsr", "-opt", {str(file)!r}, "--force_yml", "manual_seed=7"]
        opt, _ = train.parse_options(".")
        drawn = random.random(), numpy.random.rand(), torch.rand(1)
        random.seed(7), numpy.random.seed(7), torch.manual_seed(7)
        expected = random.random(), numpy.random.rand(), torch.rand(1)
        assert opt["manual_seed"] == 7
        assert drawn == expected, "seeded too early"
    """
    fails_without_and_works_with(code, "seeded too early", fix="check_forced_options")


def test_testing_and_the_benchmark_check_forced_options_too():
    from basicsr import test, train
    from basicsr.utils import options

    assert train.parse_options is test.parse_options is options.parse_options


def test_forced_lists_run_no_code(tmp_path):
    trap = tmp_path / "trap"
    code = f"""
        from basicsr.utils import options
        options._postprocess_yml_value("[__import__('os').mkdir({str(trap)!r})]")
    """
    assert python(f"{STUB}\n{textwrap.dedent(code)}").returncode == 0
    assert trap.is_dir()
    trap.rmdir()
    python(f"{STUB}\ncompat.read_forced_options_safely()\n{textwrap.dedent(code)}")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1.0e-3", 1e-3),
        ("!!float 1e-4", 1e-4),
        ("-1", -1),
        ("-.5", -0.5),
        ("012", 12),
        ("[1, 2.5, 1e-3]", [1, 2.5, 1e-3]),
        ("['a b', None]", ["a b", None]),
        ("[decoder, decoder.0]", ["decoder", "decoder.0"]),
        ("~", None),
        ("True", True),
        ("timm.Muon", "timm.Muon"),
        ("2026-01-02", "2026-01-02"),
    ],
)
def test_forced_values_are_read_as_they_are_meant(text, value):
    from basicsr.utils import options

    read = options._postprocess_yml_value(text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("seed", ["~", "half"])
def test_a_forced_seed_that_is_no_number_is_named(tmp_path, monkeypatch, seed):
    from basicsr import train

    file = tmp_path / "options.yml"
    file.write_text("{name: x, num_gpu: 0, manual_seed: 0, datasets: {}, path: {}, logger: {}}")
    words = ["basicsr", "-opt", str(file), "--force_yml", f"manual_seed={seed}"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(ValueError, match=r"manual_seed .* is no whole number"):
        train.parse_options(".")


@pytest.mark.skipif(torch.cuda.is_available(), reason="the break needs a machine without a GPU")
def test_processes_start_without_a_gpu():
    code = """
        import os
        os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost",
                       "MASTER_PORT": "29511"}
        from basicsr.utils import dist_util
        dist_util.init_dist("pytorch")
        assert dist_util.get_dist_info() == (0, 1)
    """
    fails_without_and_works_with(code, "ZeroDivisionError", fix="init_processes_without_gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="the break needs a machine without a GPU")
def test_networks_are_wrapped_without_a_gpu():
    code = """
        import os, torch
        os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost",
                       "MASTER_PORT": "29512"}
        torch.distributed.init_process_group("gloo")
        from basicsr.models.base_model import BaseModel
        model = BaseModel({"num_gpu": 0, "is_train": True, "dist": True})
        model.model_to_device(torch.nn.Linear(1, 1))
    """
    fails_without_and_works_with(code, "NVIDIA", fix="wrap_networks_without_gpu")


def test_the_best_niqe_is_the_lowest():
    code = """
        from basicsr.models.base_model import BaseModel
        metrics = {"niqe": {"type": "calculate_niqe"}, "psnr": {"type": "calculate_psnr"}}
        model = BaseModel({"num_gpu": 0, "is_train": True, "val": {"metrics": metrics}})
        model._initialize_best_metric_results("set")
        for value in (5.0, 4.0, 6.0):
            model._update_best_metric_result("set", "niqe", value, 1)
            model._update_best_metric_result("set", "psnr", value, 1)
        assert model.best_metric_results["set"]["psnr"]["val"] == 6.0
        assert model.best_metric_results["set"]["niqe"]["val"] == 4.0, "the highest was kept"
    """
    fails_without_and_works_with(
        code, "the highest was kept", fix="judge_metrics_in_their_direction"
    )


RESUME = """
    import torch
    from pathlib import Path
    from basicsr import train
    states, models = (Path("experiments/run") / name for name in ("training_states", "models"))
    for folder in (states, models):
        folder.mkdir(parents=True)
    for step in (2, 10):
        state = {"epoch": 1, "iter": step, "optimizers": [], "schedulers": []}
        torch.save(state, states / f"{step}.state")
        torch.save({"params": {}}, models / f"net_g_{step}.pth")
"""
LOAD = """
    opt = {"name": "run", "auto_resume": True, "network_g": {},
           "path": {"training_states": str(states), "models": str(models), "resume_state": None}}
    state = train.load_resume_state(opt)
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="the break needs a machine without a GPU")
def test_resuming_needs_no_gpu(tmp_path):
    code = textwrap.dedent(RESUME + LOAD) + (
        "assert state['iter'] == 10\n"
        "assert opt['path']['pretrain_network_g'].endswith('net_g_10.pth')\n"
    )
    without = python(f"{STUB}\n{code}", cwd=tmp_path)
    assert "NVIDIA" in without.stderr
    (tmp_path / "experiments").rename(tmp_path / "old")
    fixed = python(f"{STUB}\ncompat.resume_from_readable_state()\n{code}", cwd=tmp_path)
    assert fixed.returncode == 0, fixed.stderr


@pytest.mark.parametrize(
    ("broken", "how"),
    [("training_states/10.state", "truncated"), ("models/net_g_10.pth", "missing")],
)
def test_a_half_written_save_is_passed_over(tmp_path, broken, how):
    harm = f"path = Path('experiments/run/{broken}')\n"
    harm += "path.unlink()\n" if how == "missing" else "path.write_bytes(path.read_bytes()[:99])\n"
    code = textwrap.dedent(RESUME) + harm + textwrap.dedent(LOAD) + "assert state['iter'] == 2\n"
    fixed = python(f"{STUB}\ncompat.resume_from_readable_state()\n{code}", cwd=tmp_path)
    assert fixed.returncode == 0, fixed.stderr


def test_a_state_of_another_name_is_no_step(tmp_path):
    from basicsr import train

    for name in ("3.state", "5 copy.state"):
        torch.save(SAVED | {"iter": 3}, tmp_path / name)
    opt = {"auto_resume": True, "path": {"training_states": tmp_path, "models": tmp_path}}
    assert train.load_resume_state(opt)["iter"] == 3


def test_nothing_to_resume_starts_afresh(tmp_path):
    opt = {"auto_resume": True, "path": {"training_states": str(tmp_path), "models": "none"}}
    from basicsr import train

    assert train.load_resume_state(opt) is None


def test_states_that_cannot_be_read_stop_the_run(tmp_path):
    from basicsr import train

    (tmp_path / "3.state").write_bytes(b"half")
    opt = {"auto_resume": True, "path": {"training_states": tmp_path, "models": tmp_path}}
    with pytest.raises(ValueError, match="none of the training states"):
        train.load_resume_state(opt)


def test_a_state_of_another_run_is_refused(tmp_path):
    from basicsr import train

    (tmp_path / "other").mkdir()
    torch.save(SAVED, tmp_path / "other/1.state")
    path = {
        "training_states": str(tmp_path / "mine"),
        "models": str(tmp_path),
        "resume_state": str(tmp_path / "other/1.state"),
    }
    opt = {"name": "mine", "auto_resume": False, "network_g": {}, "path": path}
    with pytest.raises(ValueError, match=r"1\.state is of another run than mine"):
        train.load_resume_state(opt)


def test_networks_that_are_not_saved_are_not_asked_for(tmp_path):
    from basicsr import train

    torch.save(SAVED | {"iter": 3}, tmp_path / "3.state")
    torch.save({"params": {}}, tmp_path / "net_g_3.pth")
    path = {
        "training_states": tmp_path,
        "models": tmp_path,
        "ignore_resume_networks": ["network_identity"],
        "param_key_g": "params_ema",
        "param_key_estimator": "params_ema",
    }
    opt = {"auto_resume": True, "network_g": {}, "network_identity": {}, "path": path}
    assert train.load_resume_state(opt)["iter"] == 3
    assert "pretrain_network_identity" not in path
    assert (path["param_key_g"], path["param_key_estimator"]) == ("params", "params_ema")


@pytest.fixture
def few_pictures(options):
    """Options of a training of 40 steps with one picture, as BasicSR's parser leaves them."""
    options |= {"dist": False, "rank": 0, "world_size": 1}
    del options["datasets"]["val"]
    options["datasets"]["train"] |= {"phase": "train", "scale": 1, "batch_size_per_gpu": 2}
    options["train"]["total_iter"] = 40
    return options


def test_training_with_few_pictures_does_all_its_steps(few_pictures):
    from basicsr import train

    few_pictures["datasets"]["train"]["dataset_enlarge_ratio"] = 3
    loader, *_, epochs, steps = train.create_train_val_dataloader(few_pictures, logging.getLogger())
    assert (len(loader), epochs, steps) == (1, 40, 40)


@pytest.mark.parametrize(
    ("saved", "epochs"),
    [
        ({"epoch": 20, "iter": 20}, 30),
        ({"epoch": 1, "iter": 20}, 11),
        ({"epoch": 9, "iter": 40}, 9),
    ],
)
def test_a_resumed_training_has_epochs_for_all_its_steps(few_pictures, tmp_path, saved, epochs):
    """Twenty of forty steps are left, and an epoch has two, whatever it had before."""
    from basicsr import train

    torch.save(saved, tmp_path / "20.state")
    few_pictures["path"]["resume_state"] = str(tmp_path / "20.state")
    few_pictures["datasets"]["train"]["dataset_enlarge_ratio"] = 5
    *_, planned, _ = train.create_train_val_dataloader(few_pictures, logging.getLogger())
    assert planned == epochs


def test_too_few_pictures_for_a_process_are_named(few_pictures):
    from basicsr import train

    few_pictures["world_size"] = 2
    few_pictures["datasets"]["train"]["dataset_enlarge_ratio"] = 2
    with pytest.raises(ValueError, match="too few pictures for one batch in each process"):
        train.create_train_val_dataloader(few_pictures, logging.getLogger())
