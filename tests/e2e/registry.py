"""
A registry of images: python3 -m tests.e2e.registry PORT WORD=ARCHIVE ...

Each archive is what image.py writes, and is given for every name that has the word in it; the first one for
all others.
"""

import json
import sys
import tarfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.e2e.image import MEDIA

MANIFEST = MEDIA + "manifest.v1+json"
BLOB = "application/octet-stream"


class Content:
    """
    The blobs of all archives, and the digests of their manifests by word.
    """

    def __init__(self, archives: "dict[str, str]"):
        self.blobs: "dict[str, bytes]" = {}
        self.manifests: "dict[str, str]" = {}
        for word, path in archives.items():
            with tarfile.open(path) as archive:
                files = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
            self.manifests[word] = json.loads(files["index.json"])["manifests"][0]["digest"]
            for name, data in files.items():
                if name.startswith("blobs/"):
                    self.blobs[name.removeprefix("blobs/").replace("/", ":")] = data

    def find(self, path: str) -> "tuple[str, str] | None":
        """
        The digest and the type of what a path of the API stands for.
        """
        repository, _, reference = path.rpartition("/")
        if repository.endswith("/blobs"):
            return (reference, BLOB) if reference in self.blobs else None
        if not repository.endswith("/manifests"):
            return None
        if reference in self.blobs:
            return reference, MANIFEST
        words = [word for word in self.manifests if word in repository] or list(self.manifests)
        return self.manifests[words[0]], MANIFEST


def handler(content: Content) -> "type[BaseHTTPRequestHandler]":
    """
    The API, as far as who pulls needs it.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, has_body: bool) -> None:
            found = content.find(self.path.partition("?")[0])
            data = content.blobs[found[0]] if found else b""
            self.send_response(200 if found or self.path.rstrip("/") == "/v2" else 404)
            if found:
                self.send_header("Docker-Content-Digest", found[0])
                self.send_header("Content-Type", found[1])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if has_body:
                self.wfile.write(data)

        def do_GET(self) -> None:
            self.answer(has_body=True)

        def do_HEAD(self) -> None:
            self.answer(has_body=False)

        def log_message(self, *words: object) -> None:
            pass

    return Handler


def main() -> None:
    archives = dict(word.split("=", 1) for word in sys.argv[2:])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler(Content(archives))).serve_forever()


if __name__ == "__main__":
    main()
