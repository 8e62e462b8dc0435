"""DifFace (arXiv 2212.06512): training its diffusion model, and restoring faces with it."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from basicsr.archs import build_network
from basicsr.utils.registry import MODEL_REGISTRY
from torch import Tensor, nn

from smfd_plugin.common.option_names import check_names
from smfd_plugin.diffusion import DifFace, linear_schedule, predict, variational_bound
from smfd_plugin.models.restoration_model import RestorationModel
from smfd_plugin.models.run_options import RUN_OPTIONS


@MODEL_REGISTRY.register()
class DifFaceModel(RestorationModel):
    """Trains `network_g`, a DiffusionUNet, on the sharp faces `gt` of a data set; validation and
    testing restore the degraded faces `lq` with it.

    Options:
        estimator: the diffused estimator, a network's type and hyper-parameters; absent: none, the
            degraded face itself is diffused. `path.pretrain_network_estimator` is the file of its
            weights, `path.param_key_estimator` their key in it (params).
        sampling: `steps`, how many of the 1,000 are kept; `start`, N, counted in those; `eta`,
            DDIM's, ~ for ancestral steps; `seed` of the noise, the same for every face (0).

    Options under `train`, those of RestorationModel without the losses of an image:
        pixel_opt: the simple loss, of the predicted and the true noise: MSELoss (DDPM, arXiv
            2006.11239, equation 14).
        variational_weight: lambda, the factor of the variational bound, which trains the variance
            (improved DDPM, arXiv 2102.09672, equation 16).

    Raises:
        ValueError: `sampling` that the schedule cannot do.
    """

    known_options = (*RestorationModel.known_options, "estimator", "sampling")

    known_train_options = (*RUN_OPTIONS, "pixel_opt", "variational_weight")

    def __init__(self, opt: Mapping[str, Any]) -> None:
        self.schedule = linear_schedule()
        super().__init__(opt)
        options = opt["sampling"]
        check_names("sampling", options, ("steps", "start", "eta", "seed"))
        net = self.network_to_test()
        self.difface = DifFace(
            self._build_estimator(),
            net,
            self.schedule.respaced(options["steps"]),
            options["start"],
            net.image_size,
            options["eta"],
        )

    def _build_estimator(self) -> nn.Module:
        if self.opt.get("estimator") is None:
            return nn.Identity()
        estimator = build_network(self.opt["estimator"]).to(self.device)
        options = self.opt["path"]
        key = options.get("param_key_estimator", "params")
        self.load_network(estimator, options["pretrain_network_estimator"], param_key=key)
        return estimator.eval()

    def _losses(self, current_iter: int) -> Iterator[tuple[str, Tensor]]:
        """L_simple and lambda L_vlb at a random step for each face (improved DDPM, equation 16)."""
        x_0 = 2 * self.gt - 1
        t = torch.randint(1, self.schedule.steps + 1, (len(x_0),))
        noise = torch.randn_like(x_0)
        x_t = self.schedule.diffuse(x_0, t, noise)
        with self._autocast():
            prediction = predict(self.net_g, x_t, t, self.schedule)
        yield "l_simple", self.cri_pix(prediction.noise, noise)
        # The bound is a sum over all steps, of which a random one is drawn.
        bound = self.schedule.steps * variational_bound(prediction, x_0, x_t, t, self.schedule)
        yield "l_variational", self.opt["train"]["variational_weight"] * bound.mean()

    def _restored_by(self, net: nn.Module) -> Tensor:
        """By all of DifFace, of which the network is a part."""
        seed = self.opt["sampling"].get("seed", 0)
        return self.difface(self.lq, [seed] * len(self.lq))
