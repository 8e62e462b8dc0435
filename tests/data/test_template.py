import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform

from smfd_plugin.data.template import (
    ARCFACE_TEMPLATE,
    FFHQ_TEMPLATE,
    arcface_landmarks,
    ffhq_landmarks,
    similarity,
)


def known_similarity(scale, angle, shift):
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def moved(matrix):
    """The template, carried by the matrix."""
    return FFHQ_TEMPLATE @ matrix[:, :2].T + matrix[:, 2]


def test_the_template_is_scaled_about_the_corner_of_the_crop():
    np.testing.assert_array_equal(ffhq_landmarks(512), FFHQ_TEMPLATE)
    np.testing.assert_allclose((ffhq_landmarks(1024) + 0.5) / 2, FFHQ_TEMPLATE + 0.5)


def test_arcfaces_narrow_crop_is_the_middle_of_the_square_one_at_any_size():
    np.testing.assert_allclose(arcface_landmarks(112, 112), ARCFACE_TEMPLATE)
    np.testing.assert_allclose(arcface_landmarks(112, 96), ARCFACE_TEMPLATE - [8, 0])
    np.testing.assert_allclose((arcface_landmarks(224, 224) + 0.5) / 2, ARCFACE_TEMPLATE + 0.5)


@given(
    st.floats(0.05, 20),
    st.floats(-np.pi, np.pi),
    st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000)),
)
def test_similarity_finds_the_known_one(scale, angle, shift):
    known = known_similarity(scale, angle, shift)
    found = similarity(FFHQ_TEMPLATE, moved(known))
    np.testing.assert_allclose(found, known, atol=1e-6, rtol=1e-9)


def test_similarity_of_inexact_points_is_the_least_squares_one():
    rng = np.random.default_rng(0)
    for _ in range(20):
        source = FFHQ_TEMPLATE + rng.normal(0, 20, (5, 2))
        theirs = SimilarityTransform.from_estimate(source, FFHQ_TEMPLATE).params[:2]
        np.testing.assert_allclose(similarity(source, FFHQ_TEMPLATE), theirs, atol=1e-8)


def test_similarity_agrees_with_opencv():
    source = moved(known_similarity(0.3, 0.4, (50, 20)))
    theirs = cv2.estimateAffinePartial2D(source, FFHQ_TEMPLATE, method=cv2.LMEDS)[0]
    np.testing.assert_allclose(similarity(source, FFHQ_TEMPLATE), theirs, atol=1e-4)


@pytest.mark.parametrize("points", [np.ones((5, 2)), np.full((5, 2), np.nan)])
def test_points_that_make_no_face_are_refused(points):
    with pytest.raises(ValueError, match="cannot be aligned"):
        similarity(points, FFHQ_TEMPLATE)
