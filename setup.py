"""Build the compiled kernels in native/ as a plain shared library, if there is a compiler; else install without them.

The library is loaded with ctypes and knows nothing of Python, so one build serves every version of it. The kernels'
source is compiled once for each instruction set, and the fastest that runs on a machine is chosen there.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

NATIVE = Path("native")
MSVC = sysconfig.get_platform().startswith("win")
X86 = platform.machine().lower() in {"x86_64", "amd64"} and "arm64" not in sysconfig.get_platform()

COMMON = ["/std:c++17", "/O2"] if MSVC else ["-std=c++17", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"]
if not MSVC:
    COMMON += ["-Wno-maybe-uninitialized", "-Wno-uninitialized"]  # GCC 12 takes its own AVX-512 header for a mistake
SETS = {"portable": []}
if X86:
    COMMON.append("/DSHOWTELL_X86" if MSVC else "-DSHOWTELL_X86")
    SETS["avx2"] = ["/arch:AVX2"] if MSVC else ["-mavx2", "-mfma"]
    SETS["avx512"] = ["/arch:AVX512"] if MSVC else ["-mavx512f", "-mavx512dq", "-mfma"]
    SETS["avx512_bf16"] = ["/arch:AVX512", "/D__AVX512BF16__"] if MSVC else [*SETS["avx512"], "-mavx512bf16"]
    if sys.platform == "linux":  # where a process can ask for tiles
        COMMON.append("-DSHOWTELL_AMX")
        SETS["amx_bf16"] = [*SETS["avx512_bf16"], "-mamx-tile", "-mamx-bf16"]

# native/sanitize builds with checks of every access and every operation
LINK = [] if MSVC else ["-pthread"]
if "SHOWTELL_SANITIZE" in os.environ:
    CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1", "-O1"]
    COMMON += CHECKS
    LINK += CHECKS
elif not MSVC:
    COMMON.append("-g0")  # Python's own flags ask for debugging information, three quarters of the library


class BuildNative(build_ext):
    """Compile kernels.cpp once for each instruction set, with its flags."""

    def build_extension(self, ext: Extension) -> None:
        compile_ = self.compiler.compile
        options = {"output_dir": self.build_temp, "include_dirs": [str(NATIVE)]}
        objects = compile_([str(NATIVE / "team.cpp"), str(NATIVE / "library.cpp")], extra_postargs=COMMON, **options)
        for name, flags in SETS.items():
            options["output_dir"] = str(Path(self.build_temp) / name)
            macros = [("SHOWTELL_ISA", name)]
            objects += compile_([str(NATIVE / "kernels.cpp")], macros=macros, extra_postargs=COMMON + flags, **options)
        target = self.get_ext_fullpath(ext.name)
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        self.compiler.link_shared_object(objects, target, target_lang="c++", extra_postargs=LINK)

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + (".dll" if MSVC else ".so")


class AnyPython(bdist_wheel):
    """The library is the machine's, not one Python's."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


sources = [str(NATIVE / name) for name in ("team.cpp", "library.cpp", "kernels.cpp")]
setup(
    ext_modules=[
        Extension("showtell.kernels._native", sources, depends=[str(p) for p in NATIVE.glob("*.hpp")], optional=True)
    ],
    cmdclass={"build_ext": BuildNative, "bdist_wheel": AnyPython},
)
