"""Builds the VapourSynth plugin; everything else is declared in pyproject.toml.

VapourSynth loads every library in `vapoursynth/plugins` beside its Python module, so that is where
the plugin goes, in a wheel as well as in an editable installation.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import copy2

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

LIBRARY = Path("vapoursynth/plugins") / {
    "win32": "smfd.dll",
    "darwin": "libsmfd.dylib",
}.get(sys.platform, "libsmfd.so")


class BuildPlugin(build_ext):
    """A plain shared library: no Python headers, no libpython, no Python tag in its name."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split(".")).with_name(LIBRARY.name))

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return ext.export_symbols

    def get_libraries(self, ext: Extension) -> list[str]:
        return ext.libraries

    def copy_extensions_to_source(self) -> None:
        """An editable wheel points to the sources, but VapourSynth looks into site-packages."""
        target = Path(self.get_finalized_command("install").install_platlib, LIBRARY)
        target.parent.mkdir(parents=True, exist_ok=True)
        copy2(Path(self.build_lib, LIBRARY), target)

    def get_output_mapping(self) -> dict[str, str]:
        return {} if self.inplace else super().get_output_mapping()


class PlatformWheel(bdist_wheel):
    """Any Python 3, but one platform: the compiled library is no Python extension."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


headers = Path(find_spec("vapoursynth").submodule_search_locations[0], "include")
plugin = Extension(
    "vapoursynth.plugins.smfd",
    sources=["smfd_plugin/vapoursynth/plugin.c"],
    include_dirs=[str(headers)],
    libraries=["dl"] if sys.platform.startswith("linux") else [],
)

setup(ext_modules=[plugin], cmdclass={"build_ext": BuildPlugin, "bdist_wheel": PlatformWheel})
