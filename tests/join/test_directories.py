"""The list of directories and the shell text that makes them, run by real shells."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from burstd.join.directories import (
    MOST,
    MOST_BYTES,
    Directory,
    capped,
    command,
    decode,
    encode,
    script,
)

SHELLS = [
    pytest.param((name, *flags), id="-".join((name, *flags)))
    for name, *flags in (("dash",), ("bash",), ("bash", "--posix"), ("busybox", "sh"), ("sh",))
    if shutil.which(name)
]
STRICT = "set -eEu -o pipefail\n"
"""How the Flux Operator begins its scripts with `logging.strict`."""

USER = 12345
NOBODY = 65534
NASTY = (
    "it's",
    'a "quote"',
    "$(touch hit)",
    "`touch hit`",
    "$HOME ${x:-y}",
    "a;touch hit;#",
    "a && b | c > d",
    "-p",
    "--help",
    "~",
    "*",
    "[a-z]?",
    "back\\slash\\n",
    "two  spaces ",
    " begins with one",
    "!",
    "(",
    "-e",
    "=",
    "%s%n",
    "{{ .Values }}",
    "naïve-日本-🚀",
    "u\u2028v",
    "EOT",
    "x" * 255,
)

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root gives directories away")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that any user may enter, with no symbolic link in its path."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
        path = Path(folder).resolve()
        path.chmod(0o755)
        yield path


def run(shell, text: str, *, cwd: Path, uid: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script as the operator's is run, perhaps as another user, and expect no output."""
    other = [] if uid is None else ["setpriv", f"--reuid={uid}", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*other, *shell, "-c", text], cwd=cwd, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    return done


def make(shell, root: Path, *directories: Directory, uid: int | None = None) -> str:
    """Write the list, run the script in the midst of a strict one, and return what it complained of."""
    file = root / "the list's file"
    file.write_bytes(encode(directories))
    return run(shell, script(str(file)), cwd=root, uid=uid).stderr


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


class TestList:
    def test_it_comes_back_as_it_was(self):
        """A list that was encoded decodes to its directories, in order and once each."""
        one, two, three = Directory("/a", 0), Directory("/a/b c", 7), Directory("/b", 8)

        assert encode([three, two, one, two]) == b"0 /a\n7 /a/b c\n8 /b\n"
        assert decode(encode([three, two, one])) == (one, two, three)
        assert (encode([]), decode(b"")) == (b"", ())

    def test_a_path_stands_once(self):
        """Of two users of one path the lower one gets it, so that a prefix stays root's."""
        assert encode([Directory("/a", 7), Directory("/a", 0)]) == b"0 /a\n"

    @pytest.mark.parametrize("path", ["/a\nb", "/a\0", "/a\x1b[m", "a", "/a/../b", "/a//b", "/a/", "/", ""])
    def test_what_could_be_read_as_something_else_is_refused(self, path):
        """A path with a control character, or that is not absolute and normalised, is never written."""
        for write in (encode, command):
            with pytest.raises(ValueError, match="not put on a list"):
                write([Directory(path, 1)])

    def test_it_is_cut_to_what_a_secret_can_hold(self):
        """Neither more directories nor more bytes go into a list than it may have."""
        many = [Directory(f"/a/{number:05}", 1) for number in range(MOST + 5)]
        long = [Directory(f"/{'x/' * 2000}{number:03}", 1) for number in range(200)]

        assert capped(many) == tuple(many[:MOST])
        assert MOST_BYTES - 4100 < len(encode(long)) <= MOST_BYTES
        assert len(base64.b64encode(encode(long))) < 1024 * 1024

    @pytest.mark.parametrize("name", NASTY)
    def test_names_survive(self, name):
        """Quotes, spaces and anything else that can be printed come back."""
        assert decode(encode([Directory(f"/a/{name}", 1)])) == (Directory(f"/a/{name}", 1),)


