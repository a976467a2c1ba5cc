"""The listener's certificate: read whole, or refused in one line."""

import ssl
from pathlib import Path

import pytest
import trustme

from gateway.run.layers import ConfigError
from gateway.run.tls import server_context


@pytest.fixture(scope="module")
def made() -> trustme.LeafCert:
    return trustme.CA().issue_cert("localhost")


@pytest.fixture
def files(tmp_path: Path, made: trustme.LeafCert) -> tuple[Path, Path]:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made.cert_chain_pems[0].write_to_path(certificate)
    made.private_key_pem.write_to_path(key)
    key.chmod(0o640)
    return certificate, key


def test_a_chain_and_its_key(files: tuple[Path, Path]) -> None:
    context = server_context(*map(str, files))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_key_that_everybody_may_read(files: tuple[Path, Path]) -> None:
    files[1].chmod(0o644)
    with pytest.raises(ConfigError, match=f"chmod 640 {files[1]}"):
        server_context(*map(str, files))


@pytest.mark.parametrize("broken", [0, 1])
def test_what_is_no_certificate_or_key(files: tuple[Path, Path], broken: int) -> None:
    files[broken].write_text("nonsense")
    with pytest.raises(ConfigError, match="are no PEM certificate chain and its key"):
        server_context(*map(str, files))


@pytest.mark.parametrize("missing", [0, 1])
def test_what_is_not_there(files: tuple[Path, Path], missing: int) -> None:
    files[missing].unlink()
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file"):
        server_context(*map(str, files))
