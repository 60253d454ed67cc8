"""
Images for engines, made of the programs of this machine, without a registry or another tool.

An archive is at once an OCI image layout and what `docker save` writes, so that every engine can load it.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.runtime import ROOT

DIRECTORY = ROOT / ".cache" / "e2e" / "images"
PREFIX = "docker.io/library/"
PAUSE = "registry.k8s.io/pause:3.6"  # containerd's CRI plugin asks for it, if it is not told another one
MEDIA = "application/vnd.oci.image."
ENVIRONMENT = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FROM_IMAGE=yes"]
EPOCH = "2020-01-01T00:00:00Z"

DIRECTORIES = "bin data dev etc home lib proc root run sbin sys usr usr/bin usr/sbin var var/run"
PASSWD = """root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
user:x:1000:1000:user:/home:/bin/sh
"""
GROUP = "root:x:0:\nnogroup:x:65534:\nuser:x:1000:\nextra:x:2000:user\n"

MERGED = "bin sbin lib lib64"
# What a small Debian consists of. Nothing of them is configured for this machine.
DEBIAN_PACKAGES = """base-files base-passwd bash coreutils dash debianutils findutils grep sed login libc6
libtinfo6 libselinux1 libpcre2-8-0 libacl1 libattr1 libgmp10 libcrypt1
zlib1g libpam0g libaudit1 libcap-ng0""".split()


@dataclass
class Layer:
    """
    A tar archive, uncompressed: the same content always has the same digest.
    """

    buffer: io.BytesIO = field(default_factory=io.BytesIO)

    def __post_init__(self) -> None:
        self.tar = tarfile.TarFile(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name: str, kind: bytes, mode: int, content: bytes = b"", link: str = "") -> None:
        """
        An entry of root's.
        """
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(content), link
        self.tar.addfile(entry, io.BytesIO(content))

    def directory(self, name: str, mode: int = 0o755) -> None:
        self.add(name, tarfile.DIRTYPE, mode)

    def file(self, name: str, content: "bytes | str", mode: int = 0o644) -> None:
        self.add(name, tarfile.REGTYPE, mode, content.encode() if isinstance(content, str) else content)

    def link(self, name: str, target: str) -> None:
        self.add(name, tarfile.SYMTYPE, 0o777, link=target)

    def finished(self) -> bytes:
        self.tar.close()
        return self.buffer.getvalue()


def busybox_layer() -> bytes:
    """
    Busybox with a link for each of its commands, and files that tests look at.
    """
    layer = Layer()
    for name in DIRECTORIES.split():
        layer.directory(name)
    layer.directory("tmp", 0o1777)
    busybox = shutil.which("busybox")
    assert busybox, "busybox-static is not installed"
    layer.file("bin/busybox", Path(busybox).read_bytes(), 0o755)
    names = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split()
    for name in names:
        if name != "busybox":
            layer.link(f"bin/{name}", "busybox")
    layer.link("usr/bin/env", "../../bin/busybox")
    layer.file("etc/passwd", PASSWD)
    layer.file("etc/group", GROUP)
    layer.file("etc/not-executable", "nothing\n")
    layer.file("bin/not-a-program", "\x7fELF, it says\n", 0o755)
    layer.file("data/base", "of the base\n")
    layer.file("data/replaced", "of the base\n")
    return layer.finished()


def top_layer() -> bytes:
    """
    What a second layer adds, replaces, and takes away.
    """
    layer = Layer()
    layer.directory("data")
    layer.file("data/top", "of the top\n")
    layer.file("data/replaced", "of the top\n")
    layer.file("data/.wh.base", "")
    return layer.finished()


def copy(layer: Layer, path: Path) -> None:
    """
    What a path of this machine is, into the same place.
    """
    name, mode = str(path)[1:], path.lstat().st_mode & 0o7777
    if path.is_symlink():
        layer.link(name, os.readlink(path))
    elif path.is_file():
        layer.file(name, path.read_bytes(), mode)
    elif name:
        layer.directory(name, mode)


def debian_layer() -> bytes:
    """
    A small Debian, of the files of the packages that are installed here.
    """
    listed = subprocess.run(
        ["dpkg", "-L", *DEBIAN_PACKAGES], check=True, capture_output=True, text=True
    ).stdout
    names = [name for name in listed.splitlines() if os.path.lexists(name)]  # documents may be left out here
    # Packages of Debian 12 still say /bin where a link leads to /usr/bin.
    paths = {Path(os.path.realpath(path.parent), path.name) for path in map(Path, names)}
    layer = Layer()
    for name in MERGED.split():
        layer.link(name, f"usr/{name}")
    for path in sorted(path for path in paths if len(path.parts) > 2 or path.name not in MERGED.split()):
        if not str(path).startswith("/usr/share/"):
            copy(layer, path)
    layer.file("etc/passwd", PASSWD)
    layer.file("etc/group", GROUP)
    return layer.finished()


@dataclass(frozen=True)
class Image:
    """
    An image's archive, and its full and its short name.
    """

    short: str
    archive: Path
    name: str


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def descriptor(kind: str, content: bytes) -> "dict[str, object]":
    """
    How an OCI layout names a blob.
    """
    return {"mediaType": MEDIA + kind, "digest": f"sha256:{digest_of(content)}", "size": len(content)}


def packed(value: object) -> bytes:
    return json.dumps(value).encode()


def write(short: str, layers: "list[bytes]", command: "list[str]", name: str = "") -> Image:
    """
    An image of layers, the lowest first. Its full name is that of an image of Docker, or another one.
    """
    name = name or f"{PREFIX}{short}:latest"
    config = packed(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": EPOCH,
            "config": {"Env": ENVIRONMENT, "Cmd": command, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest_of(layer)}" for layer in layers]},
            "history": [{"created": EPOCH, "created_by": "tests"} for _ in layers],
        }
    )
    manifest = packed(
        {
            "schemaVersion": 2,
            "mediaType": f"{MEDIA}manifest.v1+json",
            "config": descriptor("config.v1+json", config),
            "layers": [descriptor("layer.v1.tar", layer) for layer in layers],
        }
    )
    names = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": "latest",
    }
    index = {
        "schemaVersion": 2,
        "manifests": [{**descriptor("manifest.v1+json", manifest), "annotations": names}],
    }
    docker = {
        "Config": f"blobs/sha256/{digest_of(config)}",
        "RepoTags": [name.removeprefix(PREFIX)],
        "Layers": [f"blobs/sha256/{digest_of(layer)}" for layer in layers],
    }
    archive = Layer()
    archive.file("oci-layout", packed({"imageLayoutVersion": "1.0.0"}))
    archive.file("index.json", packed(index))
    archive.file("manifest.json", packed([docker]))
    for blob in {digest_of(blob): blob for blob in (config, manifest, *layers)}.values():
        archive.file(f"blobs/sha256/{digest_of(blob)}", blob)
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = DIRECTORY / f"{short}.tar"
    path.write_bytes(archive.finished())
    return Image(short, path, name)


def all_images() -> "dict[str, Image]":
    """
    busybox; the same below a second layer; a small Debian; what holds the namespaces of a pod.
    """
    busybox = busybox_layer()
    return {
        "bb": write("bb", [busybox], ["/bin/sh"]),
        "top": write("top", [busybox, top_layer()], ["/bin/sh"]),
        "debian": write("debian", [debian_layer()], ["/bin/bash"]),
        "pause": write("pause", [busybox], ["/bin/sleep", "100000"], name=PAUSE),
    }
