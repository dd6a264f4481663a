"""The list of directories that go to a burst's hosts, and the shell text that makes them there.

The list is data: one line `USERID PATH` for each, in a Secret that is mounted in the burst's pods, or in the
arguments of a command. The text is always the same; nothing of a list ever becomes part of it, and it reads
each line without evaluating it. POSIX shell (IEEE 1003.1), beside it only `mkdir`, `chown`, `id`,
`env` and `pwd`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from burstd.core.cwd import flaw
from burstd.core.jobs import Directory

__all__ = ["LOOP", "MOST", "MOST_BYTES", "Directory", "capped", "command", "decode", "encode", "script"]

MOST = 2000
"""Directories in one list."""

MOST_BYTES = 600_000
"""Bytes of one list: a Secret has room for 1 MiB (1048576 bytes), and not for the list alone."""

LOOP = r"""
set +eu
LC_ALL=C
umask 022
myself=$(id -u)
complain() {
  printf 'burstd: directory %s is not made: %s\n' "$path" "$1" >&2
}
is_at() {
  [ "$(env pwd -P)" = "$1" ] || { complain "$1 was changed meanwhile"; return 1; }
}
enter() {
  if [ -L "./$part" ]; then complain "$here is a symbolic link"; return 1; fi
  cd -P "./$part" || { complain "$here cannot be entered"; return 1; }
}
make() {
  is_at "${here:-/}" || return 1
  here=$here/$part
  if said=$(mkdir "./$part" 2>&1); then made=1
  elif [ ! -d "./$part" ]; then complain "$said"; return 1; fi
  enter || return 1
  [ -z "$made" ] || [ "$user" = "$myself" ] || ! is_at "$here" || chown "$user" . 2>/dev/null
  return 0
}
walk() {
  rest=${path#/} here=
  cd -P / || return
  while [ "$rest" ]; do
    part=${rest%%/*} made=
    case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    if [ -e "./$part" ] || [ -L "./$part" ]; then
      here=$here/$part
      enter || return
    else
      make || return
    fi
  done
}
while IFS= read -r line; do
  user=${line%% *} path=${line#* }
  case $user in '' | *[!0-9]*) continue ;; esac
  case $path/ in
    *//* | */./* | */../*) complain "it is not normalised" ;;
    /*) walk ;;
    *) complain "it is not absolute" ;;
  esac
done
"""
"""Makes the directories that standard input lists.

It walks to each from the root, part by part, and goes through no symbolic link. Before it makes something,
and before it gives it away, it asks the kernel where it is: those who own a directory on the way may put
something else in its place while it walks. It gives away only what it made itself.
"""

_FROM_FILE = '(\nFILE={file}\n[ -r "$FILE" ] || exit 0\nexec < "$FILE"{loop}) || :'
_FROM_ARGUMENTS = "printf '%s\\n' \"$@\" | ({loop}) || :"


def script(file: str) -> str:
    """Return the shell text that makes what the list in `file` names; a missing file is an empty list.

    It can stand anywhere in a script of a POSIX shell or bash, strict or not: it changes nothing of the shell
    around it, prints only on standard error and always succeeds.
    """
    return _FROM_FILE.format(file=shlex.quote(file), loop=LOOP)


def command(directories: Iterable[Directory]) -> list[str]:
    """Return the command that makes the directories, each an argument of its own. Raises ValueError."""
    lines = [_line(one) for one in _in_order(directories)]
    return ["sh", "-c", _FROM_ARGUMENTS.format(loop=LOOP), "burstd", *lines]


def encode(directories: Iterable[Directory]) -> bytes:
    """Return the list, in order and without repetitions, cut to what a Secret can hold (see `capped`).

    Raises ValueError for a path that `burstd.core.cwd.flaw` finds fault with.
    """
    return "".join(f"{_line(one)}\n" for one in capped(directories)).encode()


def decode(content: bytes) -> tuple[Directory, ...]:
    """Return what `encode` was given."""
    lines = (line.split(" ", 1) for line in content.decode().split("\n")[:-1])
    return tuple(Directory(path, int(userid)) for userid, path in lines)


def capped(directories: Iterable[Directory]) -> tuple[Directory, ...]:
    """Return the directories in order, the first of each path, as far as one list holds them."""
    ordered, size = _in_order(directories)[:MOST], 0
    for index, one in enumerate(ordered):
        size += len(_line(one).encode()) + 1
        if size > MOST_BYTES:
            return tuple(ordered[:index])
    return tuple(ordered)


def _in_order(directories: Iterable[Directory]) -> list[Directory]:
    """Parents come before what is in them, and the lowest user of a path is the one whose it will be."""
    first: dict[str, Directory] = {}
    for one in sorted(directories):
        first.setdefault(one.path, one)
    return list(first.values())


def _line(directory: Directory) -> str:
    found = flaw(directory.path)
    if found:
        raise ValueError(f"{directory.path!r} {found}: it is not put on a list of directories")
    return f"{directory.userid} {directory.path}"
