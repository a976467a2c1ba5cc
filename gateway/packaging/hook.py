"""What is built before the package is packed: the dashboard, and the hot path as machine code."""

import sys
from pathlib import Path
from typing import Any

if sys.version_info < (3, 11):  # before anything that an older one cannot import  # noqa: UP036
    sys.exit("Authenticated Gateway needs Python 3.11 or newer, and this is {}.{}.".format(*sys.version_info))

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))  # hatchling loads this file by its path
import compiled
import dashboard


class Hook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is `editable` for an install that leaves the sources where they are."""
        editable = version == "editable"
        dashboard.build(editable=editable, warn=self.app.display_warning)
        libraries = compiled.build(Path(self.root), self.config["compiled"], editable=editable, warn=self.app.display_warning)
        if libraries:
            build_data["force_include"].update({str(built): place for place, built in libraries.items()})
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        compiled.tidy()
