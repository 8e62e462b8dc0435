from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods import Context, build_method
from smfd_plugin.benchmark.methods.classics import extend
from smfd_plugin.data.scenario import Scenario

SHAKE = Scenario("shake", 15, 30.0, 3, 1.0, 1.0, 1.0, 0.0, 0, "noise-jpeg")
"""Its kernel is not symmetric, so that it tells convolution from correlation."""


class Mirrored:
    light = "encoded"

    def kernel(self) -> np.ndarray:
        return SHAKE.kernel()[::-1, ::-1]


@pytest.fixture
def context(tmp_path):
    return Context(torch.device("cpu"), tmp_path)


@pytest.fixture
def sample(astronaut):
    sharp = cv2.resize(astronaut[0:240, 120:360], (96, 96), interpolation=cv2.INTER_AREA)
    return Sample(SHAKE.apply(sharp), sharp, scenario=SHAKE)


def test_input_is_the_blurry_face(context, sample):
    assert (build_method({"type": "input"}, context).restore(sample) == sample.lq).all()


@pytest.mark.parametrize(
    "options", [{"type": "wiener", "balance": 0.01}, {"type": "richardson_lucy"}]
)
def test_deconvolution_with_the_true_kernel_gains(context, sample, options):
    method = build_method(options, context)
    restored = method.restore(sample)
    assert restored.dtype == np.uint8
    before = cv2.PSNR(sample.lq, sample.gt)
    assert cv2.PSNR(restored, sample.gt) > before + 5
    wrong = method.restore(replace(sample, scenario=Mirrored()))
    assert cv2.PSNR(wrong, sample.gt) < before + 1
    assert (build_method(options, context).restore(sample) == restored).all()


@pytest.mark.parametrize("kind", ["wiener", "richardson_lucy"])
def test_deconvolution_stands_noise_and_jpeg(context, astronaut, kind):
    blur = Scenario("line", 21, 30.0, 3, 1.0, 1.0, 1.0, 2.0, 90, "noise-jpeg")
    sharp = cv2.resize(astronaut[0:240, 120:360], (192, 192), interpolation=cv2.INTER_AREA)
    sample = Sample(blur.apply(sharp), sharp, scenario=blur)
    restored = build_method({"type": kind}, context).restore(sample)
    assert cv2.PSNR(restored, sharp) > cv2.PSNR(sample.lq, sharp) + 1


@pytest.mark.parametrize("kind", ["wiener", "richardson_lucy"])
def test_what_was_blurred_in_light_is_deconvolved_in_light(context, sample, kind):
    blur = replace(SHAKE, light="linear")
    lq = blur.apply(sample.gt)
    method = build_method({"type": kind}, context)
    as_light, as_values = (
        cv2.PSNR(method.restore(Sample(lq, sample.gt, scenario=known)), sample.gt)
        for known in (blur, SHAKE)
    )
    assert as_light > as_values + 0.3


def test_more_iterations_sharpen_more(context, sample):
    few, many = (
        build_method({"type": "richardson_lucy", "iterations": n}, context).restore(sample)
        for n in (2, 30)
    )
    assert cv2.Laplacian(many, cv2.CV_64F).std() > cv2.Laplacian(few, cv2.CV_64F).std()


def test_without_a_known_kernel_it_says_so(context, sample):
    with pytest.raises(ValueError, match="true kernel"):
        build_method({"type": "wiener"}, context).restore(Sample(sample.lq))


def test_the_margin_leaves_the_picture_alone_and_wraps_around():
    rng = np.random.default_rng(0)
    image = rng.random((20, 24, 3))
    kernel = np.full((5, 5), 1 / 25)
    extended = extend(image, kernel, 10)
    assert extended.shape == (40, 44, 3)
    assert extended[10:-10, 10:-10] == pytest.approx(image)
    seam = np.abs(extended[0] - extended[-1]).mean()
    assert seam < np.abs(image[0] - image[-1]).mean() / 2
