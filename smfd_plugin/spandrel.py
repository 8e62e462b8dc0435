"""SMFD-UNet for spandrel, and so for the tools built on it.

`import smfd_plugin.spandrel` adds the architecture to spandrel's MAIN_REGISTRY; it is then detected
from the weights alone.
"""

from spandrel import (
    MAIN_REGISTRY,
    Architecture,
    ArchSupport,
    ImageModelDescriptor,
    SizeRequirements,
    StateDict,
)
from spandrel.util import KeyCondition, get_seq_len

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.archs.smfd_unet_arch import MIN_SIDE


class SMFDUNetArch(Architecture[SMFDUNet]):
    """Recognises and builds SMFDUNet by spandrel's rules."""

    def __init__(self) -> None:
        super().__init__(
            id="SMFDUNet",
            name="SMFD-UNet",
            detect=KeyCondition.has_all(
                "mask_generator.stem.weight",
                "encoder.0.0.fuse.weight",
                "encoder.0.0.attention.spatial.weight",
                "encoder_fusion.0.scale_shift.weight",
                "decoder_fusion.0.scale_shift.weight",
                "tail.weight",
            ),
        )

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[SMFDUNet]:
        """Builds the network; its hyper-parameters are read off the shapes of the weights, but for
        `guided_stages`, which has none: all are guided, as in the shipped weights."""
        stages = range(get_seq_len(state_dict, "encoder"))
        net = SMFDUNet(
            num_classes=state_dict["encoder_fusion.0.shared.0.weight"].shape[1],
            widths=[state_dict[f"encoder.{i}.0.fuse.weight"].shape[0] for i in stages],
            growths=[state_dict[f"encoder.{i}.0.dense.0.0.weight"].shape[0] for i in stages],
            encoder_blocks=[get_seq_len(state_dict, f"encoder.{i}") for i in stages],
            decoder_blocks=[get_seq_len(state_dict, f"decoder.{i}") for i in stages[:-1]],
            mask_widths=[
                state_dict[f"mask_generator.encoder.{i}.fuse.weight"].shape[0]
                for i in range(get_seq_len(state_dict, "mask_generator.encoder"))
            ],
            kernel_widths=[
                state_dict[f"deconvolution.estimator.encoder.{i}.0.weight"].shape[0]
                for i in range(get_seq_len(state_dict, "deconvolution.estimator.encoder"))
            ],
        )
        return ImageModelDescriptor(
            net,
            state_dict,
            architecture=self,
            purpose="Restoration",
            tags=["deblurring", "face"],
            supports_half=True,
            supports_bfloat16=True,
            scale=1,
            input_channels=3,
            output_channels=3,
            size_requirements=SizeRequirements(minimum=MIN_SIDE),
        )


MAIN_REGISTRY.add(ArchSupport.from_architecture(SMFDUNetArch()), ignore_duplicates=True)
