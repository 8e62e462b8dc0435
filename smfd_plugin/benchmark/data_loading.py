"""How fast one worker process makes training pairs: `python -m smfd_plugin.benchmark.data_loading`.

To keep up with training, it should be more than the batches that the device takes.
"""

import argparse
import time
from itertools import islice
from pathlib import Path

import cv2
from torch.utils.data import DataLoader

from smfd_plugin.data.face_blur_dataset import FaceBlurDataset

BATCH = 16


def pairs_per_second(dataroot: Path, size: int, batches: int) -> float:
    """Blurred pairs a second from one worker with one thread.

    Args:
        dataroot: faces as `smfd prepare` writes them.
        size: pixels of a face's side.
        batches: how many batches of BATCH to count, after one that is not counted.
    """
    dataset = FaceBlurDataset({"name": "faces", "dataroot": str(dataroot), "gt_size": size})
    loader = DataLoader(
        dataset,
        batch_size=BATCH,
        sampler=[i % len(dataset) for i in range((batches + 1) * BATCH)],
        num_workers=1,
    )
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # before the worker is forked: OpenCV's threads do not live on in it
    try:
        stream = iter(loader)
        next(stream)
        start = time.perf_counter()
        count = sum(len(batch["lq"]) for batch in islice(stream, batches))
        return count / (time.perf_counter() - start)
    finally:
        cv2.setNumThreads(threads)


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataroot", type=Path, nargs="?", default=Path("datasets/faces"))
    parser.add_argument("--size", type=int, default=256, help="pixels of a face's side (256)")
    parser.add_argument("--batches", type=int, default=60, help=f"of {BATCH} pairs (60)")
    args = parser.parse_args()
    try:
        rate = pairs_per_second(args.dataroot, args.size, args.batches)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"{rate:.0f} pairs of {args.size}x{args.size} a second from one worker")


if __name__ == "__main__":
    main()
