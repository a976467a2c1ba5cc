"""Compiles the modules of the hot path with mypyc (decision 0014). The same files run uncompiled, only slower.

`GATEWAY_COMPILE` decides: 1 makes a failure an error, and compiles an editable install too, beside its sources (whoever edits
one of them must install again); 0 leaves everything as it is. Without it a wheel is compiled where a C compiler and Python's
headers are found, and an editable install is not.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from pathlib import Path

BUILT = Path(tempfile.mkdtemp(prefix="gateway-compiled-"))
"""Made by us and readable by us alone: in a folder whose name can be guessed, another user could swap what is packed."""
ARGUMENTS = ("--config-file=", "--ignore-missing-imports", "--follow-imports=silent", "--no-error-summary")
"""Types are judged elsewhere, with the libraries at hand that a build has not."""


def build(root: Path, modules: Sequence[str], *, editable: bool, warn: Callable[[str], None]) -> Mapping[str, Path]:
    """Place in the package → library that belongs there; empty where nothing was compiled, or in place."""
    wanted = os.environ.get("GATEWAY_COMPILE", "")
    if wanted == "0" or (editable and wanted != "1"):
        return {}
    try:
        libraries = _compile(root, modules)
    except (Exception, SystemExit) as error:
        if wanted == "1":
            raise
        warn(f"The hot path could not be compiled ({error}): packaged as plain Python, which is about 1.6 times slower.")
        return {}
    if not editable:
        return libraries
    for place, built in libraries.items():
        shutil.copy(built, root / place)
    return {}


def tidy() -> None:
    shutil.rmtree(BUILT, ignore_errors=True)


def _compile(root: Path, modules: Sequence[str]) -> dict[str, Path]:
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    sources, libraries = BUILT / "c", BUILT / "lib"
    sources.mkdir()
    with chdir(root):
        extensions = mypycify(
            [*ARGUMENTS, *modules], opt_level="3", group_name="gateway", target_dir=str(sources), strip_asserts=False
        )
        command = build_ext(Distribution({"name": "gateway", "ext_modules": extensions}))
        command.build_lib, command.build_temp = str(libraries), str(BUILT / "o")
        command.ensure_finalized()
        command.run()
    return {str(built.relative_to(libraries)): built for built in libraries.rglob("*") if built.is_file()}
