"""Where weights files are: the shipped ones by name, others by path."""

from os.path import expanduser
from pathlib import Path

from smfd_plugin.common.checksum import checksum
from smfd_plugin.common.torch_files import WeightsError

SHIPPED = Path(__file__).parent
DEFAULT = "smfd-unet"
CHECKSUMS = "SHA256SUMS"
"""List of the shipped files' checksums, as `sha256sum *.pth` writes it."""


def find(weights: str | Path | None) -> Path:
    """The file of a path or of the name of shipped weights (None: of the default).

    Raises:
        WeightsError: no such file, an empty name, or shipped weights with another checksum.
    """
    if weights == "":  # of a shell's variable that is not set, for instance
        raise WeightsError("the name of the weights is empty; leave it out for the shipped ones")
    path = Path(DEFAULT if weights is None else expanduser(weights))
    if path.name == str(path):
        for stem in (path.name, f"{DEFAULT}-{path.name}"):
            shipped = SHIPPED / f"{stem}.pth"
            if shipped.is_file():
                _check_sum(shipped)
                return shipped
    if path.is_file():
        return path
    if path.is_dir():
        raise WeightsError(f"{path} is a folder; name the weights file in it")
    names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.pth"))) or "none"
    raise WeightsError(f"no weights file {path} (shipped weights: {names})")


def _check_sum(shipped: Path) -> None:
    lines = (shipped.parent / CHECKSUMS).read_text().splitlines()
    expected = {name: digest for digest, name in (line.split() for line in lines)}
    if checksum(shipped) != expected.get(shipped.name):
        raise WeightsError(f"{shipped} is not the file that was shipped; install smfd-plugin again")
