"""
Creates a container: everything up to "created", or nothing at all.

Runs in the runtime process, host namespaces, with the container's lock held. Each thing that is made
registers how it is unmade; a failure, at any point, unmakes all of them in reverse order. What a killed
runtime leaves is in state.json before it exists, so that `delete --force` finds it.
"""

from pyruntime import native
from pyruntime.errors import Error, HookError, place_in
from pyruntime.plan.build import build_create
from pyruntime.plan.facts import Facts, listed_namespaces
from pyruntime.plan.hooks import BEFORE_PIVOT
from pyruntime.plan.ops import Plan
from pyruntime.runtime import facts as host
from pyruntime.runtime.directory import CONFIG_NAME, SOCKET_NAME, check_id, make_directory
from pyruntime.runtime.interrupt import Interrupts
from pyruntime.runtime.launch import Launch, open_for_plan
from pyruntime.runtime.own_cgroup import OwnCgroup
from pyruntime.runtime.pid_file import PidFileError, write_pid_file
from pyruntime.runtime.state import STATE_VERSION, State, new_state_data
from pyruntime.runtime.talk import InitDied, InitFailed
from pyruntime.util.jsonlite import dumps
from pyruntime.util.log import cleaned_up, warn
from pyruntime.util.proc import start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyruntime.runtime.intel_rdt import Group

    Spec = dict[str, Any]


class Request:
    """
    What a command asks for. Paths are absolute.
    """

    def __init__(self, root: str, container_id: str, bundle: str, rootfs: str) -> None:
        self.root = root
        self.container_id = container_id
        self.bundle = bundle
        self.rootfs = rootfs
        self.document = CONFIG_NAME  # how errors call what the config was read from
        self.started_later = True  # by `start`, through the container's socket, not by this process
        self.no_pivot = False
        self.no_new_keyring = False
        self.rootless = "auto"  # the global option
        self.no_cgroup = False  # the global option --cgroup-manager=disabled
        self.systemd = False  # the global option --systemd-cgroup, or --cgroup-manager=systemd
        self.preserve_fds = 0
        self.pid_file = ""
        self.pidfd_socket = ""
        self.pass_terminal: "Callable[[int, int], None] | None" = None  # (master fd, number)


