"""Files that torch.save wrote: read with no code run, written whole or not at all."""

import pickle
import textwrap
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from smfd_plugin.common.whole_files import naming, whole_file


class WeightsError(ValueError):
    """A weights file that cannot be used; the message names the file and says why."""


def read(path: Path) -> Mapping[str, Any]:
    """What torch.save put into a file.

    Raises:
        WeightsError: a file that is empty, broken, holds code or no mapping.
        OSError: a file that cannot be read.
    """
    if path.stat().st_size == 0:
        raise WeightsError(f"{path} is empty; get the file again")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error) or "global" in str(error):
            raise WeightsError(
                f"{path} holds Python code, which is refused: weights files hold tensors only"
            ) from error
        raise WeightsError(f"{path} is no weights file, or a damaged one") from error
    except OSError:
        raise
    except Exception as error:  # many kinds, for a file that is truncated or changed
        raise WeightsError(f"{path} is truncated or no weights file; get it again") from error
    if not isinstance(checkpoint, Mapping):
        raise WeightsError(f"{path} is no BasicSR checkpoint but a {type(checkpoint).__name__}")
    return checkpoint


def read_features(path: Path, wanted: Mapping[str, str]) -> dict[str, Tensor]:
    """Weights of the convolutions of a network of torchvision's.

    Args:
        path: a file of its `state_dict()`, or of the part that is wanted.
        wanted: the key in the file of each weight, by the name that the weight gets.

    Returns:
        The float32 weights, by name.

    Raises:
        WeightsError: as `read`, or a weight that the file lacks.
        OSError: a file that cannot be read.
    """
    file = read(path)
    missing = [key for key in wanted.values() if not isinstance(file.get(key), Tensor)]
    if missing:
        raise WeightsError(
            f"{path} lacks {missing[0]}; save the state_dict() of torchvision's network there"
        )
    return {name: file[key].float() for name, key in wanted.items()}


def write(path: Path, checkpoint: Mapping[str, Any]) -> None:
    """Writes a file that `read` reads, as `whole_file` does.

    Raises:
        OSError: the place cannot be written to; it names `path`.
    """
    data = BytesIO()  # torch's own writer does not tell why it fails, on a full disk for one
    torch.save(checkpoint, data)
    with naming(path), whole_file(path) as partial:
        partial.write_bytes(data.getvalue())


def pick_state(
    checkpoint: Mapping[str, Any], keys: Iterable[str], path: Path
) -> Mapping[str, Tensor]:
    """The weights in a checkpoint: under the first of `keys` that it has, else at its top.

    Raises:
        WeightsError: there are none; the message names `path`.
    """
    state = next((checkpoint[key] for key in keys if key in checkpoint), checkpoint)
    if not is_state_dict(state):
        there = textwrap.shorten(", ".join(map(str, checkpoint)), 80)
        raise WeightsError(
            f"{path} holds no weights of a network under {' or '.join(keys)}; it has {there}"
        )
    return state


def is_state_dict(state: object) -> bool:
    """Whether it is a mapping of tensors, not an empty one."""
    return (
        isinstance(state, Mapping)
        and bool(state)
        and all(isinstance(value, Tensor) for value in state.values())
    )
