"""What is said where an optional part of the package is not installed."""

import re
import tomllib
from pathlib import Path

import pytest

from smfd_plugin.common.extras import extra

ROOT = Path(__file__).parents[2]


def test_the_missing_module_and_its_extra_are_named():
    message = r"^no_such_module is not installed: pip install 'smfd-plugin\[video\]'$"
    with pytest.raises(ModuleNotFoundError, match=message) as caught, extra("video"):
        import no_such_module  # noqa: F401
    assert caught.value.name == "no_such_module"


def test_the_package_has_every_extra_that_is_named():
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    sources = [path.read_text() for path in (ROOT / "smfd_plugin").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'extra\("(\w+)"\)', source)}
    assert named == known.keys() - {"dev"}
