"""What the service is made of, and what is known against it. From the top folder:

python deploy/supply_chain.py sbom      write deploy/sbom.cdx.json from deploy/requirements.lock
python deploy/supply_chain.py audit     hold the lock against deploy/advisories.json, offline; exit code 1 for a match
python deploy/supply_chain.py refresh   take a new snapshot of the advisories from osv.dev (needs the network)
"""

import json
import re
import sys
import urllib.request
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
SBOM = HERE / "sbom.cdx.json"
ADVISORIES = HERE / "advisories.json"
OSV = "https://api.osv.dev/v1/query"

_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;\\]+)[^\n]*(?P<rest>(?:\n +--hash=\S+(?: \\)?)*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def pins(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Name → version and the SHA-256 sums of its wheels."""
    return {found["name"]: (found["version"], _HASH.findall(found["rest"])) for found in _PIN.finditer(lock)}


# --- SBOM


def sbom(lock: str) -> dict[str, Any]:
    """CycloneDX 1.6. The same lock gives the same document: no time, and a serial number made of its content."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock)}",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "authenticated-gateway", "bom-ref": "authenticated-gateway"}},
        "components": [_component(name, version, sums) for name, (version, sums) in sorted(pins(lock).items())],
    }


def _component(name: str, version: str, sums: list[str]) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{name}/{version}/",
                # Of every wheel the lock allows.
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in sums],
            }
        ],
    }


# --- advisories


def matches(lock: str, snapshot: dict[str, Any]) -> list[str]:
    """One line for each advisory that a pinned version falls under, and for each pin the snapshot knows nothing of."""
    lines = []
    for name, (version, _) in sorted(pins(lock).items()):
        known = snapshot["packages"].get(name)
        if known is None:
            lines.append(f"{name}: not in the snapshot; run: python deploy/supply_chain.py refresh")
            continue
        lines += [f"{name} {version}: {one['id']}" for one in known if affects(Version(version), one["ranges"])]
    return lines


def affects(version: Version, ranges: list[dict[str, str]]) -> bool:
    """Whether the version is in one of the ranges: from `introduced` up to, and without, `fixed` (absent: not fixed)."""
    return any(
        Version(one["introduced"]) <= version and ("fixed" not in one or version < Version(one["fixed"])) for one in ranges
    )


def refreshed(lock: str, url: str = OSV) -> dict[str, Any]:
    packages = {name: _asked(name, url) for name in sorted(pins(lock))}
    return {"taken": datetime.now(UTC).date().isoformat(), "source": "osv.dev", "packages": packages}


def _asked(name: str, url: str) -> list[dict[str, Any]]:
    """Everything published about a package and not withdrawn."""
    body = json.dumps({"package": {"name": name, "ecosystem": "PyPI"}}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 (https, or a test's)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        found = json.load(answer).get("vulns", [])
    kept = ({"id": one["id"], "ranges": _ranges(one, name)} for one in found if "withdrawn" not in one)
    return [one for one in sorted(kept, key=lambda one: str(one["id"])) if one["ranges"]]


def _ranges(advisory: dict[str, Any], name: str) -> list[dict[str, str]]:
    ranges: list[dict[str, str]] = []
    for affected in advisory.get("affected", ()):
        if affected.get("package", {}).get("name", "").lower() != name:
            continue
        for one in affected.get("ranges", ()):
            for event in one.get("events", ()) if one.get("type") == "ECOSYSTEM" else ():
                if "introduced" in event:
                    ranges.append({"introduced": event["introduced"]})
                elif "fixed" in event and ranges:
                    ranges[-1]["fixed"] = event["fixed"]
    return ranges


def _write(path: Path, tree: dict[str, Any]) -> None:
    path.write_text(json.dumps(tree, indent=1) + "\n")


def main(arguments: list[str]) -> int:
    lock = LOCK.read_text()
    match arguments:
        case ["sbom"]:
            _write(SBOM, sbom(lock))
        case ["refresh"]:
            _write(ADVISORIES, refreshed(lock))
        case ["audit"]:
            found = matches(lock, json.loads(ADVISORIES.read_text()))
            print("\n".join(found) or f"{len(pins(lock))} packages, none of them under a known advisory")
            return 1 if found else 0
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (OSError, InvalidVersion) as error:
        sys.exit(f"supply_chain: {error}")
