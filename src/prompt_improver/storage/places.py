"""Folders of files on disk or in an object store: what is put there is there whole, or not under its name."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from filelock import FileLock, Timeout

from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.storage.files import lock_path

__all__ = ["HashedSink", "Place", "find_place"]

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://")
_CHUNK = 1 << 20


class HashedSink:
    """A file being written that counts its bytes and digests them on their way."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._digest = stream, hashlib.sha256()
        self.bytes, self.closed = 0, False

    def write(self, data: Any) -> int:
        self._digest.update(data)
        size = memoryview(data).nbytes
        self.bytes += size
        self._stream.write(data)
        return size

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        """Nothing; the place that opened the file flushes and closes it."""

    def close(self) -> None:
        """Nothing; the place that opened the file flushes and closes it."""

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


@dataclass(frozen=True)
class Place:
    """A folder, as `root` of a pyarrow file system. `shown` is its name for people, without passwords."""

    filesystem: Any
    root: str
    shown: str

    @property
    def local(self) -> bool:
        return bool(self.filesystem.type_name == "local")

    def make(self) -> None:
        """Makes the folder where it is not there.

        Raises:
            EnvironmentFailure: the folder above it is not there, or cannot be written.
            InputError: there is a file of that name.
        """
        if not self.local:
            with self.errors(""):
                self.filesystem.create_dir(self.root, recursive=True)
            return
        path = Path(self.root)
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; expected a folder or a name that is free.")
        if not path.parent.is_dir():
            raise EnvironmentFailure(f"the folder {path.parent} does not exist. Make it first, or name another one.")
        with self.errors(""):
            path.mkdir(exist_ok=True)

    def sizes(self) -> dict[str, int]:
        """Bytes of every file in the folder; none where there is no folder."""
        from pyarrow import fs

        with self.errors(""):
            found = self.filesystem.get_file_info(fs.FileSelector(self.root, allow_not_found=True))
            return {info.base_name: info.size for info in found if info.type == fs.FileType.File}

    def open(self, name: str) -> Any:
        """A file of the folder for reading."""
        return self.filesystem.open_input_file(f"{self.root}/{name}")

    def read(self, name: str, *, at_most: int) -> bytes:
        with self.open(name) as file:
            return bytes(file.read(at_most))

    def digest(self, name: str) -> str:
        """sha256 of a file's bytes."""
        found = hashlib.sha256()
        with self.open(name) as file:
            while data := file.read(_CHUNK):
                found.update(data)
        return found.hexdigest()

    def remove(self, name: str) -> None:
        with self.errors(name):
            self.filesystem.delete_file(f"{self.root}/{name}")

    @contextmanager
    def create(self, name: str) -> Iterator[HashedSink]:
        """A new file, in the place of an older one of that name.

        On disk it is written beside its name, flushed to the disk and then renamed. An object store has no such rename: a file that an
        error cut short can stand there under its name, and only who names it elsewhere afterwards knows that it is whole.
        """
        with self.errors(name):
            if self.local:
                with self._renamed(Path(self.root) / name) as sink:
                    yield sink
            else:
                with self.filesystem.open_output_stream(f"{self.root}/{name}", compression=None) as stream:
                    yield HashedSink(stream)

    @contextmanager
    def _renamed(self, target: Path) -> Iterator[HashedSink]:
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
        try:
            with partial.open("wb") as stream:
                yield HashedSink(stream)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(target)
            self._keep_names()
        finally:
            with suppress(OSError):  # an error on the way here says more
                partial.unlink(missing_ok=True)

    def _keep_names(self) -> None:
        """Flushes the folder itself, without which a rename may not survive a power cut; Windows has no such call."""
        if os.name == "nt":
            return
        folder = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes of this machine and user out of the folder; object stores know no locks.

        Raises:
            EnvironmentFailure: another process has it.
        """
        if not self.local:
            yield
            return
        lock = FileLock(lock_path(Path(self.root)))
        with self.errors(""):
            try:
                lock.acquire(timeout=0)
            except Timeout:  # an OSError too, which `errors` would tell otherwise
                raise EnvironmentFailure(f"another process is writing {self.shown}. Wait for it to end, or name another folder.") from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def errors(self, name: str) -> Iterator[None]:
        """Turns what the disk or the store says of a file into one sentence."""
        try:
            yield
        except (OSError, pa.ArrowInvalid) as error:
            said = getattr(error, "strerror", None) or str(error).splitlines()[0][:200]
            told = f"could not write {self.shown}{name}: {said}. Give the same command again when that is mended: finished parts are kept."
            raise EnvironmentFailure(told) from None


def find_place(text: str) -> Place:
    """The folder that a path or an address (`s3://bucket/folder`, `gs://…`) names.

    Raises:
        InputError: an address that pyarrow does not know.
        EnvironmentFailure: its store cannot be reached.
    """
    from pyarrow import fs

    if not _ADDRESS.match(text):
        path = Path(text).absolute()
        return Place(fs.LocalFileSystem(), str(path), f"{text.rstrip('/') or ''}/")
    shown = re.sub(r"//[^/]*@", "//***@", text.split("?")[0]).rstrip("/") + "/"
    try:
        filesystem, root = fs.FileSystem.from_uri(text)
    except (ValueError, NotImplementedError) as error:  # pa.ArrowInvalid is a ValueError
        raise InputError(f"{shown}: not an address of a folder: {_without(text, error)}. Expected a path, s3://… or gs://….") from None
    except OSError as error:
        raise EnvironmentFailure(f"{shown}: cannot be reached: {_without(text, error)}.") from None
    if not root.rstrip("/"):
        raise InputError(f"{shown}: names no folder. Expected an address such as s3://bucket/folder.")
    return Place(filesystem, root.rstrip("/"), shown)


def _without(address: str, error: Exception) -> str:
    """What an error says, without the address, which can hold a password."""
    return str(error).splitlines()[0].replace(address, "it")[:200]
