"""What is built and installed: the wheel, and the Makefile on another interpreter."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("build")
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "datasets", "experiments", "results")
    shutil.copytree(ROOT, folder / "source", ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder / "dist"]
    done = subprocess.run(command, cwd=folder / "source", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "dist").iterdir()
    return zipfile.ZipFile(path)


def test_the_wheel_is_tagged_for_its_platform_and_any_python(wheel):
    name = Path(wheel.filename).stem
    assert "-py3-none-" in name
    assert not name.endswith("-any")
    metadata = next(item for item in wheel.namelist() if item.endswith(".dist-info/WHEEL"))
    assert "Root-Is-Purelib: false" in wheel.read(metadata).decode()


def test_the_wheel_carries_plugin_weights_and_lists(wheel):
    names = wheel.namelist()
    assert [n for n in names if n.startswith("vapoursynth/")] == ["vapoursynth/plugins/libsmfd.so"]
    assert wheel.read("vapoursynth/plugins/libsmfd.so")[:4] == b"\x7fELF"
    assert "smfd_plugin/weights/smfd-unet.pth" in names
    assert "smfd_plugin/weights/smfd-unet.md" in names
    assert "smfd_plugin/data/scenario_lists/val100.txt" in names
    assert not [name for name in names if name.startswith("tests/")]


def test_the_wheel_declares_commands_and_the_plugin(wheel):
    entries = next(item for item in wheel.namelist() if item.endswith("entry_points.txt"))
    assert wheel.read(entries).decode().split("\n\n") == [
        "[basicsr.plugins]\nsmfd = smfd_plugin",
        "[console_scripts]\nbasicsr = smfd_plugin.cli:basicsr_main\n"
        "smfd = smfd_plugin.cli:smfd_main\n",
    ]


def test_the_licence_of_the_weights_is_declared(wheel):
    metadata = next(item for item in wheel.namelist() if item.endswith(".dist-info/METADATA"))
    text = wheel.read(metadata).decode()
    assert "License-Expression: MIT AND LicenseRef-smfd-weights" in text
    assert "License-File: smfd_plugin/weights/smfd-unet.md" in text


@pytest.mark.parametrize("minor", [9, 13])
@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_names_the_python_that_it_needs(tmp_path, target, minor):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for source in ("pyproject.toml", "setup.py", "smfd_plugin/vapoursynth/plugin.c"):
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).touch()
    other = tmp_path / "python"
    check = f"import sys; sys.version_info = (3, {minor}, 0); "
    other.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} -c "{check}$2"\nexit 3\n')
    other.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        ["make", target, f"PYTHON={other}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    message = done.stderr.splitlines()[0]
    assert message.startswith(f"smfd-plugin needs Python 3.12 as {other}")
    assert not (tmp_path / ".venv").exists()
