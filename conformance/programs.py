"""
Gets the OCI's validation programs (runtime-tools), and what they need beside them.

The Go client fetches and builds a pinned version; Debian's golang-go can build it, too. (Later versions have
programs that pass nowhere: they compare pointers.) Everything lies below one directory, which has, when it is
ready:

    bin/                the programs
    stage/              the directory that they run in: runtimetest and rootfs-ARCH.tar.gz
    installed           which version it is
"""

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "conformance"
MODULE = "github.com/opencontainers/runtime-tools"
VERSION = "v0.9.1-0.20221107090550-2e043c6bd626"
BUSYBOX = "/bin/busybox"
INSIDE = "runtimetest"  # what the programs run in containers
PARTS = {f"{MODULE}/validation/...": "bin", f"{MODULE}/cmd/{INSIDE}": "stage"}

# Directories and files of the root file system beside busybox.
DIRECTORIES = [".", "bin", "dev", "etc", "proc", "sys", "tmp"]
FILES = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n"}


def installed(cache: Path = CACHE) -> "list[Path]":
    """
    The programs, sorted by name; none if they have not been installed.
    """
    if not (cache / "installed").exists():
        return []
    return sorted(path for path in (cache / "bin").iterdir() if path.name != INSIDE)


def install(cache: Path = CACHE) -> "list[Path]":
    """
    Installs the programs, unless this version is there, and returns them as installed() does. Needs `go`.

    Raises:
        subprocess.CalledProcessError: they cannot be built.
    """
    stamp = cache / "installed"
    if not (stamp.exists() and stamp.read_text().startswith(VERSION)):
        for part in ("bin", "stage"):
            shutil.rmtree(cache / part, ignore_errors=True)
            (cache / part).mkdir(parents=True)
        _build(cache)
        _make_rootfs(cache / "stage")
        stamp.write_text(f"{VERSION}\n")
    return installed(cache)


def _build(cache: Path) -> None:
    """
    Static programs: what runs in a container finds no libraries there.
    """
    environment = {
        "CGO_ENABLED": "0",
        "GOPATH": str(cache / "go"),
        "GOCACHE": str(cache / "go-build"),
        "GOFLAGS": "-modcacherw",  # so that the cache can be removed like any other
        "GOTOOLCHAIN": "local",
    }
    for package, directory in PARTS.items():
        subprocess.run(
            ["go", "install", f"{package}@{VERSION}"],
            env={**os.environ, **environment, "GOBIN": str(cache / directory)},
            stdin=subprocess.DEVNULL,
            check=True,
        )


def _make_rootfs(stage: Path) -> None:
    """
    The root file system that each program unpacks for its bundles: busybox, all its names, a few files.
    """
    go = subprocess.run(["go", "env", "GOARCH"], capture_output=True, text=True, check=True)
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    with tarfile.open(stage / f"rootfs-{go.stdout.strip()}.tar.gz", "w:gz", compresslevel=1) as archive:
        for name in DIRECTORIES:  # the first opens the bundle to users of user namespaces
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, text in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
        archive.add(BUSYBOX, "bin/busybox")
        for name in set(names) - {"busybox"}:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
