"""`smfd demo`: blurs a portrait, restores it as a picture and as a clip, and measures both."""

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

from smfd_plugin.common.extras import extra
from smfd_plugin.common.path_arguments import path_argument
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.pictures import Picture
from smfd_plugin.data.scenario import Scenario

SCENARIO = Scenario(
    kind="line",
    extent=15,
    angle=30.0,
    seed=7,
    sigma_x=1.0,
    sigma_y=1.0,
    radius=1.0,
    noise=1.0,
    jpeg=95,
    order="noise-jpeg",
)
"""A hand that moved: 15 pixels of straight motion at 30 degrees, a little noise, mild JPEG."""

SHAKE = replace(SCENARIO, kind="shake", angle=0.0, jpeg=0)
"""Of the clip's frames, each with a seed of its own."""

FACE = np.s_[20:240, 140:310]
"""Where the astronaut's head is; PSNR is measured there."""

FRAMES = 24
FRAMES_PER_SECOND = 12
WINDOW = 448
"""Side of the clip, a window that moves over the portrait by STEP pixels a frame."""
STEP = 2

SCRIPT = """\
import vapoursynth as vs

clip = vs.core.bs.VideoSource({source!r})
vs.core.smfd.Deblur(clip).set_output()
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the sub-command's arguments."""
    parser.add_argument(
        "-o", "--output", type=path_argument, default=Path("results/demo"), metavar="FOLDER",
        help="folder to write; sharp.png, blurry.png, restored.png, picture.png, blurry.mp4, "
        "restored.mp4 and deblur.vpy in it are replaced (results/demo)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Runs the demonstration; returns 0.

    Raises:
        ModuleNotFoundError: the extra `video` is not installed.
        ChildProcessError: a program that it calls failed.
    """
    with extra("video"):
        import imageio_ffmpeg  # noqa: F401
    folder = args.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    space = BlurSpace()
    number = space.index(SCENARIO)
    print(f"scenario {number} of {len(space)}: {SCENARIO}")

    sharp = np.ascontiguousarray(astronaut()[..., ::-1])
    before, after = restore_picture(sharp, space.apply(sharp, number), folder)
    clip_before, clip_after = restore_clip(sharp, folder)
    print(
        f"PSNR of the face: picture {before:.2f} dB -> {after:.2f} dB, "
        f"clip {clip_before:.2f} dB -> {clip_after:.2f} dB"
    )
    print(f"see {folder / 'picture.png'} and {folder / 'restored.mp4'}")
    return 0


def restore_picture(sharp: Picture, blurry: Picture, folder: Path) -> tuple[float, float]:
    """Runs `smfd deblur` on a picture; returns the face's PSNR in dB before and after."""
    cv2.imwrite(str(folder / "sharp.png"), sharp)
    cv2.imwrite(str(folder / "blurry.png"), blurry)
    _call(
        "smfd", "deblur", folder / "blurry.png", "-o", folder / "restored.png", "--overwrite",
    )  # fmt: skip
    restored = cv2.imread(str(folder / "restored.png"))
    rows = [np.hstack([blurry, restored, sharp])]
    zooms = [cv2.resize(image[FACE], (512, 662)) for image in (blurry, restored, sharp)]
    rows.append(np.hstack(zooms))
    cv2.imwrite(str(folder / "picture.png"), np.vstack(rows))
    return cv2.PSNR(sharp[FACE], blurry[FACE]), cv2.PSNR(sharp[FACE], restored[FACE])


def restore_clip(sharp: Picture, folder: Path) -> tuple[float, float]:
    """Blurs a moving clip, frame by frame anew, and restores it with core.smfd.Deblur in vspipe;
    returns the mean PSNR of the face in dB before and after."""
    windows = [np.s_[0:WINDOW, STEP * i : STEP * i + WINDOW] for i in range(FRAMES)]
    blurry = [replace(SHAKE, seed=i).apply(sharp[window]) for i, window in enumerate(windows)]
    write_video(folder / "blurry.mp4", blurry)
    script = folder / "deblur.vpy"
    script.write_text(SCRIPT.format(source=str(folder / "blurry.mp4")))
    raw = folder / "restored.y4m"
    _call("vspipe", "-c", "y4m", script, raw)
    _encode(["-i", raw], folder / "restored.mp4")
    raw.unlink()
    scores = []
    for name in ("blurry.mp4", "restored.mp4"):
        frames = read_video(folder / name)
        faces = [
            (sharp[FACE], frame[FACE[0], FACE[1].start - STEP * i : FACE[1].stop - STEP * i])
            for i, frame in enumerate(frames)
        ]
        scores.append(float(np.mean([cv2.PSNR(*pair) for pair in faces])))
    return scores[0], scores[1]


def write_video(path: Path, frames: list[Picture]) -> None:
    """Writes (H, W, 3) BGR frames as H.264 with BT.709 colours."""
    height, width = frames[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}"]
    source += ["-r", str(FRAMES_PER_SECOND), "-i", "-"]
    exact = "flags=accurate_rnd+full_chroma_int"
    source += ["-vf", f"scale=out_color_matrix=bt709:out_range=tv:{exact}", "-pix_fmt", "yuv420p"]
    _encode(source, path, b"".join(frame.tobytes() for frame in frames))


def read_video(path: Path) -> list[Picture]:
    """All frames of a video file, (H, W, 3) BGR."""
    import imageio_ffmpeg

    stream = imageio_ffmpeg.read_frames(str(path), pix_fmt="bgr24")  # unlike OpenCV, minds the tags
    width, height = next(stream)["size"]
    return [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in stream]


def _encode(source: list[str | Path], path: Path, data: bytes | None = None) -> None:
    import imageio_ffmpeg

    colours = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    _call(
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source,
        *colours, "-c:v", "libx264", "-crf", "10", path, data=data,
    )  # fmt: skip


def _call(*command: str | Path, data: bytes | None = None) -> None:
    """Runs a program of this environment, whether or not the environment is activated."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    words = [str(word) for word in command]
    done = subprocess.run(words, input=data, env=os.environ | {"PATH": path}, check=False)
    if done.returncode:
        raise ChildProcessError(f"{words[0]} failed with exit code {done.returncode}")