class Creation:
    """
    The making of one container. After `run` the container is "created": `state` is its state, `launch` the
    conversation with its init.
    """

    def __init__(self, request: Request, spec: "Spec", text: bytes) -> None:
        check_id(request.container_id)  # before it becomes a part of any path
        self.request = request
        self.spec = spec
        self.text = text
        self.undo: "list[Callable[[], None]]" = []
        self.state: "State"
        self.launch: Launch
        self.plan: Plan

        self.host = host.host_facts()
        self.place = self._find_place()
        self.paths = self.place.paths
        self.resctrl = self._resctrl_group()

    def _find_place(self) -> OwnCgroup:
        if not self.request.systemd or self.request.no_cgroup:
            return OwnCgroup(self.request, self.spec, self.host, self.text)
        from pyruntime.runtime.systemd import UnitCgroup

        return UnitCgroup(self.request, self.spec, self.host, self.text)

    def _resctrl_group(self) -> "Group | None":
        wanted = self.spec.get("linux", {}).get("intelRdt")
        if wanted is None:
            return None
        from pyruntime.runtime.intel_rdt import Group

        return Group(wanted, self.request.container_id, self.text)

    # --- planning: nothing is made yet

    def facts(self) -> Facts:
        """
        What the planner needs to know.
        """
        request = self.request
        facts = self.place_facts()
        facts.no_new_keyring = request.no_new_keyring
        facts.started_later = request.started_later
        host.check_process(self.spec.get("process", {}), facts, "/process")
        host.check_id_mapped(self.spec, facts)
        host.look_for_selinux(self.spec, facts)
        facts.notify_directory = host.notify_directory(request.root, request.container_id)
        facts.listen_fds = host.listening_fds()
        facts.passed_fds = host.check_inherited(facts.listen_fds, request.preserve_fds)
        profile = self.spec.get("linux", {}).get("seccomp")
        if profile:
            from pyruntime.runtime.seccomp import first_filter

            facts.seccomp = first_filter(profile, request.root, request.bundle, self.text)
        facts.state_creating = self._state_around_pid("creating")
        facts.state_created = self._state_around_pid("created")
        return facts

    def place_facts(self) -> Facts:
        """
        Of these, where things are.
        """
        request = self.request
        facts = self.host
        facts.container_id = request.container_id
        facts.bundle = request.bundle
        facts.rootfs = request.rootfs
        facts.no_pivot = request.no_pivot
        host.add_cgroup(facts, self.place.hierarchies, self.paths)
        return facts

    def _state_around_pid(self, status: str) -> "tuple[str, str]":
        """
        The state as JSON for a hook in the container, which sees another pid than we do.
        """
        state = {"ociVersion": STATE_VERSION, "id": self.request.container_id, "status": status}
        rest: "Spec" = {"bundle": self.request.bundle}
        if self.spec.get("annotations"):
            rest["annotations"] = self.spec["annotations"]
        return dumps(state)[:-1] + ',"pid":', "," + dumps(rest)[1:]

    def _check_network(self) -> None:
        linux = self.spec.get("linux", {})
        joins = listed_namespaces(self.spec).get("network", (0, ""))[1] != ""
        if linux.get("netDevices") or (joins and linux.get("sysctl")):
            from pyruntime.runtime.host_network import check

            check(self.spec, self.text, rootless=self.host.euid != 0 or self.place.may_go_without)

    def make_plan(self, facts: Facts) -> None:
        """
        Makes the plan. Raises Error: the config asks for something impossible.
        """
        self.plan, warnings = build_create(self.spec, facts)
        for warning in warnings:
            warn(warning)
        self._check_network()

    # --- making

    def run(self) -> None:
        """
        Makes the container up to "created".

        Raises:
            Error: it could not be made; nothing of it is left.
        """
        facts = self.facts()
        self.make_plan(facts)
        self.interrupts = Interrupts()
        try:
            self._make_state(facts)
            self.undo.append(self.place.remove)
            self.place.make()
            if self.resctrl is not None:
                self.undo.append(self.resctrl.remove)
                self.resctrl.make(self.state)
            self.start_init(facts)
            self.set_up_init()
        except BaseException as error:
            raise self.fail(error) from None

    def _make_state(self, facts: Facts) -> None:
        directory = make_directory(self.request.root, self.request.container_id)
        self.undo.append(directory.remove)
        # Before the state names it as ours: `delete --force` kills what is in the cgroup.
        self.place.cgroup.check_free()
        directory.write(CONFIG_NAME, self.text)
        data = new_state_data(self.request.container_id, self.spec, facts, self.paths)
        self.place.note(data["pyruntime"])
        if "mount" not in listed_namespaces(self.spec):
            # The container's mounts will be the host's: whatever is on top of the root then, goes.
            data["pyruntime"]["host_mount"] = [facts.rootfs, native.mount_id(facts.rootfs)]
        self.state = State(directory, data)
        self.state.save()
        if facts.notify_directory:
            from pyruntime.runtime import notify

            notify.make_directory(directory)

    def start_init(self, facts: Facts) -> None:
        """
        The init exists, and nothing else of the container. Raises Error.
        """
        native.close_on_exec(3)
        listener = self.state.directory.listen(SOCKET_NAME) if facts.started_later else -1
        self.undo.append(self._detach_host_mount)
        self.launch = Launch(self.plan, 3 + facts.passed_fds, self.interrupts)
        self.undo.append(self.launch.kill)
        self.make_init(lambda what, path: listener if what == "listener" else open_for_plan(what, path))
        self.state.set_init(self.launch.pid, start_time(self.launch.pid))
        self.state.save()
        self._settle_ids(facts)
        self.place.give(self.launch.pid)
        if self.resctrl is not None:
            self.resctrl.join(self.launch.pid)
        self._move_devices()

    def make_init(self, open_fd: "Callable[[str, str], int]") -> None:
        """
        Sends the plan; then the init is in its cgroup, with its limits, and waits. Raises Error.
        """
        assert self.launch.stage is not None
        self.place.enter(self.launch.stage.pid, self.interrupts)
        self.launch.start(open_fd)
        self.place.settle()

    def _settle_ids(self, facts: Facts) -> None:
        namespaces, linux = listed_namespaces(self.spec), self.spec.get("linux", {})
        if "user" not in namespaces:
            return
        from pyruntime.runtime.idmap import check_maps, write_maps

        if not namespaces["user"][1]:
            write_maps(self.launch.pid, linux, privileged=facts.euid == 0)
        elif linux.get("uidMappings") or linux.get("gidMappings"):
            check_maps(self.launch.pid, linux, self.text)

    def _move_devices(self) -> None:
        wanted = self.spec.get("linux", {}).get("netDevices")
        if not wanted:
            return
        from pyruntime.runtime.net_devices import NetDevices

        devices = NetDevices(self.launch.pid, self.text)
        self.undo.append(devices.move_back)
        devices.move(wanted)

    def settle(self) -> None:
        """
        There is no way back any more; what it would have needed (sockets in the container) is closed.
        """
        self.undo.clear()

    def set_up_init(self) -> None:
        """
        From there to "created". Raises Error.
        """
        self.launch.go()
        self.launch.set_up(self.run_hooks, self.request.pass_terminal)
        self.state.own["creating"] = False
        self.state.save()
        if self.request.pidfd_socket:
            from pyruntime.runtime.console import FdSocket

            FdSocket(self.request.pidfd_socket).pass_fd(self.launch.pid_fd, b"standard")
        self.launch.commit()
        # Engines take the file as the sign of success: nothing can fail after it. (`run` has more to do.)
        if self.request.pid_file and self.request.started_later:
            write_pid_file(self.request.pid_file, self.launch.pid)

    def run_hooks(self) -> None:
        """
        The hooks that see the container's namespaces before anything runs in them. Raises HookError.
        """
        from pyruntime.runtime.hooks import run_hooks

        hooks = self.spec.get("hooks", {})
        for name, status in BEFORE_PIVOT.items():
            run_hooks(hooks, name, self.state.oci_state(status), self.interrupts)

    def _detach_host_mount(self) -> None:
        self.state.detach_host_mount()

    # --- failing

    def fail(self, error: BaseException) -> BaseException:
        """
        Unmakes all there is, and says what to report: the error in words.
        """
        oom_killed = is_short = False
        if self.paths and isinstance(error, (InitDied, InitFailed)):
            oom_killed = self.place.cgroup.oom_kills() > 0
            is_short = self.place.cgroup.was_short_of_memory()
        if isinstance(error, InitDied) and error.status is None and hasattr(self, "launch"):
            cleaned_up(self.launch.kill)
            error = InitDied(self.launch.status)
        by_init = isinstance(error, HookError)  # which has waited for it
        self._undo_all()
        if isinstance(error, (InitFailed, InitDied)):
            from pyruntime.runtime.failure import explain_init, was_in_init

            by_init = was_in_init(error)
            error = explain_init(
                error,
                self.plan,
                self.text,
                oom_killed=oom_killed,
                is_short=is_short,
                document=self.request.document,
            )
        if hasattr(self, "state") and self.spec.get("hooks", {}).get("poststop"):
            # Whatever failed: they are there to undo what the other hooks have done, as far as those came.
            cleaned_up(self._run_last_hooks)
        if isinstance(error, Error) and not isinstance(error, PidFileError) and hasattr(self, "launch"):
            place_in(error, self.request.document, self.text)
            return StartError(error, by_init=by_init)
        return error

    def _undo_all(self) -> None:
        """
        The state comes first in the list and goes last, unless something stays that only it tells of.
        """
        done = [cleaned_up(undo) for undo in reversed(self.undo[1:])]
        if self.undo and all(done):
            cleaned_up(self.undo[0])

    def _run_last_hooks(self) -> None:
        from pyruntime.runtime.hooks import run_all_hooks

        run_all_hooks(self.spec["hooks"], "poststop", self.state.oci_state("stopped"))


class StartError(Error):
    """
    An error between the container's first process and its program, in the words that runC's users know.
    """

    def __init__(self, cause: Error, *, by_init: bool = False) -> None:
        during = "error during container init: " if by_init else ""
        super().__init__(f"unable to start container process: {during}{cause}")
        self.cause = cause
