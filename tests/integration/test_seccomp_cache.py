"""
Compiled seccomp filters are kept below the state root: used again, and never trusted blindly.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pyruntime.runtime.seccomp import pack, unpack
from tests.support import caller
from tests.support.helpers import compiled

GETPPID, GETPGRP = 110, 111

pytestmark = [pytest.mark.row("SEC-15"), pytest.mark.ours("runC keeps nothing")]


def profile(*names):
    rules = [{"names": list(names), "action": "SCMP_ACT_ERRNO"}]
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}


@pytest.fixture
def runtime(tmp_path, runtime):
    """
    With a state root, and so with a cache, of its own.
    """
    runtime = runtime.behind([])
    runtime.root = tmp_path / "root"
    return runtime


@pytest.fixture
def container(container):
    shutil.copy(compiled("refused.c"), container.bundle.rootfs / "refused")
    container.bundle.linux["seccomp"] = profile("getppid")
    container.bundle.script(f"/refused call {GETPPID}; /refused call {GETPGRP}")
    return container


@pytest.fixture
def cache(runtime) -> Path:
    return runtime.root / ".cache/seccomp"


REFUSED = "errno 1\nok\n"
REFUSE, ALLOW = (0x50001).to_bytes(4, "little"), (0x7FFF0000).to_bytes(4, "little")


@pytest.fixture
def entry(container, cache) -> Path:
    """
    What the first start has left in the cache.
    """
    assert container.run_ok() == REFUSED
    (entry,) = cache.iterdir()
    return entry


def test_what_is_left_is_the_callers_alone(cache, entry):
    assert [path.stat().st_mode & 0o777 for path in (cache, entry)] == [0o700, 0o600]


def test_the_second_start_uses_it(entry, cache, container):
    """
    Whoever compiles a filter writes an entry, and that is another file.
    """
    before = entry.stat().st_ino
    assert container.run_ok() == REFUSED
    assert [path.stat().st_ino for path in cache.iterdir()] == [before]


def test_so_does_exec(entry, cache, container):
    before = entry.stat().st_ino
    container.bundle.args("/inside", "pause")
    container.create().start()
    assert container.exec_ok("/refused", "call", str(GETPPID)) == "errno 1\n"
    assert [path.stat().st_ino for path in cache.iterdir()] == [before]


def damage_by_bytes(data):
    return lambda entry, cache: entry.write_bytes(data)


def cut(entry, cache):
    os.truncate(entry, entry.stat().st_size // 2)


def flip_a_bit_of_the_key(entry, cache):
    data = entry.read_bytes()
    entry.write_bytes(data.replace(b"getppid", b"getpgrp"))


def change_the_answer(entry, cache):
    """
    SECCOMP_RET_ERRNO | EPERM becomes SECCOMP_RET_ALLOW: a filter that the kernel takes, too.
    """
    data = entry.read_bytes()
    assert data.count(REFUSE) == 1
    entry.write_bytes(data.replace(REFUSE, ALLOW))


def make_a_directory(entry, cache):
    entry.unlink()
    entry.mkdir()


def make_a_fifo(entry, cache):
    entry.unlink()
    os.mkfifo(entry)


DAMAGE = {
    "empty": damage_by_bytes(b""),
    "rubbish": damage_by_bytes(b"rubbish"),
    "ones": damage_by_bytes(b"\xff" * 5000),
    "cut": cut,
    "another key": flip_a_bit_of_the_key,
    "another answer": change_the_answer,
    "directory": make_a_directory,
    "fifo": make_a_fifo,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_not_used(entry, cache, container, damage):
    damage(entry, cache)
    assert container.run_ok() == REFUSED


def test_one_wrong_bit_anywhere(entry, container):
    """
    Memory of any size is not asked for, either, whatever a length says.
    """
    container.run_ok()
    whole = entry.read_bytes()
    for place in [*range(24), *range(24, len(whole), 40)]:
        damaged = bytearray(whole)
        damaged[place] ^= 0x40
        entry.write_bytes(damaged)
        assert container.run_ok() == REFUSED, place


@pytest.mark.parametrize("damage", [damage_by_bytes(b"rubbish"), cut, make_a_fifo], ids=range(3))
def test_a_damaged_entry_is_made_anew(entry, container, damage):
    damage(entry, None)
    container.run_ok()
    made = entry.stat().st_ino
    assert container.run_ok() == REFUSED
    assert entry.stat().st_ino == made


def test_an_entry_of_another_profile_is_not_used(entry, cache, container):
    container.bundle.linux["seccomp"] = profile("getpgrp")
    assert container.run_ok() == "ok\nerrno 1\n"
    (other,) = set(cache.iterdir()) - {entry}
    shutil.copyfile(other, entry)
    container.bundle.linux["seccomp"] = profile("getppid")
    assert container.run_ok() == REFUSED


@pytest.fixture
def laxer(entry, container, tmp_path):
    """
    An entry that has the right key, and a filter that allows everything: it is used where nothing speaks
    against it.
    """
    key, library, _ = unpack(entry.read_bytes())
    path = tmp_path / "laxer"
    path.write_bytes(pack(key, library, (6).to_bytes(2, "little") + b"\0\0" + ALLOW))
    shutil.copyfile(path, entry)
    assert container.run_ok() == "ok\nok\n"
    return path


def test_an_entry_that_is_a_link_is_not_followed(laxer, entry, container):
    before = laxer.read_bytes()
    entry.unlink()
    entry.symlink_to(laxer)
    assert container.run_ok() == REFUSED
    assert laxer.read_bytes() == before


def test_an_entry_of_another_user_is_not_used(laxer, entry, container):
    shutil.copyfile(laxer, entry)
    caller.chown(entry, 1000, 1000)
    assert container.run_ok() == REFUSED


def test_an_entry_that_others_may_write_is_not_used(laxer, entry, container):
    shutil.copyfile(laxer, entry)
    entry.chmod(0o666)
    assert container.run_ok() == REFUSED


def test_a_link_in_place_of_the_new_file_is_not_written_through(cache, entry, container, tmp_path):
    (tmp_path / "victim").write_text("mine")
    entry.unlink()
    (cache / f".{entry.name}.new").symlink_to(tmp_path / "victim")
    assert container.run_ok() == REFUSED
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize("place", [".cache", ".cache/seccomp"])
def test_a_cache_that_cannot_be_written_is_no_error(runtime, container, place):
    path = runtime.root / place
    path.parent.mkdir(parents=True)
    path.write_text("in the way")
    assert container.run_ok() == REFUSED


def test_many_at_once_with_a_cold_cache(make_container, container, cache):
    containers = [container, *(make_container() for _ in range(5))]
    for other in containers[1:]:
        shutil.copy(compiled("refused.c"), other.bundle.rootfs / "refused")
        other.bundle.config = container.bundle.config
    words = []
    for one in containers:
        one.bundle.save()
        words.append(one.runtime.argv("run", "--bundle", one.bundle.path, one.id))
    started = [
        subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) for argv in words
    ]
    assert [process.communicate()[0] for process in started] == [REFUSED] * 6
    assert len(list(cache.iterdir())) == 1


def test_the_list_of_containers_does_not_show_the_cache(runtime, entry):
    assert runtime.ok("list", "-q").stdout == ""
