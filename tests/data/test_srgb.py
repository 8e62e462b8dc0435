import numpy as np
import torch

from smfd_plugin.data.srgb import from_linear, to_linear

ENCODED = np.linspace(0, 1, 256, dtype=np.float32)


def test_values_of_the_standard():
    """Both branches and where they meet, sRGB (IEC 61966-2-1)."""
    light = to_linear(np.array([0.0, 0.04, 0.04045, 0.5, 1.0]))
    np.testing.assert_allclose(light, [0, 0.00309598, 0.00313080, 0.21404114, 1], atol=1e-7)


def test_there_and_back():
    np.testing.assert_allclose(from_linear(to_linear(ENCODED)), ENCODED, atol=1e-6)


def test_tensors_give_what_arrays_give():
    for convert in (to_linear, from_linear):
        np.testing.assert_allclose(convert(torch.from_numpy(ENCODED)), convert(ENCODED), atol=1e-6)
