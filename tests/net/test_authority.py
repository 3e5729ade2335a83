"""The development authority and its certificates, and what can be wrong with certificates of one's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from conversehost.errors import ConfigError
from conversehost.net import authority, keypair
from conversehost.net.authority import Authority, names_of
from conversehost.net.tls import Certificate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tls"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_is_for_this_machine_and_for_the_names_that_are_configured(folder):
    names = ["chat.example", "bücher.example", "192.0.2.1", "[2001:db8::1]", "0.0.0.0", "not_a_host"]
    pair = Authority(folder, names).certificate()
    hosts = {"localhost", "chat.example", "xn--bcher-kva.example"}
    below = {f"{sub}.{host}" for sub in ("*", "conference") for host in hosts}
    assert names_of(pair.chain[0]) == hosts | below | {"127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"}


def test_nobody_else_reads_what_is_kept(folder):
    Authority(folder, []).certificate()
    assert mode(folder) == mode(folder.parent) == 0o700
    assert {path.name for path in folder.iterdir()} == {"ca.pem", "ca-key.pem", "server.pem", "server-key.pem", "lock"}
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_it_is_kept(folder):
    first = Authority(folder, []).certificate()
    assert Authority(folder, []).certificate().chain == first.chain


def test_a_name_that_is_new_gets_a_new_certificate_of_the_same_authority(folder):
    first = Authority(folder, ["a.example"])
    old, ca = first.certificate(), first.ca.read_bytes()
    new = Authority(folder, ["b.example"]).certificate()
    assert new.chain != old.chain
    assert {"a.example", "b.example"} <= names_of(new.chain[0])
    assert first.ca.read_bytes() == ca
    assert Authority(folder, ["a.example"]).certificate().chain == new.chain


def test_one_that_is_about_to_end_is_renewed(folder, monkeypatch):
    monkeypatch.setattr(authority, "LIFETIME", authority.MARGIN - timedelta(hours=1))
    old = Authority(folder, []).certificate()
    monkeypatch.undo()
    new = Authority(folder, []).certificate()
    assert new.chain != old.chain
    assert new.expires > datetime.now(UTC) + timedelta(days=300)


@pytest.mark.parametrize("file", ["server.pem", "server-key.pem"])
def test_a_broken_certificate_is_made_anew(folder, file):
    Authority(folder, []).certificate()
    (folder / file).write_text("broken")
    assert Authority(folder, []).certificate().chain


def test_a_certificate_of_another_authority_is_made_anew(folder):
    first = Authority(folder, [])
    old = first.certificate()
    first.ca.unlink()
    new = Authority(folder, []).certificate()
    assert new.chain != old.chain
    new.chain[0].verify_directly_issued_by(keypair.read_chain(first.ca)[0])


def test_a_broken_authority_is_one_line(folder):
    Authority(folder, []).certificate()
    (folder / "ca.pem").write_text("broken")
    with pytest.raises(ConfigError) as caught:
        Authority(folder, []).certificate()
    assert str(caught.value) == f"{folder}/ca.pem or ca-key.pem beside it is broken: delete both for a new one"


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file.*: .+: choose another folder with --state-dir$"):
        Authority(tmp_path / "file" / "tls", []).certificate()


# Certificates of one's own


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    leaf = trustme.CA().create_child_ca().issue_cert("chat.example")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
    return certificate, key


def complaint(certificate: Path, key: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        Certificate(lambda: keypair.read(certificate, key))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_chain_is_read_in_order(files):
    pair = keypair.read(*files)
    own, issuer = pair.chain
    own.verify_directly_issued_by(issuer)


def test_both_may_be_in_one_file(files):
    certificate, key = files
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    assert len(Certificate(lambda: keypair.read(certificate, certificate)).pair.chain) == 2


def test_what_is_no_certificate(files):
    certificate, key = files
    assert complaint(key, key) == f"{key}: no certificate in PEM form (-----BEGIN CERTIFICATE-----) is in there"
    assert complaint(certificate, certificate) == (
        f"{certificate}: no private key in PEM form (-----BEGIN PRIVATE KEY-----) is in there"
    )


def test_a_key_of_another_certificate(files):
    certificate, key = files
    key.write_bytes(trustme.CA().private_key_pem.bytes())
    assert complaint(certificate, key) == (
        f"{key}: is not the key of the certificate in {certificate}: give the two that go together"
    )


def test_a_key_with_a_passphrase(files):
    certificate, key = files
    form = serialization.PrivateFormat.PKCS8
    locked = serialization.BestAvailableEncryption(b"secret")
    key.write_bytes(keypair.read_key(key).private_bytes(serialization.Encoding.PEM, form, locked))
    assert complaint(certificate, key).startswith(f"{key}: the key has a passphrase: take it off")


def test_what_cannot_be_read(files, tmp_path):
    assert complaint(tmp_path, files[1]) == f"{tmp_path}: can't be read: Is a directory"


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        (-9, -2, "expired on {end:%Y-%m-%d}: renew it"),
        (2, 9, "not valid before {begin:%Y-%m-%d %H:%M} UTC: is the clock"),
    ],
)
def test_a_certificate_that_is_not_valid_today(tmp_path, begin, end, words):
    now = datetime.now(UTC).replace(microsecond=0)
    times = {"begin": now + timedelta(days=begin), "end": now + timedelta(days=end)}
    leaf = trustme.CA().issue_cert("a.example", not_before=times["begin"], not_after=times["end"])
    path = tmp_path / "both.pem"
    leaf.private_key_and_cert_chain_pem.write_to_path(path)
    assert complaint(path, path).startswith(f"{path}: {words.format(**times)}")


def test_a_broken_file_at_a_reload_changes_nothing(files):
    certificate, key = files
    served = Certificate(lambda: keypair.read(certificate, key))
    context = served.context((b"http/1.1",))
    certificate.write_text("broken")
    with pytest.raises(ConfigError):
        served.reload()
    assert served.context((b"http/1.1",)) is context