@pytest.mark.process
class TestScript:
    def test_directories_are_made_with_their_parents(self, shell, root):
        """Each missing part of a path is made, traversable by all and writable by its owner alone."""
        assert make(shell, root, Directory(f"{root}/home/alice/run", USER)) == ""
        made = [root / "home", root / "home/alice", root / "home/alice/run"]
        assert [stat.S_IMODE(path.stat().st_mode) for path in made] == [0o755] * 3

    @as_root
    def test_they_are_the_user_s(self, shell, root):
        """What was made belongs to the job's user; a prefix that stands before it stays root's."""
        make(shell, root, Directory(f"{root}/home", 0), Directory(f"{root}/home/alice/run", USER))
        assert owner(root / "home") == (0, 0)
        assert owner(root / "home/alice") == (USER, 0)
        assert owner(root / "home/alice/run") == (USER, 0)

    def test_names_are_never_evaluated(self, shell, root):
        """Whatever a name looks like to a shell, a directory of exactly that name is made, and no other."""
        assert make(shell, root, *(Directory(f"{root}/in/{name}/{name}", USER) for name in NASTY)) == ""
        assert names(root / "in") == sorted(NASTY)
        assert all(names(root / "in" / name) == [name] for name in NASTY)
        assert names(root) == ["in", "the list's file"]

    def test_a_long_path_is_made(self, shell, root):
        """A path as long as Linux allows is made part by part."""
        parts = (4095 - len(os.fsencode(root))) // 201
        path = f"{root}{('/' + 'x' * 200) * parts}"
        assert make(shell, root, Directory(path, USER)) == ""
        assert Path(path).is_dir()

    def test_existing_directories_are_left_as_they_are(self, shell, root):
        """Neither mode nor owner nor content of what was there changes, and a second run changes nothing."""
        (root / "home").mkdir(mode=0o700)
        (root / "home/file").write_text("mine")
        before = (root / "home").stat()
        for _ in range(2):
            assert make(shell, root, Directory(f"{root}/home", USER)) == ""
        after = (root / "home").stat()
        assert (after.st_mode, after.st_uid, after.st_mtime) == (
            before.st_mode,
            before.st_uid,
            before.st_mtime,
        )
        assert (root / "home/file").read_text() == "mine"

    @pytest.mark.parametrize("place", ["link", "link/b", "a/link/b/c"])
    def test_no_symbolic_link_is_followed(self, shell, root, place):
        """A link in any part of a path, also one to a directory or to nothing, ends the walk there."""
        (root / "target").mkdir()
        link = root / place.partition("link")[0] / "link"
        link.parent.mkdir(exist_ok=True)
        for target in (root / "target", root / "nothing"):
            link.symlink_to(target)
            said = make(shell, root, Directory(f"{root}/{place}", USER))
            assert f"{link} is a symbolic link" in said
            assert link.is_symlink()
            assert (names(root / "target"), (root / "nothing").exists()) == ([], False)
            link.unlink()

    def test_a_file_in_the_way_is_left_alone(self, shell, root):
        """Where a part of the path is a file, that one directory is not made, and the others are."""
        (root / "file").write_text("mine")
        said = make(shell, root, Directory(f"{root}/file/x", USER), Directory(f"{root}/other", USER))
        assert f"{root}/file/x is not made" in said
        assert (root / "file").read_text() == "mine"
        assert (root / "other").is_dir()

    def test_lines_that_burstd_never_writes_are_refused(self, shell, root):
        """The loop checks by itself: dots, doubled slashes, relative paths, what is no user id."""
        lines = ["1 ROOT/in/../out", "1 ROOT/./out", "1 ROOT//out", "1 ROOT/out/", "1 out", "x ROOT/out"]
        lines += ["", "1", "1 ", "1;touch hit ROOT/out", "-1 ROOT/out", "1 /", "$(touch hit) ROOT/out"]
        file = root / "list"
        file.write_text("\n".join(lines).replace("ROOT", str(root)) + "\n")
        run(shell, script(str(file)), cwd=root)
        assert names(root) == ["list"]

    def test_it_never_fails_the_script_around_it(self, shell, root):
        """In a strict script the next command runs, whatever went wrong, and nothing of it leaks out."""
        (root / "file").write_text("")
        (root / "list").write_bytes(encode([Directory(f"{root}/file/x", USER)]))
        dash = shell[0] != "bash"
        strict = "set -eu\n" if dash else STRICT
        text = f"{strict}{script(str(root / 'list'))} > {root}/out\npwd -P > {root}/where\n"
        text += f"umask > {root}/umask\ncommand -v walk > {root}/leaked || :\n"
        (root / "plain").mkdir()
        run(shell, f"umask 077\n{text}", cwd=root / "plain")
        assert (root / "where").read_text() == f"{root}/plain\n"
        assert int((root / "umask").read_text(), 8) == 0o77
        assert (root / "leaked").read_text() == ""

    @pytest.mark.parametrize("kind", ["missing", "directory"])
    def test_no_list_is_an_empty_list(self, shell, root, kind):
        """A file that is not there, or is none, makes nothing and fails nothing."""
        if kind == "directory":
            (root / "list").mkdir()
        run(shell, script(str(root / "list")), cwd=root)
        assert names(root) == (["list"] if kind == "directory" else [])

    @as_root
    def test_a_broker_that_is_not_root_makes_them_its_own(self, shell, root):
        """Where nothing can be given away, that is no complaint: the directory is the broker's user's."""
        (root / "home").mkdir()
        os.chown(root / "home", NOBODY, NOBODY)
        said = make(shell, root, Directory(f"{root}/home/alice/run", USER), uid=NOBODY)
        assert said == ""
        assert owner(root / "home/alice/run") == (NOBODY, NOBODY)

    @as_root
    def test_a_broker_that_may_not_write_says_so(self, shell, root):
        """Where the broker's user may not make a directory, that is said and no more."""
        said = make(shell, root, Directory(f"{root}/home", USER), uid=NOBODY)
        assert f"directory {root}/home is not made" in said
        assert not (root / "home").exists()

    @as_root
    def test_a_directory_that_is_swapped_for_a_link_gives_nothing_away(self, shell, root):
        """The one who owns a directory on the way puts a link in its place: nothing behind it is touched."""
        (root / "bin").mkdir()
        (root / "victim").mkdir()
        (root / "home/mallory").mkdir(parents=True)
        swap = f"mv {root}/home/mallory {root}/old && ln -s {root}/victim {root}/home/mallory"
        real = shutil.which("env")
        (root / "bin/env").write_text(f'#!/bin/sh\n{swap} 2>/dev/null\nexec {real} "$@"\n')
        (root / "bin/env").chmod(0o755)
        (root / "list").write_bytes(encode([Directory(f"{root}/home/mallory/run", USER)]))
        text = f"PATH={root}/bin:$PATH\n{script(str(root / 'list'))}"
        said = run(shell, text, cwd=root).stderr
        assert "was changed meanwhile" in said
        assert names(root / "victim") == []
        assert owner(root / "victim") == (0, 0)


@pytest.mark.process
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_thousand_directories_are_made(shell, root):
    """A long list is worked off whole."""
    wanted = [Directory(f"{root}/{number % 10}/{number:04}", os.getuid()) for number in range(1000)]
    assert make((shell,), root, *wanted) == ""
    assert sum(len(names(root / str(number))) for number in range(10)) == 1000


@pytest.mark.process
def test_the_command_takes_the_list_as_arguments(root):
    """Over Flux each line is an argument of its own, and the text is the same for every list."""
    nasty = [Directory(f"{root}/in/{name}", USER) for name in NASTY]
    program = command(nasty)
    subprocess.run(program, check=True, stdin=subprocess.DEVNULL, timeout=60)
    assert names(root / "in") == sorted(NASTY)
    assert program[:4] == command([Directory("/other", 1)])[:4]
    assert not any(str(root) in part for part in program[:4])


@pytest.mark.process
def test_an_empty_command_makes_nothing(root):
    """A command without directories succeeds."""
    subprocess.run(command([]), check=True, cwd=root, timeout=60)
    assert names(root) == []
