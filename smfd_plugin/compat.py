"""Lets the unmodified BasicSR 1.4.2 import and run beside current libraries and without a GPU.

The only place that knows how BasicSR breaks: one function a break, applied once by `apply`.
"""

import ast
import glob
import logging
import math
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import yaml
from scipy import ndimage
from torch.nn.parallel import DistributedDataParallel
from torchvision.transforms import functional

from smfd_plugin.common.option_section import OptionSection
from smfd_plugin.common.torch_files import read

SECTIONS = ("datasets", "network_g", "path", "train", "val", "logger", "sampling")
"""Parts of an option file that are mappings."""

STATE = {"epoch", "iter", "optimizers", "schedulers"}
"""What BasicSR puts into a training state."""

LAUNCHERS = {"pytorch": ("torchrun", "RANK"), "slurm": ("srun", "SLURM_PROCID")}
"""The program behind each `--launcher`, and a variable that it sets."""

PATIENCE = timedelta(hours=12)
"""How long processes wait for the one that validates; PyTorch's 10 minutes can be too short."""


def apply() -> None:
    """Mends BasicSR for this process; called once, as the package is imported."""
    provide_functional_tensor()  # first: without these two `import basicsr` fails
    provide_ndimage_filters()
    read_options_safely()
    read_forced_options_safely()
    check_forced_options()
    name_missing_launcher()
    init_processes_without_gpu()
    wrap_networks_without_gpu()
    judge_metrics_in_their_direction()
    keep_option_file()
    raise_errors_of_prefetching()
    put_back_after_failed_start()
    resume_from_readable_state()
    plan_epochs_by_batches()


def provide_functional_tensor() -> None:
    """torchvision 0.17 removed the module from which BasicSR imports rgb_to_grayscale."""
    name = "torchvision.transforms.functional_tensor"
    if name not in sys.modules:
        module = ModuleType(name)
        module.rgb_to_grayscale = functional.rgb_to_grayscale
        sys.modules[name] = module


def provide_ndimage_filters() -> None:
    """SciPy 2 removes the module from which BasicSR imports convolve, and SciPy 1 warns of that."""
    name = "scipy.ndimage.filters"
    module = ModuleType(name)
    for function in ndimage.__all__:  # and not BasicSR's alone: others may import the module, too
        setattr(module, function, getattr(ndimage, function))
    sys.modules[name] = module


class OptionLoader(yaml.SafeLoader):
    """YAML without the tags that construct Python objects, so that no option file runs code, and
    with a mapping in each section and a name that is text, as BasicSR takes for granted. Mappings
    are OptionSections, and have each name once."""

    def get_single_data(self) -> OptionSection:
        """The options. Raises ValueError for a file or section that is no mapping and for a name
        that is no text."""
        options = super().get_single_data()
        if not isinstance(options, OptionSection):
            raise ValueError(f"{self.name} is empty or no list of options with their values")
        parts = {name: options[name] for name in SECTIONS if name in options}
        if isinstance(parts.get("datasets"), dict):
            parts |= {f"datasets.{name}": value for name, value in parts["datasets"].items()}
        for name, value in parts.items():
            if not isinstance(value, dict):
                raise ValueError(f"{self.name}: {name} needs options of its own, not {value!r}")
        if not isinstance(options.get("name", ""), str):
            raise ValueError(f"{self.name}: name {options['name']} is no text; put it in quotes")
        return options


def _read_section(loader: OptionLoader, node: yaml.MappingNode) -> OptionSection:
    """A mapping. Raises ValueError for a name that is there twice, of which one would be lost."""
    pairs = loader.construct_pairs(node, deep=True)
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{loader.name} has the option {name!r} twice in one place")
    return OptionSection(pairs)


OptionLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _read_section)


def read_options_safely() -> None:
    """BasicSR reads option files with PyYAML's CLoader, which calls what a file names."""
    from basicsr.utils import options

    dumper = options.ordered_yaml()[1]
    options.ordered_yaml = lambda: (OptionLoader, dumper)


def read_forced_options_safely() -> None:
    """`--force_yml` runs lists as Python, and takes -1 and 1e-3 for text."""
    from basicsr.utils import options

    original = options._postprocess_yml_value

    def read_value(text: str) -> Any:
        if text.startswith("["):
            try:
                return ast.literal_eval(text)
            except (ValueError, SyntaxError):
                return yaml.safe_load(text)  # words without quotes
        value = original(text)
        if isinstance(value, str):
            for number in (int, float):
                with suppress(ValueError):
                    return number(value)
        return value

    options._postprocess_yml_value = read_value


