import numpy as np
import pytest
import vapoursynth as vs

from smfd_plugin.restore import Detection, Sighting
from smfd_plugin.vapoursynth.properties import (
    COUNT,
    read_amounts,
    read_faces,
    read_paths,
    write_faces,
    write_paths,
)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_is_written_is_read(count):
    rng = np.random.default_rng(count)
    faces = [
        Sighting(
            Detection(rng.random(4, np.float32), rng.random((5, 2), np.float32), rng.random()),
            rng.random(),
        )
        for _ in range(count)
    ]
    amounts = rng.random(count).tolist()
    paths = [{-2: 3, 0: 0, 1: 1}] * count
    frame = vs.core.std.BlankClip(width=1, height=1).get_frame(0).copy()
    write_faces(frame.props, faces, amounts)
    write_paths(frame.props, paths, 2)
    assert frame.props[COUNT] == count
    assert read_amounts(frame.props) == amounts
    assert read_paths(frame.props, 2) == paths
    for old, new in zip(faces, read_faces(frame.props), strict=True):
        assert np.array_equal(old.detection.box, new.detection.box)
        assert np.array_equal(old.detection.landmarks, new.detection.landmarks)
        assert (old.detection.score, old.blur) == (new.detection.score, new.blur)
