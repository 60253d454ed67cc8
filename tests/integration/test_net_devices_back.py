"""
Network devices that have moved are moved back when the container cannot be made, or its program not be run.
"""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.hooks import add
from tests.support.network_namespace import ask_for, inside, join, same
from tests.support.runtime import wait_until

pytestmark = [pytest.mark.since("1.4"), pytest.mark.row("NET-1")]

NOT_BACK = pytest.mark.ours("runC leaves what has moved to the kernel, which destroys virtual devices")

# What cannot fail in this way: memory that is there, children that are waited for, the way back to the host.
SURE = ("brk", "close", "exit_group", "mmap", "mprotect", "munmap", "rt_sigaction", "wait4", "setns")


@pytest.fixture
def host(network_host):
    return network_host


@pytest.fixture
def other(other_network):
    return other_network


@pytest.fixture
def container(networked):
    return networked


@pytest.fixture
def devices(host):
    """
    Two, one of them up; how they look.
    """
    return add_devices(host)


def add_devices(host) -> "dict[str, dict]":
    host.add("one", "10.1.1.1/24 label one:x", "10.1.1.2/24", "fd00::7/64", up=True)
    host.add("two", "10.2.2.2/24")
    return {name: host.links()[name] for name in ("one", "two")}


def check_that_they_are_back(host, devices):
    after = host.links()
    for name, before in devices.items():
        assert same(after[name], before)


@NOT_BACK
def test_a_hook_fails(container, host, devices):
    add(container, "createRuntime", "exit 7")
    ask_for(container, one="new", two="eth%d").fails_to_create("hook")
    check_that_they_are_back(host, devices)


@NOT_BACK
def test_the_init_fails(container, host, other, devices):
    join(container, other)
    container.bundle.add_mount("/x", "tmpfs", "tmpfs", ["nonsense=1"])
    ask_for(container, one="new", two="").fails_to_create("nonsense")
    check_that_they_are_back(host, devices)
    assert set(other.links()) == {"lo"}


@NOT_BACK
def test_the_program_cannot_be_run(container, host, devices):
    (container.bundle.rootfs / "nothing").write_text("#!/nope\n")
    (container.bundle.rootfs / "nothing").chmod(0o755)
    container.bundle.args("/nothing")
    assert ask_for(container, one="new", two="").run().returncode != 0
    check_that_they_are_back(host, devices)


@NOT_BACK
def test_the_second_one_cannot_be_moved(container, host, other, devices):
    """
    The kernel has moved it before it notices that the name is taken: as an alternative one.
    """
    other.add("eth0")
    other.ip("link", "property", "add", "dev", "eth0", "altname", "taken")
    join(container, other)
    ask_for(container, one="new", two="taken").fails_to_create("exists", "/linux/netDevices/two")
    check_that_they_are_back(host, devices)
    assert set(other.links()) == {"lo", "eth0", "peer-eth0"}


@pytest.mark.row("OP-7")
@NOT_BACK
def test_a_system_call_fails(container, host, sweep):
    """
    Whichever it is, from the time on when the devices are moved.
    """
    ask_for(container, one="new", two="eth%d")
    before = {}

    def make():
        for name in set(host.links()) & {"one", "two"}:
            host.ip("link", "delete", name)
        before.update(add_devices(host))

    for result, place in sweep.disturb(
        "runtime", f"error-{errno.EIO}", "setns", make, container.try_create, 7, SURE
    ):
        if result.returncode == 0:
            assert set(inside(container)) == {"lo", "new", "eth0"}, place
            sweep.clean_up(place)
        else:
            check_that_they_are_back(host, before)


@NOT_BACK
def test_its_old_place_is_taken(container, host):
    """
    What cannot be undone is told.
    """
    host.add("one")
    script = f"nsenter --net={host.path} ip link add one type veth peer x; exit 7"
    add(container, "createRuntime", script)
    ask_for(container, one="new").fails_to_create("hook")
    assert "network device one cannot be moved back" in " ".join(container.warnings())


@pytest.mark.ours("runC has no sockets at all there")
def test_run_holds_no_socket_in_the_container(container, host):
    """
    While the program runs: the namespace, and what is in it, ends with the container.
    """
    host.add("one")
    ask_for(container, one="new").bundle.script("exec sleep 100").save()
    words = container.runtime.argv("run", "--bundle", container.bundle.path, container.id)
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        wait_until(lambda: container.exists() and container.status == "running", what="running")
        open_files = [os.readlink(entry) for entry in Path(f"/proc/{running.pid}/fd").iterdir()]
        container.kill("KILL")
        assert running.wait(10) == 137
    # One is that of the conversation with the init.
    assert len([name for name in open_files if name.startswith(("socket:", "net:"))]) <= 1
