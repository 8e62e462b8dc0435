"""What the methods are given: blurry faces, with the sharp ones where these are known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from smfd_plugin.benchmark.arguments import arguments, without
from smfd_plugin.benchmark.foreign_blur import FOREIGN_BLURS
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.enlarge import INTERPOLATIONS, enlarge, shrink
from smfd_plugin.data.faces import Face, FaceFolder
from smfd_plugin.data.pictures import Picture, picture_files, read_picture
from smfd_plugin.data.scenario import Scenario
from smfd_plugin.data.scenarios import read_scenarios
from smfd_plugin.data.tensors import from_tensor, to_tensor
from smfd_plugin.restore import align, in_two_sizes, make_detector

ASTRONAUT_LANDMARKS = np.array([[205, 101], [247, 103], [224, 129], [203, 138], [244, 140]])
"""Eyes, nose tip and corners of the mouth in scikit-image's portrait, as a detector found them."""


@dataclass(frozen=True)
class Sample:
    """One face to restore, aligned as in FFHQ; pictures are (S, S, 3) uint8 BGR.

    Attributes:
        lq: the blurry face.
        gt: the sharp face, where it is known.
        mask: (S, S) uint8 classes of the sharp face (mask_classes.CLASSES), where they are known.
        scenario: what blurred it, where that is known.
    """

    lq: Picture
    gt: Picture | None = None
    mask: NDArray[np.uint8] | None = None
    scenario: Scenario | None = None


OF_ALL = ("limit", "parts")
"""Options that every type of data set has: they choose among its samples, and change none."""


class Entry(NamedTuple):
    """A sample of a data set, not yet read.

    Attributes:
        name: its own, fit for a file name.
        face: samples of one face share it; intervals are drawn over faces.
        read: reads it.
        scenario: what blurred it, where that is known.
    """

    name: str
    face: str
    read: Callable[[], Sample]
    scenario: Scenario | None = None


def build_dataset(options: Mapping[str, Any]) -> list[Entry]:
    """The samples of a data set.

    Args:
        options: an entry of `datasets`: `type` (one of DATASETS), what that needs, `limit`: only so
            many samples, and `parts`, see loading.load_datasets.

    Raises:
        ValueError: an option that does not fit.
        FileNotFoundError: no such folder, or nothing in it.
    """
    own = without(arguments(options), OF_ALL)
    return DATASETS[options["type"]](**own)[: options.get("limit")]


def pick_evenly[T](items: Sequence[T], count: int) -> list[T]:
    """So many items, from the first to the last, evenly; all, if there are no more."""
    chosen = np.unique(np.linspace(0, len(items) - 1, count).round().astype(int))
    return [items[i] for i in chosen]


def blurred(
    *,
    dataroot: str,
    size: int,
    scenarios: str,
    light: str = "encoded",
    noise: float | None = None,
    grain: float = 0.0,
    noise_colour: str = "coloured",
    stretch: float = 1.0,
) -> list[Entry]:
    """Sharp faces (see FaceFolder) at `size` pixels, blurred by the numbers of a list (see
    read_scenarios). Sample i is face i with scenario i; the shorter of the two repeats.

    `light`, `grain`, `noise_colour`: see Scenario. `noise`: of all, instead of their own.
    `stretch`: how many times larger all kernels are; the lists are made for faces of 256 pixels.
    """
    if not stretch > 0:
        raise ValueError(f"stretch is {stretch}; it is above 0")
    folder = FaceFolder(Path(dataroot))
    space = BlurSpace({"light": [light], "grain": [grain], "noise_colour": [noise_colour]})
    numbers = read_scenarios(scenarios)
    count = max(len(folder.faces), len(numbers))
    entries = []
    for i in range(count):
        number = numbers[i % len(numbers)]
        scenario = space[number].stretched(stretch)
        scenario = scenario if noise is None else replace(scenario, noise=noise)
        face = folder.faces[i % len(folder.faces)]
        entries.append(_degraded(folder, face, size, scenario.apply, f"_{number}", scenario))
    return entries


def sharp(*, dataroot: str, size: int) -> list[Entry]:
    """Sharp faces at `size` pixels as they are: what a method changes in them is harm."""
    folder = FaceFolder(Path(dataroot))
    return [_degraded(folder, face, size, lambda gt: gt) for face in folder.faces]


def enlarged(
    *, dataroot: str, size: int, factor: float, interpolation: str = "cubic"
) -> list[Entry]:
    """Sharp faces at `size` pixels that were stored `factor` times smaller and enlarged again, as
    pictures from the web are; nothing else blurs them.

    `interpolation`: one of enlarge.INTERPOLATIONS.
    """
    if interpolation not in INTERPOLATIONS:
        known = ", ".join(INTERPOLATIONS)
        raise ValueError(f"unknown interpolation {interpolation!r}; there are {known}")
    if not factor >= 1:
        raise ValueError(f"factor is {factor}; it is at least 1")
    folder = FaceFolder(Path(dataroot))

    def degrade(gt: Picture) -> Picture:
        return enlarge(shrink(gt, factor), gt.shape, interpolation)

    return [_degraded(folder, face, size, degrade) for face in folder.faces]


