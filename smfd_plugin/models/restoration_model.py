"""Training that survives: any precision, steps that fail, a kill at any time."""

import textwrap
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from basicsr.losses import build_loss
from basicsr.models.sr_model import SRModel
from basicsr.utils import get_root_logger
from basicsr.utils.dist_util import master_only
from basicsr.utils.registry import MODEL_REGISTRY
from torch import Tensor, nn
from torchvision.transforms.functional import center_crop

from smfd_plugin.common.extras import extra
from smfd_plugin.common.option_section import plain
from smfd_plugin.common.torch_files import WeightsError, pick_state, read, write
from smfd_plugin.data.blur_batch import degrade_inside
from smfd_plugin.models.run_options import OPTIONS, RUN_OPTIONS, read_run_options
from smfd_plugin.weights.files import find

AMP_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
MAX_BAD_STEPS = 10


class TrainingDivergedError(RuntimeError):
    """The loss was not finite for MAX_BAD_STEPS steps in a row."""


@MODEL_REGISTRY.register()
class RestorationModel(SRModel):
    """BasicSR's SRModel for any network from a degraded image to a restored one, DifFace's
    estimators (arXiv 2212.06512) for instance, and the base of our other models.

    Of a FaceBlurDataset with `degrade_on_device` it makes the degraded images itself.

    Options under `train`, beside SRModel's own:
        frequency_opt: loss on spectra, optional.
        ssim_opt: loss on structure, optional.
        perceptual_opt: loss on features, optional: FeatureLoss or BasicSR's PerceptualLoss.
        grad_clip: largest norm of the gradient.
        amp: `bf16` or `fp16` autocast; absent: float32.
        channels_last: memory format, faster on most devices.
        compile: run the network through torch.compile.
        trainable: names of the modules that are trained, `decoder.0` for instance; absent: all.

    Raises:
        ValueError: an option that there is not, or one that does not fit.
    """

    known_options = OPTIONS
    """Names of what is read at the top of an option file."""

    known_train_options = (*RUN_OPTIONS, "pixel_opt", "frequency_opt", "ssim_opt", "perceptual_opt")
    """Names of what is read under `train`."""

    def __init__(self, opt: dict[str, Any]) -> None:
        options = read_run_options(opt, self.known_options, self.known_train_options)
        self.not_in_file: set[str] = set()
        self.validated: dict[str, int] = {}
        super().__init__(opt | {"train": options})
        if options.get("compile"):
            self.net_g.compile()

    def model_to_device(self, net: nn.Module) -> nn.Module:
        """Sets memory format and what is trained first: a data-parallel wrapper reads both."""
        options = self.opt["train"]
        if options.get("channels_last"):
            net = net.to(memory_format=torch.channels_last)
        if "trainable" in options:
            _freeze_all_but(net, options["trainable"])
        return super().model_to_device(net)

    def load_network(
        self, net: nn.Module, load_path: str, strict: bool = True, param_key: str = "params"
    ) -> None:
        """BasicSR's loading, which also takes the names of shipped weights, and files with the
        weights at the top or under `state_dict`, as DifFace's own. A file without averaged weights
        (`params_ema`) gives its only ones.

        Raises:
            WeightsError: no such file, or one that is broken, holds code or does not fit, or has
                weights but not under `param_key`.
        """
        path = find(load_path)
        others = ("params", "state_dict") if param_key in ("params", "params_ema") else ()
        state = pick_state(read(path), (param_key, *others), path)
        state = {name.removeprefix("module."): value for name, value in state.items()}
        bare = self.get_bare_model(net)
        get_root_logger().info(f"Loading weights of {type(bare).__name__} from {path}")
        self._print_different_keys_loading(bare, state, strict)
        self.not_in_file = set(bare.state_dict()) - set(state)
        try:
            bare.load_state_dict(state, strict=strict)
        except RuntimeError as error:
            reason = textwrap.shorten(str(error).partition("\n")[2], 200)
            raise WeightsError(f"{path} does not fit {type(bare).__name__}: {reason}") from error

    def init_training_settings(self) -> None:
        options = self.opt["train"]
        amp = options.get("amp")
        if amp is not None and amp not in AMP_DTYPES:
            raise ValueError(f"train.amp is {amp!r}; it can be {', '.join(AMP_DTYPES)} or absent")
        if amp and isinstance(self.net_g, nn.DataParallel):  # its threads forget the type
            raise ValueError(
                "train.amp on several GPUs needs a process for each: torchrun --nproc_per_node=2 "
                "$(which basicsr) train ... --launcher pytorch; or take one: num_gpu=1"
            )
        self._check_losses()
        periods = options["scheduler"].get("periods")
        if periods and sum(periods) < options["total_iter"]:
            raise ValueError("train.scheduler.periods end before train.total_iter")
        self.amp_dtype = AMP_DTYPES.get(amp)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=amp == "fp16")
        self.cri_frequency = self._optional_loss("frequency_opt")
        self.cri_ssim = self._optional_loss("ssim_opt")
        self.bad_steps = 0
        super().init_training_settings()
        if self.ema_decay > 0:
            averaged, network = self.net_g_ema, self.get_bare_model(self.net_g)
            for name in self.not_in_file:  # drawn at random, for each of both anew
                averaged.state_dict()[name].copy_(network.state_dict()[name])

    def _check_losses(self) -> None:
        """SRModel needs one of two losses, where this model knows both."""
        needed, added = (
            [name for name in names if name in self.known_train_options]
            for names in (("pixel_opt", "perceptual_opt"), ("frequency_opt", "ssim_opt"))
        )
        if not any(self.opt["train"].get(name) for name in needed):
            rest = f"; {' and '.join(added)} only add to it" if added else ""
            raise ValueError(f"train needs {' or '.join(needed)}{rest}")

    def _optional_loss(self, name: str) -> nn.Module | None:
        options = self.opt["train"].get(name)
        return build_loss(options).to(self.device) if options else None

    def get_optimizer(
        self, optim_type: str, params: list[nn.Parameter], lr: float, **kwargs: Any
    ) -> torch.optim.Optimizer:
        """An optimizer of torch.optim or, as `timm.Muon`, of timm; BasicSR has only Adam."""
        library, _, name = optim_type.rpartition(".")
        if library not in ("", "timm"):
            raise ValueError(f"train.optim_g.type {optim_type!r}: no library {library!r} is known")
        with extra("train"):
            optimizers = import_module("timm.optim") if library else torch.optim
        if not hasattr(optimizers, name):
            raise ValueError(f"train.optim_g.type {optim_type!r} is not in {optimizers.__name__}")
        return getattr(optimizers, name)(params, lr=lr, **kwargs)

    def feed_data(self, data: Mapping[str, Any]) -> None:
        vars(self).pop("gt", None)  # the last batch's, which SRModel keeps where this one has none
        if "surroundings" not in data:
            super().feed_data(data)
            return
        surroundings = data["surroundings"].to(self.device).float() / 255
        size = list(data["mask"].shape[-2:])
        top, left = torch.randint(16, (2,)).tolist()
        self.lq = degrade_inside(surroundings, data["degradation"], size, grid=(top, left))
        self.gt = center_crop(surroundings, size)

    def optimize_parameters(self, current_iter: int) -> None:
        """One step; skipped, with a warning, where loss or gradient is not finite.

        Raises:
            TrainingDivergedError: MAX_BAD_STEPS such steps in a row.
        """
        self.optimizer_g.zero_grad(set_to_none=True)
        losses = OrderedDict(self._losses(current_iter))
        total = sum(losses.values())
        if self._finite_everywhere(total):
            self.scaler.scale(total).backward()
            self.scaler.unscale_(self.optimizer_g)
            norm = nn.utils.clip_grad_norm_(
                self.net_g.parameters(), self.opt["train"].get("grad_clip", float("inf"))
            )
            self._step(norm, current_iter)
        else:
            self._count_bad_step("loss", current_iter)
        self.log_dict = self.reduce_loss_dict(losses)

    def _losses(self, current_iter: int) -> Iterator[tuple[str, Tensor]]:
        """Name and value of each part of the loss."""
        with self._autocast():
            self.output = self.net_g(self.lq)
        yield from self._image_losses(self.output.float())

    def _image_losses(
        self, output: Tensor, weight: Tensor | None = None
    ) -> Iterator[tuple[str, Tensor]]:
        """The losses of a restored image; `weight` of its shape belongs to the pixel loss, which
        need not take any if there is none."""
        if self.cri_pix:
            weighted = {} if weight is None else {"weight": weight}
            yield "l_pix", self.cri_pix(output, self.gt, **weighted)
        if self.cri_frequency:
            yield "l_frequency", self.cri_frequency(output, self.gt)
        if self.cri_ssim:
            yield "l_ssim", self.cri_ssim(output, self.gt)
        if self.cri_perceptual:
            with self._autocast():
                perceptual, style = self.cri_perceptual(output, self.gt)
            if perceptual is not None:
                yield "l_perceptual", perceptual
            if style is not None:
                yield "l_style", style

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.amp_dtype, enabled=self.amp_dtype is not None)

    def update_learning_rate(self, current_iter: int, warmup_iter: int | None = -1) -> None:
        # MultiStepLR goes on from the last rate, which must be its own, not the warm-up's.
        for scheduler in self.schedulers:
            groups = scheduler.optimizer.param_groups
            for group, lr in zip(groups, scheduler.get_last_lr(), strict=True):
                group["lr"] = lr
        super().update_learning_rate(current_iter, -1 if warmup_iter is None else warmup_iter)

    def network_to_test(self) -> nn.Module:
        """The averaged weights, if there are any; without a data-parallel wrapper, which would wait
        for processes that do not validate."""
        averaged = getattr(self, "net_g_ema", None)
        return self.get_bare_model(self.net_g) if averaged is None else averaged

    def test(self) -> None:
        """Restores the batch in float32."""
        net = self.network_to_test()
        training = net.training
        net.eval()
        with torch.no_grad():
            self.output = self._restored_by(net)
        net.train(training)

    def _restored_by(self, net: nn.Module) -> Tensor:
        return net(self.lq)

    def validation(
        self, dataloader: Any, current_iter: int, tb_logger: Any, save_img: bool = False
    ) -> None:
        """SRModel's validation, once for each step: BasicSR validates at the end what it may have
        validated before, at a step that it has counted on to."""
        if self.is_train:
            current_iter = min(current_iter, int(self.opt["train"]["total_iter"]))
            name = dataloader.dataset.opt["name"]
            if self.validated.get(name) == current_iter:
                return
            self.validated[name] = current_iter
        super().validation(dataloader, current_iter, tb_logger, save_img)

    def nondist_validation(
        self, dataloader: Any, current_iter: int, tb_logger: Any, save_img: bool
    ) -> None:
        """SRModel's validation.

        Raises:
            ValueError: a metric compares with sharp pictures, and the data set has none.
        """
        try:
            super().nondist_validation(dataloader, current_iter, tb_logger, save_img)
        except TypeError as error:
            if "required positional argument: 'img2'" not in str(error):
                raise
            name = dataloader.dataset.opt["name"]
            raise ValueError(
                f"val.metrics compare with sharp pictures, of which the data set {name} has none: "
                "take one with both, or only metrics that look at one picture, as calculate_niqe"
            ) from error

    def _finite_everywhere(self, loss: Tensor) -> bool:
        """Whether the loss is finite in every process, so that all skip a step together."""
        finite = torch.isfinite(loss.detach()).float()
        if self.opt["dist"]:
            torch.distributed.all_reduce(finite, torch.distributed.ReduceOp.MIN)
        return bool(finite)

    def _step(self, norm: Tensor, current_iter: int) -> None:
        """GradScaler skips a non-finite step by itself; without it, it must be done here."""
        if torch.isfinite(norm) or self.scaler.is_enabled():
            self.scaler.step(self.optimizer_g)
            self.scaler.update()
        if not torch.isfinite(norm):
            self._count_bad_step("gradient", current_iter)
            return
        self.bad_steps = 0
        if self.ema_decay > 0:
            self.model_ema(decay=self.ema_decay)

    def _count_bad_step(self, what: str, current_iter: int) -> None:
        self.bad_steps += 1
        get_root_logger().warning(f"Iter {current_iter}: {what} is not finite, step skipped.")
        if self.bad_steps >= MAX_BAD_STEPS:
            raise TrainingDivergedError(
                f"{what} not finite for {MAX_BAD_STEPS} steps up to {current_iter}; the last "
                "checkpoint is kept. Lower the learning rate, or leave train.amp out."
            )

    def model_ema(self, decay: float = 0.999) -> None:
        """Averages the weights; buffers, BatchNorm's statistics for one, are averages already."""
        super().model_ema(decay)
        buffers = self.get_bare_model(self.net_g).buffers()
        for averaged, buffer in zip(self.net_g_ema.buffers(), buffers, strict=True):
            averaged.copy_(buffer)

    @master_only
    def save_network(
        self,
        net: nn.Module | list[nn.Module],
        net_label: str,
        current_iter: int,
        param_key: str | list[str] = "params",
    ) -> None:
        """BasicSR's file with the network's hyper-parameters added, written whole or not at all."""
        nets = net if isinstance(net, list) else [net]
        keys = param_key if isinstance(param_key, list) else [param_key]
        state: dict[str, Any] = {
            key: {
                name: value.cpu() for name, value in self.get_bare_model(each).state_dict().items()
            }
            for each, key in zip(nets, keys, strict=True)
        }
        state["network"] = plain(self.opt["network_g"])
        step = "latest" if current_iter == -1 else current_iter
        write(Path(self.opt["path"]["models"]) / f"{net_label}_{step}.pth", state)

    def resume_training(self, resume_state: Mapping[str, Any]) -> None:
        """Goes on from a saved state, with random numbers that were not drawn before it was saved:
        the same faces come in the same order, but cut and blurred in other ways. Learning rate and
        schedule are those of the option file, which may have changed."""
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        kept = [{name: group[name] for name in group if name != "params"} for group in groups]
        plans = [scheduler.state_dict() for scheduler in self.schedulers]
        super().resume_training({**resume_state, "schedulers": plans})
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        for group, options in zip(groups, kept, strict=True):
            group.update(options)
        self._replay_schedules(min(resume_state["iter"], int(self.opt["train"]["total_iter"])))
        if resume_state.get("scaler"):  # that of a run without fp16 is empty, an old file has none
            self.scaler.load_state_dict(resume_state["scaler"])
        torch.manual_seed(self.opt["manual_seed"] + self.opt["rank"] + resume_state["iter"])

    def _replay_schedules(self, current_iter: int) -> None:
        """Steps fresh schedulers to where they are after `current_iter`: the rate of MultiStepLR
        depends on each step before."""
        with warnings.catch_warnings(action="ignore"):  # PyTorch misses the optimizer's own steps
            for scheduler in self.schedulers:
                for _ in range(1, current_iter):
                    scheduler.step()

    @master_only
    def save_training_state(self, epoch: int, current_iter: int) -> None:
        """BasicSR's file for `--auto_resume`, written whole or not at all."""
        if current_iter == -1:
            return
        state = {
            "epoch": epoch,
            "iter": current_iter,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedulers": [scheduler.state_dict() for scheduler in self.schedulers],
            "scaler": self.scaler.state_dict(),
        }
        write(Path(self.opt["path"]["training_states"]) / f"{current_iter}.state", state)


def _freeze_all_but(net: nn.Module, names: list[str]) -> None:
    if not isinstance(names, list):
        raise ValueError(f"train.trainable {names!r} is no list; [{names}] for instance")
    net.requires_grad_(False)
    for name in names:
        try:
            net.get_submodule(name).requires_grad_(True)
        except AttributeError as error:
            raise ValueError(f"train.trainable: the network has no module {name!r}") from error
