"""Snapshots as files, and files as weights."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

from ._connection import Connection, Deadline, messages, new_request_id
from ._generated.v1 import snapshot_pb2
from .errors import GrokboxError, bad_answer
from .weights import upload_pieces

SafetensorsFile = Union[bytes, bytearray, memoryview, "os.PathLike[str]"]
"""The bytes of a safetensors file, or its path, which is read in pieces: theta and xi [M, p], float32 or float64; optionally
the factors of a learned embedding, AdamW's moments, Grokfast's averages and ``train``, the training pairs."""

_FORMATS = {"safetensors": snapshot_pb2.FILE_FORMAT_SAFETENSORS, "npz": snapshot_pb2.FILE_FORMAT_NPZ}

_PIECE_BYTES = 1 << 20


def export(connection: Connection, name: str, path: str | os.PathLike[str], format: int, deadline: Deadline) -> Any:
    """Writes a snapshot to a file that appears when it is whole and its SHA-256 was checked. Starts over when the connection
    breaks. Returns the SnapshotInfo."""
    request = snapshot_pb2.DownloadSnapshotRequest(name=name, format=format)
    method = connection.snapshots.DownloadSnapshot
    return connection.retrying(lambda: _receive(messages(method(request, timeout=deadline.left)), Path(path)), deadline)


def upload_file(connection: Connection, file: SafetensorsFile, deadline: Deadline) -> str:
    """Sends a safetensors file in chunks. Returns uploads/{id}."""
    digest = hashlib.sha256()
    total_bytes = 0
    for piece in _pieces(file):
        digest.update(piece)
        total_bytes += len(piece)
    about = snapshot_pb2.FileInfo(
        format=snapshot_pb2.FILE_FORMAT_SAFETENSORS, total_bytes=total_bytes, sha256=digest.digest()
    )
    header = snapshot_pb2.UploadHeader(request_id=new_request_id(), file=about)
    return upload_pieces(connection, header, lambda: _pieces(file), deadline)


def format_of(path: str | os.PathLike[str], format: str | None) -> int:
    """The number of the format that is said, or that the file's extension says."""
    name = format or Path(path).suffix[1:].lower()
    if name in _FORMATS:
        return _FORMATS[name]
    raise ValueError(f"format must be {' or '.join(_FORMATS)}, or the file's extension say it; got {name!r}")


def _pieces(file: SafetensorsFile) -> Iterator[bytes]:
    if isinstance(file, (bytes, bytearray, memoryview)):
        yield bytes(file)
        return
    with open(file, "rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            yield piece


def _receive(stream: Iterator[Any], path: Path) -> Any:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            snapshot = _write(stream, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        return snapshot
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _write(stream: Iterator[Any], file: Any) -> Any:
    snapshot = None
    digest = hashlib.sha256()
    received = 0
    for message in stream:
        part = message.WhichOneof("part")
        if part == "snapshot":
            snapshot = message.snapshot
        elif part == "chunk":
            if message.chunk.offset != received:
                raise bad_answer(f"a chunk came for {message.chunk.offset} in place of {received}")
            digest.update(message.chunk.data)
            file.write(message.chunk.data)
            received += len(message.chunk.data)
        elif part == "file" and message.file.sha256:
            if snapshot is None or received != message.file.total_bytes:
                raise bad_answer(f"{received} of {message.file.total_bytes} bytes came")
            _check(message.file.sha256.hex(), digest.hexdigest())
            return snapshot
    raise bad_answer(f"{received} bytes came, and no checksum")


def _check(expected: str, got: str) -> None:
    if got != expected:
        raise GrokboxError(
            f"the bytes' SHA-256 is {got}, and {expected} was announced",
            "DATA_LOSS",
            "CHECKSUM_MISMATCH",
            {"expected": expected, "got": got},
        )
