"""A disk that may lose what was not synced: SQLite's own files, with each write and each sync seen.

SQLite reaches files by a table of functions (a VFS). A copy of the default one is registered whose write
and sync are noted here. Nothing is really synced, which makes a run fast; what a loss of power would
leave is known all the same.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_longlong)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)

_PARTS = ("", "-wal")
"""The files of a ledger, as their names go on; the third, -shm, is never read after a crash."""


class _Vfs(ctypes.Structure):
    """The beginning of sqlite3_vfs, as far as it is used; the rest is copied as it is."""

    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        ("xOpen", _OPEN),
        ("rest", ctypes.c_void_p * 16),
    )


class _Methods(ctypes.Structure):
    """sqlite3_io_methods."""

    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("xClose", ctypes.c_void_p),
        ("xRead", ctypes.c_void_p),
        ("xWrite", _WRITE),
        ("xTruncate", ctypes.c_void_p),
        ("xSync", _SYNC),
        ("rest", ctypes.c_void_p * 16),
    )


Image = dict[str, bytes]
"""What the files of one ledger hold, by how their names go on."""


@dataclass
class _File:
    """What a loss of power would leave of one file, and from where on it was written since."""

    synced: bytearray = field(default_factory=bytearray)
    dirty_from: int | None = None


class Disk:
    """Every SQLite file that is opened after `install`."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(_sqlite3.__file__)
        self._files: dict[str, _File] = {}
        self._paths: dict[int, str] = {}
        self._methods: dict[int, _Methods] = {}
        self._keep: list[object] = []
        self.writes = 0
        """How often anything was written."""

    def install(self) -> None:
        """Make this the way in which SQLite reaches files, in this process, from now on."""
        if self._keep:
            return
        find = self._library.sqlite3_vfs_find
        find.restype, find.argtypes = ctypes.POINTER(_Vfs), (ctypes.c_char_p,)
        default = find(None).contents
        made = _Vfs.from_buffer_copy(default)
        self._open_default = default.xOpen
        made.zName, made.xOpen, made.pNext = b"burstd-disk", _OPEN(self._open), None
        self._keep.append(made)
        register = self._library.sqlite3_vfs_register
        register.argtypes = (ctypes.POINTER(_Vfs), ctypes.c_int)
        assert register(ctypes.byref(made), 1) == 0, "SQLite refuses the disk"

    def durable(self, ledger: Path) -> Image:
        """Return what a loss of power now would leave of a ledger."""
        return {part: bytes(self._files[f"{ledger}{part}"].synced) for part in self._known(ledger)}

    def present(self, ledger: Path) -> Image:
        """Return what the files of a ledger hold, synced or not: what the death of a process leaves."""
        return {part: Path(f"{ledger}{part}").read_bytes() for part in _PARTS if _is_there(ledger, part)}

    def is_synced(self, ledger: Path) -> bool:
        """Say whether a loss of power now would leave all that was written."""
        return all(self._files[f"{ledger}{part}"].dirty_from is None for part in self._known(ledger))

    def restore(self, ledger: Path, image: Image) -> None:
        """Put the files of a ledger into this state; nobody has them open. An empty image: they are lost."""
        for part in (*_PARTS, "-shm"):
            Path(f"{ledger}{part}").unlink(missing_ok=True)
            self._files.pop(f"{ledger}{part}", None)
        for part, content in image.items():
            Path(f"{ledger}{part}").write_bytes(content)
            self._files[f"{ledger}{part}"] = _File(bytearray(content))

    def _known(self, ledger: Path) -> list[str]:
        return [part for part in _PARTS if f"{ledger}{part}" in self._files and _is_there(ledger, part)]

    def _open(self, vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        """Open a file. SQLite keeps the pointer to its name, so it is passed on and not a copy."""
        code = int(self._open_default(vfs, name, file, flags, out))
        if code == 0 and name is not None:
            pointer = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))
            path = ctypes.string_at(name).decode()
            self._paths[file] = path
            self._files.setdefault(path, _File())
            pointer[0] = ctypes.addressof(self._watched(pointer[0]))
        return code

    def _watched(self, address: int) -> _Methods:
        """Return the methods of a file with those for writing and syncing replaced."""
        if address not in self._methods:
            methods = _Methods.from_buffer_copy(ctypes.cast(address, ctypes.POINTER(_Methods)).contents)
            methods.xWrite = self._writing(methods.xWrite)
            methods.xSync = _SYNC(self._sync)
            self._methods[address] = methods
        return self._methods[address]

    def _writing(self, write: Any) -> Any:
        address = ctypes.cast(write, ctypes.c_void_p).value  # the field itself is about to be another
        write = _WRITE(address)

        def noted(file: int, data: int, size: int, offset: int) -> int:
            one = self._files.setdefault(self._paths[file], _File())
            self.writes += 1
            one.dirty_from = offset if one.dirty_from is None else min(offset, one.dirty_from)
            return int(write(file, data, size, offset))

        return _WRITE(noted)

    def _sync(self, file: int, _flags: int) -> int:
        path = self._paths[file]
        one = self._files.setdefault(path, _File())
        if one.dirty_from is not None:
            with Path(path).open("rb") as stream:
                stream.seek(one.dirty_from)
                one.synced[one.dirty_from :] = stream.read()
            one.dirty_from = None
        return 0


def torn(before: Image, after: Image) -> Image:
    """Return a state between two: of what is new in the write-ahead log, half is there."""
    old, new = before.get("-wal", b""), after.get("-wal", b"")
    same = next(
        (at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    cut = same + max((len(new) - same) // 2, 1)
    return before | {"-wal": new[:cut] + old[cut:]}


def _is_there(ledger: Path, part: str) -> bool:
    return Path(f"{ledger}{part}").exists()


DISK = Disk()
"""There is one in a process: SQLite has one default way to files."""
