import cv2
import numpy as np
import pytest
import torch
from skimage import data

from smfd_plugin.archs.deconvolution import (
    KERNEL_SIZE,
    REGULARISATIONS,
    Deconvolution,
    KernelEstimator,
    deconvolve,
    differences,
    extent,
    kernel_estimates,
)
from smfd_plugin.data.kernels import fit_kernel, gaussian_kernel, line_kernel, shake_kernel
from smfd_plugin.losses import KernelLoss


@pytest.fixture(scope="module")
def face() -> torch.Tensor:
    """(1, 1, 192, 160) float32 grey portrait in [0, 1]."""
    grey = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)[20:212, 140:300]
    return torch.from_numpy(grey.astype(np.float32) / 255)[None, None]


def blur(image: torch.Tensor, kernel: np.ndarray) -> torch.Tensor:
    """The picture convolved with the kernel, as BlurSpace does it."""
    flipped = cv2.flip(kernel, -1)
    return torch.from_numpy(cv2.filter2D(image[0, 0].numpy(), -1, flipped))[None, None]


def as_tensor(kernel: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(fit_kernel(kernel, KERNEL_SIZE))[None]


KERNELS = [line_kernel(15, 30), shake_kernel(21, 70, 5)]


def test_differences_by_hand():
    image = torch.tensor([[[[1.0, 3.0], [4.0, 9.0]]]])
    expected = torch.tensor([[[[2.0, 0.0], [5.0, 0.0]], [[3.0, 6.0], [0.0, 0.0]]]])
    assert torch.equal(differences(image), expected)


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_estimates_of_the_true_edges_are_near_the_kernel(face, kernel):
    estimates = kernel_estimates(differences(blur(face, kernel)), differences(face))[0]
    assert estimates.shape == (len(REGULARISATIONS) + 1, KERNEL_SIZE, KERNEL_SIZE)
    torch.testing.assert_close(estimates.amax((1, 2)), torch.ones(len(estimates)))
    true = as_tensor(kernel).flatten()
    cosines = [torch.cosine_similarity(estimate.flatten(), true, 0) for estimate in estimates]
    assert min(cosines[:2]) > 0.9
    autocorrelation = estimates[-1]
    torch.testing.assert_close(autocorrelation, autocorrelation.flip(0, 1), atol=1e-4, rtol=0)


def test_kernel_estimates_of_nothing_are_nothing():
    edges = torch.zeros(1, 2, 40, 56)
    assert not kernel_estimates(edges, edges).any()


@pytest.mark.parametrize("kernel", KERNELS)
def test_deconvolution_undoes_the_blur(face, kernel):
    blurry = blur(face, kernel)
    sharp = deconvolve(blurry, as_tensor(kernel), torch.tensor([0.05, 0.5]))
    assert sharp.shape == (1, 2, *face.shape[2:])
    inside = np.s_[..., 32:-32, 32:-32]
    before, little, much = (
        (image[inside] - face[inside]).square().mean()
        for image in (blurry, sharp[:, :1], sharp[:, 1:])
    )
    assert little < 0.35 * before
    assert little < much < 0.6 * before


def test_strengths_come_first_and_colours_next():
    image = torch.rand(2, 3, 33, 50)
    kernel = as_tensor(line_kernel(9, 0)).repeat(2, 1, 1)
    both = deconvolve(image, kernel, torch.tensor([0.01, 0.5]))
    one = deconvolve(image[:, 1:2], kernel, torch.tensor([0.5]))
    torch.testing.assert_close(both[:, 4:5], one)


def test_without_blur_and_restraint_nothing_changes():
    image = torch.rand(1, 3, 40, 44)
    identity = as_tensor(np.ones((1, 1), np.float32))
    torch.testing.assert_close(
        deconvolve(image, identity, torch.tensor([0.0])), image, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("size", [(32, 32), (36, 52), (100, 64)])
def test_a_kernel_is_a_distribution_for_any_size(size):
    torch.manual_seed(0)
    blurry, sharp = torch.randn(2, 2, 2, *size)
    log_kernel = KernelEstimator((4, 8))(blurry, sharp)
    assert log_kernel.shape == (2, KERNEL_SIZE, KERNEL_SIZE)
    torch.testing.assert_close(log_kernel.exp().sum((1, 2)), torch.ones(2))


def test_training_finds_a_kernel(face):
    torch.manual_seed(0)
    module = Deconvolution(4, 8, (8, 16))
    lq = blur(face, KERNELS[0]).repeat(1, 3, 1, 1)
    features = torch.randn(1, 4, 48, 40)
    true = as_tensor(KERNELS[0])
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    divergence, losses = KernelLoss(), []
    for _ in range(40):
        loss = divergence(module.estimate(lq, features), true)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_a_new_module_adds_nothing_to_the_features():
    module = Deconvolution(4, 8, (4, 8))
    lq = torch.rand(2, 3, 32, 48)
    kernel = module.estimate(lq, torch.randn(2, 4, 8, 12)).exp()
    added = module(lq, kernel)
    assert added.shape == (2, 8, 16, 24)
    assert not added.any()


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (np.ones((1, 1), np.float32), 0),
        (line_kernel(31, 0), 0.98 * 30),
        (line_kernel(31, 45), 0.98 * 30),
        (gaussian_kernel(5.0, 2.0, 30.0), 2 * 2.33 * 5),
        (gaussian_kernel(3.0, 3.0), 2 * 2.33 * 3),
    ],
)
@pytest.mark.parametrize("shift", [(0, 0), (4, -2)])
def test_extent_by_hand(kernel, expected, shift):
    fitted = torch.from_numpy(fit_kernel(kernel, KERNEL_SIZE)).roll(shift, (0, 1))
    pair = torch.stack((fitted, fitted.T)).log()
    torch.testing.assert_close(extent(pair), torch.full((2,), float(expected)), atol=0.8, rtol=0)
