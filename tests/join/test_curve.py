"""Reading, writing and refusing certificates."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import zmq

from burstd.core.errors import CertificateError
from burstd.join import curve

PUBLIC, SECRET = (key.decode() for key in zmq.curve_keypair())
OTHER, _ = (key.decode() for key in zmq.curve_keypair())

GOOD = f"""\
#  a comment
metadata
\tname = "lead"
\tkeygen.userid = "1000"
curve
    public-key = "{PUBLIC}"
    secret-key = "{SECRET}"
"""

BAD_TEXTS = {
    "empty": ("", "not a CURVE certificate"),
    "prose": ("hello\nthere\n", "not a CURVE certificate"),
    "public key alone": (GOOD.replace("secret-key", "other"), "has no secret-key"),
    "secret key alone": (GOOD.replace("public-key", "other"), "has no public-key"),
    "short key": (GOOD.replace(SECRET, SECRET[:-1]), "has no secret-key"),
    "key that is not Z85": (GOOD.replace(SECRET, '"' * 40), "not a CURVE certificate"),
    "keys outside of curve": (GOOD.replace("\ncurve\n", "\nother\n"), "has no public-key"),
    "no name": (GOOD.replace('name = "lead"', 'nom = "lead"'), "no name under metadata"),
    "empty name": (GOOD.replace('"lead"', '""'), "no name under metadata"),
    "keys of two pairs": (GOOD.replace(PUBLIC, OTHER), "does not belong to its secret-key"),
}


def put(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def test_a_certificate_is_read(tmp_path: Path) -> None:
    """Both keys and the name of a good file are found, with tabs or spaces before them."""
    certificate = curve.read(put(tmp_path / "curve.cert", GOOD))

    assert certificate == curve.Certificate(PUBLIC.encode(), SECRET.encode(), "lead")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """A written certificate reads back the same, and nobody else may read its file."""
    path = tmp_path / "curve.cert"
    written = curve.write(path, "burst-0")

    assert (curve.read(path), written.name) == (written, "burst-0")
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_secret_key_is_not_shown(tmp_path: Path) -> None:
    """Neither repr nor str of a certificate gives its secret key away."""
    certificate = curve.write(tmp_path / "curve.cert", "lead")

    assert certificate.secret_key.decode() not in f"{certificate!r} {certificate}"


@pytest.mark.parametrize("case", BAD_TEXTS)
def test_a_bad_certificate_is_refused_by_its_path(tmp_path: Path, case: str) -> None:
    """What Flux would refuse is refused, with the file and the reason named and no key shown."""
    text, reason = BAD_TEXTS[case]
    path = put(tmp_path / "curve.cert", text)

    with pytest.raises(CertificateError) as refusal:
        curve.read(path)

    assert str(refusal.value).startswith(f"{path}: ")
    assert reason in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610])
def test_a_certificate_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right of the group or of others refuses the file, in Flux's own words."""
    with pytest.raises(CertificateError, match="readable by group/other"):
        curve.read(put(tmp_path / "curve.cert", GOOD, mode))


def test_a_missing_certificate_is_told(tmp_path: Path) -> None:
    """A path where nothing stands says how to make a certificate."""
    with pytest.raises(CertificateError, match="no such file: make one with flux keygen"):
        curve.read(tmp_path / "none")


def test_a_folder_is_no_certificate(tmp_path: Path) -> None:
    """A folder in the place of the file is refused."""
    with pytest.raises(CertificateError, match="cannot be read: Is a directory"):
        curve.read(tmp_path)


def test_a_named_pipe_is_no_certificate(tmp_path: Path) -> None:
    """A pipe that nobody writes to is refused at once, not waited for."""
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(CertificateError, match="not a file"):
        curve.read(tmp_path / "pipe")


def test_bytes_are_no_certificate(tmp_path: Path) -> None:
    """A binary file is refused as such."""
    with pytest.raises(CertificateError, match="it is not text"):
        curve.read(put(tmp_path / "curve.cert", b"\xff\xfe\x00"))


def test_a_path_through_a_file_cannot_be_read(tmp_path: Path) -> None:
    """What the system says of an unreadable path is passed on."""
    put(tmp_path / "file", "")

    with pytest.raises(CertificateError, match="cannot be read: Not a directory"):
        curve.read(tmp_path / "file" / "curve.cert")


def test_a_certificate_is_never_written_over(tmp_path: Path) -> None:
    """Writing where a file stands is refused, and the file stays as it was."""
    path = put(tmp_path / "curve.cert", GOOD)

    with pytest.raises(CertificateError, match="exists already"):
        curve.write(path, "lead")

    assert path.read_text() == GOOD


def test_a_certificate_needs_a_folder(tmp_path: Path) -> None:
    """Writing into a folder that is not there says why it cannot be done."""
    with pytest.raises(CertificateError, match="cannot be written: No such file or directory"):
        curve.write(tmp_path / "none" / "curve.cert", "lead")


@pytest.mark.parametrize("name", ["", 'a"b', "two words", "line\nbreak"])
def test_a_name_that_would_break_the_file_is_refused(tmp_path: Path, name: str) -> None:
    """A name that cannot stand between quotes in the file is refused before anything is made."""
    with pytest.raises(CertificateError, match="cannot name a certificate"):
        curve.write(tmp_path / "curve.cert", name)

    assert not (tmp_path / "curve.cert").exists()


@pytest.mark.process
@pytest.mark.real_flux
def test_the_certificate_of_flux_keygen_is_read(tmp_path: Path) -> None:
    """What a real `flux keygen` writes is read."""
    path = tmp_path / "curve.cert"
    flux = shutil.which("flux")
    assert flux is not None

    subprocess.run([flux, "keygen", "--name=lead", path], check=True, timeout=30)

    assert curve.read(path).name == "lead"
