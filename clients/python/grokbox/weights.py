"""Weights in and out: dicts of float32 arrays by name, checked with their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ._connection import Connection, Deadline, messages, new_request_id
from ._filled import filled
from ._generated.v1 import snapshot_pb2, tensor_pb2
from .errors import GrokboxError, bad_answer

ARRAYS = (
    "theta",
    "xi",
    "theta_first",
    "theta_second",
    "xi_first",
    "xi_second",
    "theta_average",
    "xi_average",
    "embedding",
    "projection",
    "embedding_first",
    "embedding_second",
    "projection_first",
    "projection_second",
    "embedding_average",
    "projection_average",
)
"""In the order in which they travel: theta and xi [M, p]; of a learned embedding its factors, embedding [d, p] and projection
[M, d], of which theta is the product; of what is trained AdamW's moments, ``_first`` and ``_second``, and Grokfast's
``_average``, where there are any."""

_CHUNK_BYTES = 256 * 1024

_MOST_BYTES = 4 * (5 * 65_536 * 199 + 4 * 512 * (65_536 + 199))
"""As much as the largest state has: M = 65,536, p = 199, d = 512, with AdamW's moments and Grokfast's averages."""


def download(connection: Connection, name: str, deadline: Deadline) -> dict[str, np.ndarray]:
    """Fetches a snapshot's arrays in chunks; starts over when the connection breaks."""
    request = snapshot_pb2.DownloadSnapshotRequest(name=name)
    method = connection.snapshots.DownloadSnapshot
    return connection.retrying(lambda: _receive(messages(method(request, timeout=deadline.left))), deadline)


def upload(connection: Connection, weights: Mapping[str, Any], step: int, deadline: Deadline) -> str:
    """Sends weights in chunks. Returns uploads/{id}."""
    unknown = set(weights) - set(ARRAYS)
    if unknown or "theta" not in weights or "xi" not in weights:
        raise ValueError(f"weights must be theta and xi, and may be {', '.join(ARRAYS[2:])}; got {sorted(weights)}")
    arrays = {name: np.ascontiguousarray(weights[name], dtype="<f4") for name in ARRAYS if name in weights}
    data = b"".join(array.tobytes() for array in arrays.values())
    manifest = tensor_pb2.Manifest(
        tensors=[
            tensor_pb2.TensorInfo(name=name, dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=array.shape)
            for name, array in arrays.items()
        ],
        total_bytes=len(data),
        sha256=hashlib.sha256(data).digest(),
    )
    header = filled(snapshot_pb2.UploadHeader, request_id=new_request_id(), manifest=manifest, step=step)
    return upload_pieces(connection, header, lambda: [data], deadline)


def upload_pieces(
    connection: Connection,
    header: snapshot_pb2.UploadHeader,
    pieces: Callable[[], Iterable[bytes]],
    deadline: Deadline,
) -> str:
    """Sends bytes in chunks. ``pieces`` makes them anew for every attempt."""

    def requests() -> Iterator[snapshot_pb2.UploadWeightsRequest]:
        yield snapshot_pb2.UploadWeightsRequest(header=header)
        offset = 0
        for piece in pieces():
            for start in range(0, len(piece), _CHUNK_BYTES):
                chunk = tensor_pb2.Chunk(offset=offset + start, data=piece[start : start + _CHUNK_BYTES])
                yield snapshot_pb2.UploadWeightsRequest(chunk=chunk)
            offset += len(piece)

    return connection.upload(connection.snapshots.UploadWeights, requests, deadline).upload


def array_of(tensor: Any) -> np.ndarray:
    """The array that a Tensor message holds, in this machine's byte order and in memory of its own."""
    dtypes = {
        tensor_pb2.DATA_TYPE_FLOAT32: np.float32,
        tensor_pb2.DATA_TYPE_FLOAT64: np.float64,
        tensor_pb2.DATA_TYPE_UINT32: np.uint32,
    }
    dtype = dtypes.get(tensor.dtype)
    if dtype is None:
        raise bad_answer(f"the server sent an array of type {tensor.dtype}")
    return _numbers(tensor.data, dtype, tuple(tensor.shape), "an array")


def _receive(stream: Iterator[Any]) -> dict[str, np.ndarray]:
    manifest = None
    data = bytearray()
    for message in stream:
        part = message.WhichOneof("part")
        if part == "snapshot":
            manifest = message.snapshot.manifest
            if manifest.total_bytes > _MOST_BYTES:
                raise bad_answer(f"{manifest.total_bytes} bytes are announced, more than any network has")
        elif part == "chunk":
            if manifest is None or message.chunk.offset != len(data):
                raise bad_answer(f"a chunk came for {message.chunk.offset} in place of {len(data)}")
            data += message.chunk.data
            if len(data) > manifest.total_bytes:
                raise bad_answer(f"{len(data)} of {manifest.total_bytes} bytes came")
    if manifest is None:
        raise bad_answer("the server sent no snapshot")
    if len(data) < manifest.total_bytes:
        raise bad_answer(f"{len(data)} of {manifest.total_bytes} bytes came")
    _check_digest(manifest, data)
    return _split(manifest, bytes(data))


def _check_digest(manifest: Any, data: bytes | bytearray) -> None:
    expected, got = manifest.sha256.hex(), hashlib.sha256(data).hexdigest()
    if got != expected:
        raise GrokboxError(
            f"the bytes' SHA-256 is {got}, the manifest's {expected}",
            "DATA_LOSS",
            "CHECKSUM_MISMATCH",
            {"expected": expected, "got": got},
        )


def _split(manifest: Any, data: bytes) -> dict[str, np.ndarray]:
    arrays = {}
    offset = 0
    for tensor in manifest.tensors:
        if tensor.dtype != tensor_pb2.DATA_TYPE_FLOAT32:
            raise bad_answer(f"{tensor.name} is of type {tensor.dtype}")
        shape = tuple(tensor.shape)
        end = offset + 4 * int(np.prod(shape, dtype=np.int64))
        arrays[tensor.name] = _numbers(data[offset:end], np.float32, shape, tensor.name)
        offset = end
    return arrays


def _numbers(data: bytes, dtype: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    wire = np.dtype(dtype).newbyteorder("<")
    if len(data) != wire.itemsize * int(np.prod(shape, dtype=np.int64)):
        raise bad_answer(f"{len(data)} bytes came for {name} of shape {list(shape)}")
    return np.frombuffer(data, dtype=wire).reshape(shape).astype(dtype)