def foreign(*, dataroot: str, size: int, blur: str) -> list[Entry]:
    """Sharp faces at `size` pixels with blur from outside the BlurSpace; face i has seed i.

    `blur`: one of foreign_blur.FOREIGN_BLURS.
    """
    if blur not in FOREIGN_BLURS:
        raise ValueError(f"unknown foreign blur {blur!r}; there are {', '.join(FOREIGN_BLURS)}")
    folder = FaceFolder(Path(dataroot))

    def degrade(seed: int) -> Callable[[Picture], Picture]:
        return lambda gt: FOREIGN_BLURS[blur](gt, np.random.default_rng(seed))

    return [_degraded(folder, face, size, degrade(i)) for i, face in enumerate(folder.faces)]


def paired(*, dataroot_lq: str, dataroot_gt: str) -> list[Entry]:
    """Aligned blurry faces and the sharp ones of the same names."""
    blurry, sharp = _pictures(Path(dataroot_lq)), _pictures(Path(dataroot_gt))
    missing = sorted(set(blurry) - set(sharp))
    if missing:
        raise FileNotFoundError(f"{dataroot_gt} has no picture named {missing[0]}")
    return [
        Entry(name, name, lambda paths=(path, sharp[name]): Sample(*_read_alike(paths)))
        for name, path in sorted(blurry.items())
    ]


def real(*, dataroot_lq: str) -> list[Entry]:
    """Aligned blurry faces without truth."""
    files = _pictures(Path(dataroot_lq))
    return [
        Entry(name, name, lambda path=path: Sample(read_picture(path)))
        for name, path in sorted(files.items())
    ]


def photos(
    *, dataroot_lq: str, size: int, dataroot_gt: str | None = None, detector: str = "auto"
) -> list[Entry]:
    """The faces found in whole pictures, each cut out and aligned at `size` pixels; where there are
    sharp pictures of the same names, the faces are found there and cut out of both alike.

    `detector`: see restore.detect.make_detector.
    """
    files = _pictures(Path(dataroot_lq))
    sharp = {} if dataroot_gt is None else _pictures(Path(dataroot_gt))
    detect = in_two_sizes(make_detector(detector, torch.device("cpu")))

    def entry(name: str, number: int, landmarks: NDArray) -> Entry:
        def read() -> Sample:
            paths = [files[name], sharp[name]] if name in sharp else [files[name]]
            return Sample(*(align_face(each, landmarks, size) for each in _read_alike(paths)))

        return Entry(f"{name}_{number}", f"{name}_{number}", read)

    entries = [
        entry(name, number, detection.landmarks)
        for name, path in sorted(files.items())
        for number, detection in enumerate(
            detect(to_tensor(read_picture(sharp.get(name, path)))[0])
        )
    ]
    if not entries:
        raise FileNotFoundError(f"no face found in the pictures in {dataroot_lq}")
    return entries


def astronaut(*, size: int, scenarios: str) -> list[Entry]:
    """The one portrait that comes with scikit-image, at `size` pixels, blurred by each number of a
    list (see read_scenarios): needs no file."""
    from skimage import data

    portrait = np.ascontiguousarray(data.astronaut()[..., ::-1])
    gt = align_face(portrait, ASTRONAUT_LANDMARKS, size)

    def entry(number: int, scenario: Scenario) -> Entry:
        def read() -> Sample:
            return Sample(scenario.apply(gt), gt, None, scenario)

        return Entry(f"astronaut_{number}", "astronaut", read, scenario)

    return [entry(number, BlurSpace()[number]) for number in read_scenarios(scenarios)]


DATASETS: dict[str, Callable[..., list[Entry]]] = {
    "blurred": blurred,
    "sharp": sharp,
    "enlarged": enlarged,
    "foreign": foreign,
    "paired": paired,
    "real": real,
    "photos": photos,
    "astronaut": astronaut,
}


def align_face(picture: Picture, landmarks: NDArray, size: int) -> Picture:
    """A face cut out and aligned as in FFHQ.

    Args:
        picture: (H, W, 3) uint8.
        landmarks: (5, 2) eyes, nose tip and corners of the mouth.
        size: S, pixels.

    Returns:
        (S, S, 3) uint8.
    """
    to_picture = align.inverse(align.picture_to_crop(landmarks, size))
    return from_tensor(align.warp(to_tensor(picture), [to_picture], (size, size), "reflection"))


def _degraded(
    folder: FaceFolder,
    face: Face,
    size: int,
    degrade: Callable[[Picture], Picture],
    suffix: str = "",
    scenario: Scenario | None = None,
) -> Entry:
    """A sharp face of the folder, degraded when it is read."""

    def read() -> Sample:
        gt, mask = folder.read(face, size)
        return Sample(degrade(gt), gt, mask if face.has_mask else None, scenario)

    return Entry(face.name + suffix, face.name, read, scenario)


def _read_alike(paths: Sequence[Path]) -> list[Picture]:
    """Pictures that show the same, pixel for pixel. Raises ValueError if they differ in size."""
    read = [read_picture(path) for path in paths]
    if len({picture.shape for picture in read}) > 1:
        raise ValueError(f"{' and '.join(map(str, paths))} are not of one size")
    return read


def _pictures(folder: Path) -> dict[str, Path]:
    """Picture files by name, at least one."""
    files = picture_files(folder)
    if not files:
        raise FileNotFoundError(f"no pictures in {folder}")
    return files
