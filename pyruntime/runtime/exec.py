"""
Runs one more process in a container.

Runs in the runtime process. Takes no lock: the container is held by a pidfd of its init, which setns(2)
takes for all of its namespaces at once; if the container goes away meanwhile, that fails.
"""

import posix

from pyruntime import native
from pyruntime.cgroup import hierarchy
from pyruntime.errors import Error, KernelError, StateError
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan.build import ExecTarget, build_exec
from pyruntime.plan.facts import Facts
from pyruntime.runtime import facts as host
from pyruntime.runtime.foreground import Foreground
from pyruntime.runtime.launch import Launch, open_for_plan
from pyruntime.runtime.pid_file import write_pid_file
from pyruntime.runtime.state import State
from pyruntime.runtime.talk import InitDied, InitFailed
from pyruntime.util.fs import exists, read_file
from pyruntime.util.log import cleaned_up, warn
from pyruntime.util.proc import open_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyruntime.runtime.seccomp_agent import Agent

    Process = dict[str, Any]


class ExecRequest:
    """
    What `exec` asks for.
    """

    def __init__(self, state: State, process: "Process", text: bytes, pointer: str) -> None:
        self.state = state
        self.process = process
        self.text = text  # the document that the process is from
        self.pointer = pointer  # where in it the process stands
        self.root = state.directory.root
        self.detach = False
        self.ignore_paused = False
        self.pid_file = ""
        self.pidfd_socket = ""
        self.preserve_fds = 0
        self.sub_cgroups: "dict[str, str]" = {}  # controller -> path below the container's cgroup
        self.pass_terminal: "Callable[[int, int], None] | None" = None
        self.directory = ""  # the unified cgroup that it will be in


def check_status(state: State, *, ignore_paused: bool) -> None:
    """
    Whether a process can be added. Raises StateError.
    """
    status = state.status()
    if status in ("stopped", "creating"):
        raise StateError(f"cannot exec in a {'stopped' if status == 'stopped' else status} container")
    if status == "paused" and not ignore_paused:
        raise StateError("cannot exec in a paused container (use --ignore-paused to override)")


def complete(process: "Process", config: "dict[str, Any]") -> "Process":
    """
    A process object with what the container's own process has and it does not say; noNewPrivileges is not
    among it, for without it a process has none.
    """
    own = config.get("process", {})
    inherited = ("capabilities", "rlimits", "oomScoreAdj")
    completed = {key: own[key] for key in inherited if key in own} | process
    for name in ("apparmorProfile", "selinuxLabel"):
        if own.get(name) and not process.get(name):
            completed[name] = own[name]  # an empty one is none
    umask = own.get("user", {}).get("umask")
    if umask is not None and "umask" not in process.get("user", {}):
        completed["user"] = {**process.get("user", {}), "umask": umask}
    return completed


def run_exec(request: ExecRequest) -> int:
    """
    Runs the process.

    Returns:
        its exit code (128+n for a signal), 0 if detached.

    Raises:
        Error: it could not be run.
    """
    state = request.state
    check_status(state, ignore_paused=request.ignore_paused)
    pid_fd = open_process(state.pid, state.started)
    if pid_fd is None:
        raise StateError("cannot exec in a stopped container")
    config = state.config()
    process = complete(request.process, config)
    facts = _facts(request, process, config)
    plan, warnings = build_exec(process, config.get("linux", {}), facts, target_of(state), request.pointer)
    for warning in warnings:
        warn(warning)
    native.close_on_exec(3)
    launch = Launch(plan, 3 + facts.passed_fds)
    try:
        return _converse(request, launch, pid_fd)
    except BaseException as error:
        cleaned_up(launch.kill)
        if isinstance(error, InitDied):
            error = InitDied(launch.status)
        if isinstance(error, (InitFailed, InitDied)):
            raise _explain(request, error, plan) from None
        raise


