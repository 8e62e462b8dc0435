"""What every loss of two pictures needs."""

from torch import Tensor


def check_same_shape(image: Tensor, gt: Tensor) -> None:
    """Raises ValueError for pictures of two shapes, which arithmetic would stretch to one."""
    if image.shape != gt.shape:
        raise ValueError(
            f"losses compare pictures of one shape, not {tuple(image.shape)} and {tuple(gt.shape)}"
        )
