import re

import cv2
import numpy as np

from smfd_plugin import demo
from smfd_plugin.cli import smfd_main


def test_a_video_file_keeps_frames_and_colours(tmp_path, astronaut):
    frames = [np.roll(astronaut[:128, :192], 4 * i, 1).copy() for i in range(3)]
    demo.write_video(tmp_path / "clip.mp4", frames)
    read = demo.read_video(tmp_path / "clip.mp4")
    assert len(read) == 3
    for old, new in zip(frames, read, strict=True):
        assert cv2.PSNR(old, new) > 30
        assert np.abs(old.mean((0, 1)) - new.mean((0, 1))).max() < 2


def test_the_shipped_weights_make_picture_and_clip_sharper(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(demo, "FRAMES", 3)
    assert smfd_main(["demo", "-o", str(tmp_path / "out")]) == 0
    text = capfd.readouterr().out
    number = r"([\d.]+) dB -> ([\d.]+) dB"
    found = re.search(rf"PSNR of the face: picture {number}, clip {number}", text)
    picture, better_picture, clip, better_clip = map(float, found.groups())
    assert better_picture > picture + 0.5
    assert better_clip > clip + 0.3
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "picture.png",
        "blurry.mp4",
        "restored.mp4",
    }
