"""One large file over HTTP, with ``Range`` and an entity tag, and with cuts where they are asked for.

Run as ``python -m benchmarks.file_server BYTES``: prints its port and the file's sha256 as one line of JSON and
serves until its input ends. ``/whole`` is never cut; ``/cut`` breaks off each transfer after an odd part of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import socket
import sys
import threading

WEBM = bytes.fromhex("1a45dfa3")
"""How a WebM file begins (EBML)."""
BLOCK = 64 * 1024 * 1024 + 13
"""Bytes that repeat: an odd number, so that a rest put in the wrong place shows."""
CUT = 0.37
"""The part of the file after which ``/cut`` breaks off."""
TAG = '"the-file"'
_RANGE = re.compile(r"^range: bytes=(\d+)-\r?$", re.IGNORECASE | re.MULTILINE)


class File:
    """The file.

    Args:
        size: Its bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        # A test pattern, no secret.
        self._block = WEBM + random.Random(7).randbytes(BLOCK - len(WEBM))  # noqa: S311

    def parts(self, first: int, last: int) -> list[memoryview]:
        """Return the bytes from one to before another."""
        found = []
        view = memoryview(self._block)
        while first < last:
            at = first % BLOCK
            piece = view[at : at + min(BLOCK - at, last - first)]
            found.append(piece)
            first += len(piece)
        return found

    def sha256(self) -> str:
        """Return the digest of the whole."""
        digest = hashlib.sha256()
        for piece in self.parts(0, self.size):
            digest.update(piece)
        return digest.hexdigest()


def serve(peer: socket.socket, file: File) -> None:
    """Answer one connection's requests."""
    with contextlib.suppress(OSError), peer:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (received := peer.recv(65536)):
                return
            head += received
        text = head.decode("latin-1")
        asked = _RANGE.search(text)
        first = int(asked[1]) if asked else 0
        told = f"Content-Range: bytes {first}-{file.size - 1}/{file.size}\r\n" if asked else ""
        peer.sendall(
            f"HTTP/1.1 {206 if asked else 200} OK\r\nContent-Type: video/webm\r\nETag: {TAG}\r\n{told}"
            f"Content-Length: {file.size - first}\r\nConnection: close\r\n\r\n".encode()
        )
        cut = text.startswith("GET /cut")
        for piece in file.parts(first, min(file.size, first + int(file.size * CUT)) if cut else file.size):
            peer.sendall(piece)


def main() -> None:
    """Serve until the input ends."""
    file = File(int(sys.argv[1]))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(json.dumps({"port": listener.getsockname()[1], "sha256": file.sha256()}) + "\n")
        sys.stdout.flush()

        def accept() -> None:
            while True:
                peer, _ = listener.accept()
                threading.Thread(target=serve, args=(peer, file), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
