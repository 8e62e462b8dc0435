from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from basicsr.utils.options import ordered_yaml

FOLDER = Path(__file__).parents[2] / "options"


@pytest.fixture(scope="session")
def read_options() -> Callable[[str], dict[str, Any]]:
    """Reads an option file as BasicSR does, by its name in `options/` without the suffix."""
    return lambda name: yaml.load((FOLDER / f"{name}.yml").read_text(), ordered_yaml()[0])