def _converse(request: ExecRequest, launch: Launch, pid_fd: int) -> int:
    foreground = None
    pass_terminal = request.pass_terminal
    if not request.detach:
        foreground = Foreground(terminal=bool(request.process.get("terminal")))
        pass_terminal = foreground.receive_terminal
    if request.state.own.get("systemd", {}).get("user"):
        from pyruntime.runtime.systemd import attach_below

        assert launch.stage is not None
        attach_below(request.state, request.directory, launch.stage.pid)
    launch.start(lambda what, path: pid_fd if what == "container" else open_for_plan(what, path))
    if request.state.data.get("intel_rdt_path"):
        from pyruntime.runtime.intel_rdt import join

        join(request.state, launch.pid)
    launch.go()
    launch.set_up(None, pass_terminal)
    if request.pidfd_socket:
        from pyruntime.runtime.console import FdSocket

        FdSocket(request.pidfd_socket).pass_fd(launch.pid_fd, b"setns")
    launch.commit()
    try:
        if foreground is not None:
            foreground.take_over(launch)
        launch.run_program(lambda: _find_agent(request.state, launch.pid))
        # Engines take the file as the sign that the process runs: not before it does.
        if request.pid_file:
            write_pid_file(request.pid_file, launch.pid)
    except BaseException:
        if foreground is not None:
            foreground.restore()
        raise
    if foreground is None:
        launch.close()
        return 0
    return foreground.wait()


def _find_agent(state: State, pid: int) -> "Agent":
    from pyruntime.runtime.seccomp_agent import Agent

    return Agent(state, state.status(), pid)


def _explain(request: ExecRequest, error: Error, plan: "Any") -> Error:
    from pyruntime.cgroup.manager import Cgroup
    from pyruntime.runtime.create import StartError
    from pyruntime.runtime.failure import explain_init

    oom_killed = Cgroup(request.state.cgroup_paths()).oom_kills() > 0
    explained = explain_init(error, plan, request.text, oom_killed=False)
    suffix = " (possibly OOM-killed)" if oom_killed and isinstance(error, InitDied) else ""
    return StartError(Error(f"{explained}{suffix}"))


def _facts(request: ExecRequest, process: "Process", config: "dict[str, Any]") -> Facts:
    state = request.state
    facts = host.host_facts()
    host.check_process(process, facts, request.pointer)
    facts.container_id = state.data["id"]
    facts.no_new_keyring = state.own.get("no_new_keyring", False)
    # Listening sockets are for the container's own program, not for what is executed beside it.
    facts.passed_fds = host.check_inherited(0, request.preserve_fds)
    hierarchies = hierarchy.detect()
    paths = {key: path for key, path in state.cgroup_paths().items() if exists(path)}
    if request.sub_cgroups:
        from pyruntime.cgroup.sub import check_there, resolve
        from pyruntime.runtime.create import StartError

        try:
            paths = resolve(paths, request.sub_cgroups)
            check_there(paths)
        except Error as error:
            raise StartError(error) from None
    host.add_cgroup(facts, hierarchies, paths)
    if facts.cgroup_directory and not request.sub_cgroups:
        facts.cgroup_directory = _unified_directory(hierarchies, facts.cgroup_directory, state.pid)
    request.directory = facts.cgroup_directory
    profile = config.get("linux", {}).get("seccomp")
    if profile:
        from pyruntime.runtime.seccomp import filter_for

        facts.seccomp = filter_for(profile, request.root)
    return facts


def _unified_directory(hierarchies: "list[hierarchy.Hierarchy]", directory: str, pid: int) -> str:
    """
    A cgroup that passes controllers on takes no processes: an init that has made such cgroups (systemd)
    is itself in one of them, and there the new process goes, too.
    """
    try:
        if not read_file(f"{directory}/cgroup.subtree_control").strip():
            return directory
        lines = read_file(f"/proc/{pid}/cgroup").decode("utf-8", "surrogateescape").splitlines()
    except KernelError:
        return directory
    own = next((line[3:] for line in lines if line.startswith("0::")), "")
    return hierarchies[-1].mount_point + own  # the unified one comes last


def target_of(state: State) -> ExecTarget:
    """
    The namespaces that differ from ours: setns(2) refuses our own user namespace.
    """
    nstypes = 0
    for file, flag in NAMESPACES.values():
        if file not in state.own["namespace_files"].values():
            continue
        try:
            theirs = posix.stat(f"/proc/{state.pid}/ns/{file}")
            ours = posix.stat(f"/proc/self/ns/{file}")
        except OSError as error:
            raise KernelError(error.errno, "stat", f"/proc/{state.pid}/ns/{file}") from None
        if theirs.st_ino != ours.st_ino:
            nstypes |= flag
    return ExecTarget(nstypes, state.pid if state.own["root_is_moved"] else 0)
