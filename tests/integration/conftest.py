"""
Integration tests start real containers, as root or as an ordinary user; each leaves the machine as it was.
"""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support import cgroup
from tests.support.at_call import AtCall
from tests.support.caller import needs_root
from tests.support.helpers import compiled
from tests.support.mount_namespace import MountNamespace
from tests.support.network_namespace import NetworkNamespace
from tests.support.resctrl import Resctrl
from tests.support.seccomp_agent import Agent, refuse_mkdir, with_agent
from tests.support.sweep import Sweep
from tests.support.terminal import Terminal


@pytest.fixture(autouse=True)
def checked(request):
    # First of all, so that it looks when everything else has been cleaned up.
    request.getfixturevalue("nothing_left")


@pytest.fixture
def mount_namespace():
    """
    A mount namespace to make "host" mounts in.
    """
    namespace = MountNamespace()
    yield namespace
    namespace.close()


@pytest.fixture
def secluded(mount_namespace, container):
    """
    A container whose runtime runs inside of `mount_namespace`.
    """
    container.runtime = container.runtime.behind(mount_namespace.prefix)
    return container


@pytest.fixture
def unified_controllers(container):
    """
    Which controllers the unified hierarchy passes on is put back in the end.
    """
    before = cgroup.passed_on()
    yield
    container.delete("--force")
    for controller in cgroup.passed_on() - before:
        (cgroup.UNIFIED / "cgroup.subtree_control").write_text(f"-{controller}")


@pytest.fixture
def v2_namespace(mount_namespace, unified_controllers):
    """
    A mount namespace in which the unified hierarchy is all there is.
    """
    if not cgroup.IS_V2:
        mount_namespace.run("umount", "-R", "/sys/fs/cgroup")
        mount_namespace.run("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
    return mount_namespace


@pytest.fixture
def v2_container(v2_namespace, container):
    """
    A container whose runtime sees cgroup v2 only.
    """
    container.runtime = container.runtime.behind(v2_namespace.prefix)
    return container


@pytest.fixture
def terminal():
    """
    A user's terminal.
    """
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture
def run_on(container, terminal):
    """
    A function: run with a script as the program, on the terminal; the runtime's process.
    """
    container.bundle.process["terminal"] = True

    def start(script, *options, **streams):
        container.bundle.script(script).save()
        argv = container.runtime.argv("run", "--bundle", container.bundle.path, *options, container.id)
        return terminal.spawn(argv, **streams)

    return start


@pytest.fixture
def exec_on(container, terminal):
    """
    The same with exec, in a container that has no terminal itself.
    """
    container.create().start()

    def start(script, *options, **streams):
        argv = container.runtime.argv("exec", "-t", *options, container.id, "/bin/sh", "-c", script)
        return terminal.spawn(argv, **streams)

    return start


@pytest.fixture(params=["run_on", "exec_on"])
def start_on(request):
    """
    Each of the two.
    """
    return request.getfixturevalue(request.param)


@pytest.fixture
def engine(container):
    """
    Calls of the runtime come from a process that becomes the parent of what they leave, as an engine does.
    (Some machines' pid 1 takes seconds to reap, and a pid namespace ends only then.)
    """
    container.runtime = container.runtime.behind([str(compiled("shim.c"))])


@pytest.fixture
def at_call(tmp_path):
    """
    Makes things happen at a certain system call of a command.
    """
    needs_root("traces programs, and newuidmap would lose its rights")
    return AtCall(compiled("at_call.c"), tmp_path / "calls")


@pytest.fixture
def sweep(container, at_call):
    """
    Disturbs commands on one container at call after call.
    """
    return Sweep(container, at_call)


@pytest.fixture
def network_host():
    """
    The network namespace that the runtime runs in.
    """
    namespace = NetworkNamespace()
    yield namespace
    namespace.close()


@pytest.fixture
def other_network():
    """
    One that a container can join.
    """
    namespace = NetworkNamespace()
    yield namespace
    namespace.close()


@pytest.fixture
def networked(container, network_host):
    """
    A container whose runtime runs there.
    """
    container.runtime = container.runtime.behind(network_host.prefix)
    yield container
    container.runtime = container.runtime.behind([])


@pytest.fixture
def socket_directory():
    """
    For sockets, whose paths must be short.
    """
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@pytest.fixture
def agent(socket_directory):
    """
    A seccomp agent that refuses mkdir in a way of its own, and lets all else happen.
    """
    agent = Agent(socket_directory / "agent", refuse_mkdir)
    yield agent
    agent.close()


@pytest.fixture
def listened(container, agent):
    """
    A container with a profile that sends mkdir to the agent.
    """
    shutil.copy(compiled("refused.c"), container.bundle.rootfs / "refused")
    return with_agent(container, agent.path, "mkdir")


@pytest.fixture
def make_resctrl(mount_namespace, tmp_path):
    """
    A function that mounts a resctrl file system in `mount_namespace`.
    """
    made = []

    def make(**options) -> Resctrl:
        (tmp_path / "resctrl").mkdir()
        made.append(Resctrl(mount_namespace, tmp_path / "resctrl", **options))
        return made[-1]

    yield make
    for resctrl in made:
        resctrl.close()