def check_forced_options() -> None:
    """Random numbers are seeded before `--force_yml manual_seed=N` is read, and values that do not
    fit end in errors of many kinds."""
    from basicsr import test, train
    from basicsr.utils import options, set_random_seed

    original = options.parse_options

    def parse_options(*args: Any, **kwargs: Any) -> tuple[dict[str, Any], Namespace]:
        try:
            opt, arguments = original(*args, **kwargs)
        except (TypeError, SyntaxError) as error:
            raise ValueError(
                f"the option file or --force_yml has a value that does not fit: {error}"
            ) from error
        except ValueError as error:
            if "to unpack" not in str(error):
                raise
            raise ValueError("--force_yml takes NAME=VALUE, with one = in each") from error
        seed, gpus = opt["manual_seed"], opt["num_gpu"]
        if not isinstance(seed, int):
            raise ValueError(f"manual_seed {seed!r} is no whole number; give one, 0 for instance")
        if not isinstance(gpus, int):
            raise ValueError(f"num_gpu {gpus!r} is no whole number; or say auto")
        prefetched = opt["datasets"].get("train", {}).get("prefetch_mode") == "cuda"
        for name, asked in (("num_gpu", gpus > 0), ("datasets.train.prefetch_mode", prefetched)):
            if asked and not torch.cuda.is_available():
                raise ValueError(f"{name} asks for a GPU, and there is none that torch can use")
        set_random_seed(seed + opt["rank"])
        return opt, arguments

    for module in (options, train, test):  # each has a name of its own for it
        module.parse_options = parse_options


def name_missing_launcher() -> None:
    """A run with `--launcher` that its launcher has not started ends in a KeyError."""
    from basicsr.utils import options

    original = options.init_dist

    def init_dist(launcher: str, *args: Any, **kwargs: Any) -> None:
        program, variable = LAUNCHERS[launcher]
        if variable not in os.environ:
            raise ValueError(
                f"--launcher {launcher} is for a run that {program} starts; start it so, or leave "
                "it out"
            )
        original(launcher, *args, **kwargs)

    options.init_dist = init_dist


def init_processes_without_gpu() -> None:
    """`--launcher pytorch` divides by the number of GPUs and asks for nccl."""
    from basicsr.utils import dist_util

    with_gpu = dist_util._init_dist_pytorch

    def init_dist_pytorch(backend: str, **kwargs: Any) -> None:
        if torch.cuda.is_available():
            with_gpu(backend, timeout=PATIENCE, **kwargs)
        else:
            torch.distributed.init_process_group("gloo", timeout=PATIENCE, **kwargs)

    dist_util._init_dist_pytorch = init_dist_pytorch


def wrap_networks_without_gpu() -> None:
    """Data-parallel wrapping asks for the current GPU."""
    from basicsr.models.base_model import BaseModel

    with_gpu = BaseModel.model_to_device

    def model_to_device(self: BaseModel, net: torch.nn.Module) -> torch.nn.Module:
        if not self.opt["dist"] or self.device.type == "cuda":
            return with_gpu(self, net)
        unused = self.opt.get("find_unused_parameters", False)
        return DistributedDataParallel(net, find_unused_parameters=unused)

    BaseModel.model_to_device = model_to_device


def judge_metrics_in_their_direction() -> None:
    """The best NIQE is kept as the highest unless each option file says `better: lower`."""
    from basicsr.models.base_model import BaseModel

    original = BaseModel._initialize_best_metric_results

    def initialize_best_metric_results(self: BaseModel, dataset_name: str) -> None:
        from smfd_plugin.metrics import LOWER_IS_BETTER  # late: metrics import what is mended here

        for options in self.opt["val"]["metrics"].values():
            if options["type"] in LOWER_IS_BETTER:
                options.setdefault("better", "lower")
        original(self, dataset_name)

    BaseModel._initialize_best_metric_results = initialize_best_metric_results


def keep_option_file() -> None:
    """The option file is copied into the folder of its run, and fails where it lies there already,
    as the copy of an earlier start does."""
    from basicsr import train

    original = train.copy_opt_file

    def copy_opt_file(opt_file: str, experiments_root: str) -> None:
        if not Path(opt_file).is_file():  # it lay in the run that has just been moved away
            raise ValueError(f"{opt_file} lies in its run: --auto_resume, or copy it elsewhere")
        if Path(opt_file).parent.resolve() != Path(experiments_root).resolve():
            original(opt_file, experiments_root)

    train.copy_opt_file = copy_opt_file


def raise_errors_of_prefetching() -> None:
    """With `prefetch_mode: cpu` an error ends the thread that loads, and training waits for it for
    ever."""
    from basicsr.data.prefetch_dataloader import PrefetchGenerator

    load, following = PrefetchGenerator.run, PrefetchGenerator.__next__

    def run(self: PrefetchGenerator) -> None:
        try:
            load(self)
        except Exception as error:
            self.queue.put(error)

    def __next__(self: PrefetchGenerator) -> Any:
        item = following(self)
        if isinstance(item, Exception):
            raise item
        return item

    PrefetchGenerator.run, PrefetchGenerator.__next__ = run, __next__


