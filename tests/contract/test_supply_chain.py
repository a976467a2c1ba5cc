"""The SBOM is that of the lock, nothing in the lock is under a known advisory, and the check would notice."""

import importlib.util
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType
from typing import Any

import pytest
from fakes.service import ROOT
from packaging.version import Version


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply_chain", ROOT / "deploy" / "supply_chain.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


supply: Any = _load()
LOCK = supply.LOCK.read_text()
SNAPSHOT = json.loads(supply.ADVISORIES.read_text())


def test_every_pin_is_read_with_its_sums() -> None:
    pins = supply.pins(LOCK)
    assert len(pins) == len(re.findall(r"^[a-z]\S*==", LOCK, re.MULTILINE))
    assert sum(len(sums) for _, sums in pins.values()) == LOCK.count("--hash=")
    assert all(sums for _, sums in pins.values())
    assert {"aiohttp", "uvloop", "orjson", "cachetools", "prometheus-client"} <= set(pins)


def test_the_sbom_is_that_of_the_lock() -> None:
    told = json.loads(supply.SBOM.read_text())
    assert told == supply.sbom(LOCK), "run: python deploy/supply_chain.py sbom"
    assert len({component["bom-ref"] for component in told["components"]}) == len(supply.pins(LOCK))


def test_nothing_in_the_lock_is_under_a_known_advisory() -> None:
    assert supply.matches(LOCK, SNAPSHOT) == []
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", SNAPSHOT["taken"])


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("aiohttp==3.14.2", "aiohttp 3.14.2: CVE-2026-69244"),
        ("orjson==3.9.14", "orjson 3.9.14: CVE-2024-27454"),
        ("nobody-knows==1.0", "nobody-knows: not in the snapshot; run: python deploy/supply_chain.py refresh"),
    ],
)
def test_an_old_or_unknown_pin_would_be_noticed(old: str, said: str) -> None:
    assert supply.matches(f"{old} \\\n    --hash=sha256:{'0' * 64}\n", SNAPSHOT) == [said]


@pytest.mark.parametrize(
    ("version", "ranges", "affected"),
    [
        ("1.9", [{"introduced": "0", "fixed": "2.0"}], True),
        ("2.0", [{"introduced": "0", "fixed": "2.0"}], False),
        ("2.0rc1", [{"introduced": "0", "fixed": "2.0"}], True),
        ("0.9", [{"introduced": "1.0"}], False),
        ("9.0", [{"introduced": "0", "fixed": "1"}, {"introduced": "2"}], True),
    ],
)
def test_ranges(version: str, ranges: list[dict[str, str]], affected: bool) -> None:
    assert supply.affects(Version(version), ranges) is affected


class _Osv(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
        events = [{"introduced": "0"}, {"fixed": "1.1"}, {"introduced": "2.0"}]
        affected = [{"package": asked, "ranges": [{"type": "GIT", "events": []}, {"type": "ECOSYSTEM", "events": events}]}]
        vulns = [{"id": "B", "affected": affected}, {"id": "A", "affected": affected, "withdrawn": "x"}]
        body = json.dumps({"vulns": vulns} if asked["name"] == "one" else {}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def osv() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Osv) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


def test_a_new_snapshot_is_taken_from_osv(osv: str) -> None:
    lock = "one==1.0 \\\n    --hash=sha256:a\ntwo==2 \\\n    --hash=sha256:b\n"
    taken = supply.refreshed(lock, osv)
    assert taken["packages"] == {
        "one": [{"id": "B", "ranges": [{"introduced": "0", "fixed": "1.1"}, {"introduced": "2.0"}]}],
        "two": [],
    }
    assert supply.matches(lock, taken) == ["one 1.0: B"]


def test_the_threat_model_points_at_what_is_there() -> None:
    text = (ROOT / ".github" / "SECURITY.md").read_text()
    named = re.findall(r"`((?:tests|deploy|edge|protocol|control|upstream|model|telemetry|store|kit|run|link)/[^`]*)`", text)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists() and not (ROOT / "gateway" / name).exists()] == []
    assert "## Changes that oblige a revision of this page" in text