def put_back_after_failed_start() -> None:
    """An earlier run of the same name is moved away before the option file is checked."""
    from basicsr import train
    from basicsr.utils import misc

    pipeline, rename, logger = train.train_pipeline, misc.mkdir_and_rename, train.MessageLogger
    moved: dict[Path, Path] = {}

    def mkdir_and_rename(path: str) -> None:
        folder = Path(path)
        others = set(folder.parent.glob(f"{glob.escape(folder.name)}_archived_*"))
        rename(path)
        kept = set(folder.parent.glob(f"{glob.escape(folder.name)}_archived_*")) - others
        if kept:
            moved[folder] = kept.pop()

    def train_pipeline(root_path: str) -> None:
        moved.clear()
        try:
            pipeline(root_path)
        except BaseException:
            for folder, kept in moved.items():
                shutil.rmtree(folder)
                kept.rename(folder)
            raise

    def message_logger(*args: Any) -> Any:  # made right before the first step
        moved.clear()
        return logger(*args)

    misc.mkdir_and_rename = train.mkdir_and_rename = mkdir_and_rename
    train.train_pipeline, train.MessageLogger = train_pipeline, message_logger


def resume_from_readable_state() -> None:
    """Resuming asks for the current GPU, takes the state of another run beside this run's networks,
    and with `--auto_resume` trusts the newest file, which a kill may have left half written."""
    from basicsr import train

    def load_resume_state(opt: dict[str, Any]) -> Mapping[str, Any] | None:
        state = _auto_resumed(opt) if opt["auto_resume"] else None
        if not opt["path"].get("resume_state"):
            return None
        path = Path(opt["path"]["resume_state"])
        state = state or read(path)  # to the CPU: optimizers move it to where their parameters are
        if not state.keys() >= STATE:
            raise ValueError(f"{path} is no training state: name a file of training_states/")
        if not path.resolve().is_relative_to(Path(opt["path"]["training_states"]).resolve()):
            raise ValueError(
                f"{path} is of another run than {opt['name']}, whose own networks would go on with "
                "it; give the option file that run's name"
            )
        others = {
            name: value
            for name, value in opt["path"].items()
            if name.startswith("param_key_") and name.replace("param_key", "network") not in opt
        }
        train.check_resume(opt, state["iter"])  # takes all files for ones that training has saved
        opt["path"].update(others)
        return state

    train.load_resume_state = load_resume_state


def plan_epochs_by_batches() -> None:
    """BasicSR plans epochs as if each had its last, incomplete batch, which the loader drops; and
    resumes with the number of an epoch, though epochs may have another length by then. Either ends
    a training before its last step."""
    from basicsr import train

    original = train.create_train_val_dataloader

    def create_train_val_dataloader(opt: dict[str, Any], logger: logging.Logger) -> tuple[Any, ...]:
        loader, sampler, val_loaders, _, steps = original(opt, logger)
        if not len(loader):
            raise ValueError(
                "datasets.train has too few pictures for one batch in each process; lower "
                "batch_size_per_gpu or raise dataset_enlarge_ratio"
            )
        path = opt["path"].get("resume_state")
        done = read(Path(path)) if path else {"epoch": 0, "iter": 0}
        epochs = done["epoch"] + math.ceil((steps - done["iter"]) / len(loader))
        return loader, sampler, val_loaders, epochs, steps

    train.create_train_val_dataloader = create_train_val_dataloader


def _auto_resumed(opt: dict[str, Any]) -> Mapping[str, Any] | None:
    """The newest training state that can be read, with all of its networks, and its path put into
    the options; None: there are no states yet."""
    folder = Path(opt["path"]["training_states"])
    files = [path for path in folder.glob("*.state") if path.stem.isdecimal()]
    for path in sorted(files, key=lambda path: int(path.stem), reverse=True):
        if (state := _readable(path, opt)) is not None:
            opt["path"]["resume_state"] = str(path)
            return state
    if files:
        raise ValueError(
            f"none of the training states in {folder} can be read; leave --auto_resume out to "
            "start anew"
        )
    opt["path"]["resume_state"] = None
    return None


def _readable(state: Path, opt: dict[str, Any]) -> Mapping[str, Any] | None:
    """A training state, if it and the networks saved with it can be read."""
    not_saved = opt["path"].get("ignore_resume_networks") or ()
    networks = [
        key.removeprefix("network_")
        for key in opt
        if key.startswith("network_") and key not in not_saved
    ]
    models = Path(opt["path"]["models"])
    files = [state, *(models / f"net_{name}_{state.stem}.pth" for name in networks)]
    contents = []
    for path in files:
        try:
            contents.append(read(path))
        except (OSError, ValueError) as error:
            logging.getLogger("basicsr").warning(f"Not resuming from {state}: {path}: {error}")
            return None
    return contents[0]
