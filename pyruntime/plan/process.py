"""
The program: limits, user, capabilities, environment, seccomp, execve. The same for create and exec.

Pure: process and facts in, operations out (rows PRC-*).
"""

from _struct import pack

from pyruntime.linux.capabilities import SYS_ADMIN, to_mask, to_names
from pyruntime.linux.rlimits import RLIMITS
from pyruntime.linux.seccomp_names import NEW_LISTENER
from pyruntime.plan.facts import NOTIFY_SOCKET, Facts
from pyruntime.plan.ops import NONE, Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Process = dict[str, Any]

DEFAULT_UMASK = 0o022

# Permissions of a session keyring (keyctl_setperm(3)): all for the possessor; view, read, link for the user.
KEYRING_DEFAULT = 0x3F130000
KEY_USER_SEARCH = 0x00080000
KEY_OTHER_SEARCH = 0x00000008

# Attributes of a task (proc_pid_attr(5)); AppArmor's own has had this name since Linux 5.8.
PROFILE = ["apparmor/exec", "exec"]
LABEL = ["exec"]
KEY_LABEL = ["keycreate"]
NO_LABEL = ""  # as libselinux says it

DEFAULT_PATH = "/bin:/usr/bin"  # what execvp searches when there is no PATH
SCHEDULING = {"scheduler", "ioPriority", "memoryPolicy", "personality"}
SETS = ("effective", "permitted", "inheritable", "ambient", "bounding")


class ProcessPlan:
    """
    Emits the operations of one process object.

    Args:
        process: None for a container without a program: its init waits, and nothing can be started.
        pointer: where the object stands: "/process" in config.json, "" in a process.json.
        user_ns: whether the process is in a user namespace of its own, where it has all capabilities.
    """

    def __init__(
        self, plan: Plan, process: "Process | None", facts: Facts, *, pointer: str, user_ns: bool
    ) -> None:
        self.plan = plan
        self.exists = process is not None
        self.process: "Process" = process or {}
        self.facts = facts
        self.pointer = pointer
        self.user_ns = user_ns
        self.user = self.process.get("user", {})
        self.capabilities = self._capabilities()

    def _add(self, phase: str, name: str, field: str, *fields: "Any") -> None:
        pointer = f"{self.pointer}/{field}" if field else self.pointer
        self.plan.add(phase, name, pointer, *fields)

    def inherit(self) -> None:
        """
        What stage-1 sets on itself because the init may lack the right, and inherits it.
        """
        if "oomScoreAdj" in self.process:
            self._add("HOST", "oom_score_adj", "oomScoreAdj", str(self.process["oomScoreAdj"]))
        for index, limit in enumerate(self.process.get("rlimits", [])):
            number = RLIMITS[limit["type"]]
            field = f"rlimits/{index}"
            self._add("HOST", "rlimit_raise", field, number, limit["type"], limit["hard"])

    def choose_cpus(self, moment: str) -> None:
        """
        The CPUs of a process that exec adds, before and after it joins the container's cgroup (`moment`:
        initial, final); "" is for the container's own process. One that nobody has bound to some may use all:
        not only those that our caller may.
        """
        affinity = self.process.get("execCPUAffinity", {}) if moment else {}
        cpus = affinity.get(moment)
        if cpus:
            from pyruntime.linux.scheduling import parse_list, to_mask

            phase = "HOST" if moment == "initial" else "NS"
            self._add(phase, "cpu_affinity", f"execCPUAffinity/{moment}", to_mask(parse_list(cpus)))
        elif moment != "initial" and not affinity:
            self._add("NS", "cpu_affinity", "", b"")

    def schedule(self, linux: "Process") -> None:
        """
        When the program runs, and on which memory; what kind of Linux it takes this one for.

        Args:
            linux: the section of config.json, whatever the process is from.
        """
        if not (self.process.keys() | linux.keys()) & SCHEDULING:
            return
        from pyruntime.linux import scheduling as table

        scheduler = self.process.get("scheduler")
        if scheduler:
            flags = [table.SCHEDULER_FLAGS[name] for name in scheduler.get("flags", [])]
            times = [scheduler.get(name, 0) for name in ("runtime", "deadline", "period")]
            numbers = [scheduler.get(name, 0) & 0xFFFFFFFF for name in ("nice", "priority")]
            policy = table.POLICIES[scheduler["policy"]]
            self._add("IDENTITY", "scheduler", "scheduler", policy, *numbers, sum(set(flags)), *times)
        io_priority = self.process.get("ioPriority")
        if io_priority:
            number = table.IO_CLASSES[io_priority["class"]] << 13 | io_priority.get("priority", 0)
            self._add("IDENTITY", "io_priority", "ioPriority", number)
        memory = linux.get("memoryPolicy")
        if memory:
            mode = table.MEMORY_MODES[memory["mode"]][0]
            mode |= sum({table.MEMORY_FLAGS[name] for name in memory.get("flags", [])})
            nodes = memory.get("nodes", "")
            mask = table.to_mask(table.parse_list(nodes)) if nodes else b""
            self.plan.add("IDENTITY", "memory_policy", "/linux/memoryPolicy", mode, mask)
        if "personality" in linux:
            domain = table.PERSONALITIES[linux["personality"]["domain"]]
            self.plan.add("IDENTITY", "personality", "/linux/personality", domain)

    def terminal(self, *, mount: bool) -> None:
        """
        A terminal from the container's own devpts; `mount`: bind it over /dev/console.
        """
        if self.process.get("terminal"):
            size = self.process.get("consoleSize", {})
            height = min(size.get("height", 0), 0xFFFF)
            self._add("SYSTEM", "console", "terminal", height, min(size.get("width", 0), 0xFFFF), mount)

    def join_keyring(self, *, new: bool) -> None:
        """
        The container's session keyring instead of the caller's; it belongs to the container's root. Whoever
        the program becomes must still be able to search it: in a user namespace the kernel takes it for
        another user, else for the owner.
        """
        if self.facts.no_new_keyring:
            return
        label = self.process.get("selinuxLabel")
        if label:
            self._add("IDENTITY", "security_attribute", "selinuxLabel", KEY_LABEL, label, True)
        search = KEY_OTHER_SEARCH if self.user_ns else KEY_USER_SEARCH
        permissions = KEYRING_DEFAULT | search if new else 0
        self._add("IDENTITY", "keyring", "", "_ses." + self.facts.container_id, permissions)
        if label:
            # For the program's own keyrings the policy decides.
            self._add("IDENTITY", "security_attribute", "selinuxLabel", KEY_LABEL, NO_LABEL, True)

    def confine(self) -> None:
        """
        What AppArmor and SELinux are to make of the program, and of hooks in the container, when the kernel
        executes them. An unknown profile is an error here already.
        """
        profile = self.process.get("apparmorProfile")
        if profile:
            value = f"exec {profile}"
            self._add("IDENTITY", "security_attribute", "apparmorProfile", PROFILE, value, False)
        label = self.process.get("selinuxLabel")
        if label:
            self._add("IDENTITY", "security_attribute", "selinuxLabel", LABEL, label, False)

    def become_user(self) -> None:
        """
        Gives up, in the only order that works, everything the program must not have.
        """
        if not self.exists:
            self._give_up_rights()
            return
        user = self.user
        uid, gid = user.get("uid", 0), user.get("gid", 0)
        self._add("IDENTITY", "umask", "user/umask", user.get("umask", DEFAULT_UMASK))
        if not self._environment("HOME"):
            self._add("IDENTITY", "home", "env", uid)
        self._add("IDENTITY", "own_stdio", "user/uid", uid)
        cwd = self.process["cwd"]
        self._add("IDENTITY", "chdir", "cwd", cwd, True)
        capabilities = self.capabilities
        if capabilities:
            self._add("IDENTITY", "bounding_set", "capabilities/bounding", capabilities["bounding"])
        groups = user.get("additionalGids", [])
        packed = pack(f"<{len(groups)}I", *groups)
        self._add("IDENTITY", "identity", "user", uid, gid, packed, self.facts.set_groups)
        if capabilities:
            # The filter is loaded last, and without noNewPrivileges that takes this capability: it is
            # kept until then, and `start` gives it up.
            self._capset("IDENTITY", capabilities, self._admin())
            self._add("IDENTITY", "ambient", "capabilities/ambient", capabilities["ambient"])
        elif uid != 0 and self._keeps_admin():
            # Nobody says what to do with the sets, but the change of user has made them ineffective.
            self._capset("IDENTITY", self._unlisted, self._admin())
        if self.process.get("noNewPrivileges"):
            self._add("IDENTITY", "no_new_privileges", "noNewPrivileges")
        self._add("IDENTITY", "chdir", "cwd", cwd, False)
        search = self._environment("PATH") or DEFAULT_PATH
        self._add("IDENTITY", "find_program", "args/0", self.process["args"][0], search)

    def _give_up_rights(self) -> None:
        """
        An init that never becomes a program only waits, which needs no capability.
        """
        self.plan.add("IDENTITY", "bounding_set", "", 0)
        self.plan.add("IDENTITY", "capset", "", 0, 0, 0)

    def _keeps_admin(self) -> bool:
        return self.facts.seccomp is not None and not self.process.get("noNewPrivileges")

    def _admin(self) -> int:
        return SYS_ADMIN & self._grantable()[1] if self._keeps_admin() else 0

    def _grantable(self) -> "tuple[int, int]":
        """
        What may be in the bounding and inheritable sets, and what in the others.
        """
        if self.user_ns:
            return self.facts.known_capabilities, self.facts.known_capabilities
        return self.facts.bounding, self.facts.permitted

    @property
    def _unlisted(self) -> "dict[str, int]":
        """
        What a user that is not root keeps of sets that the config does not list.
        """
        inheritable = 0 if self.user_ns else self.facts.inheritable
        return {"effective": 0, "permitted": 0, "inheritable": inheritable}

    def _capset(self, phase: str, capabilities: "dict[str, int]", extra: int) -> None:
        self._add(
            phase,
            "capset",
            "capabilities",
            capabilities["effective"] | extra,
            capabilities["permitted"] | extra,
            capabilities["inheritable"],
        )

    def _capabilities(self) -> "dict[str, int] | None":
        """
        The five sets as masks. What is unknown or cannot be granted is left out with a warning (spec:
        config.md "capabilities"); no sets at all means: leave everything as it is.
        """
        listed = self.process.get("capabilities")
        if listed is None:
            return None
        bounding, permitted = self._grantable()
        masks = {}
        for name in SETS:
            masks[name], unknown = to_mask(listed.get(name, []))
            grantable = permitted if name in ("permitted", "effective", "ambient") else bounding
            self._warn_capabilities(unknown + to_names(masks[name] & ~grantable), name, "cannot be granted")
            masks[name] &= grantable
        for name, needs in (
            ("effective", ("permitted",)),
            ("inheritable", ("bounding",)),
            ("ambient", ("permitted", "inheritable")),
        ):
            for other in needs:
                lost = to_names(masks[name] & ~masks[other])
                self._warn_capabilities(lost, name, f"not in the {other} set")
                masks[name] &= masks[other]
        return masks

    def _warn_capabilities(self, names: "list[str]", set_name: str, why: str) -> None:
        if names:
            ignored = f"capabilities ignored in the {set_name} set, {why}: {', '.join(names)}"
            self.plan.warnings.append(ignored)

    def _environment(self, name: str) -> str:
        for entry in reversed(self.process.get("env", [])):
            if entry.startswith(name + "="):
                return str(entry[len(name) + 1 :])
        return ""

    def environment(self) -> "list[str]":
        """
        The program's environment: of a variable that comes twice the last; the sockets that are passed.
        """
        variables = {}
        for entry in self.process.get("env", []):
            name, _, value = entry.partition("=")
            variables[name] = value
        if self.facts.listen_fds:
            variables["LISTEN_FDS"] = str(self.facts.listen_fds)
            variables["LISTEN_PID"] = "1"
        if self.facts.notify_directory:
            variables["NOTIFY_SOCKET"] = NOTIFY_SOCKET
        if not variables.get("HOME"):
            variables.pop("HOME", None)  # the init finds it in the container's /etc/passwd
        return [f"{name}={value}" for name, value in variables.items()]

    def wait(self) -> None:
        """
        "created": until `start` comes through the container's socket, or the parent says so itself.
        """
        listener = self.plan.fd("listener") if self.facts.started_later else NONE
        self._add("READY", "ready", "", listener)
        self._add("READY", "wait_start", "", listener)

    def execute(self) -> None:
        """
        Limits, which must not be in the way of anything before, the filter, and the program.
        """
        if self.facts.seccomp is not None and self.facts.seccomp[0] & NEW_LISTENER:
            self.plan.add("START", "prepare_listener", "/linux/seccomp/listenerPath")
        for index, limit in enumerate(self.process.get("rlimits", [])):
            values = (RLIMITS[limit["type"]], limit["type"], limit["soft"], limit["hard"])
            self._add("START", "rlimit", f"rlimits/{index}", *values)
        self._add("START", "prepare_exec", "args")
        if self.facts.seccomp is not None:
            self.plan.add("START", "seccomp", "/linux/seccomp", *self.facts.seccomp)
            if self._keeps_admin() and (self.capabilities or self.user.get("uid", 0) != 0):
                self._capset("START", self.capabilities or self._unlisted, 0)
        self._add("START", "exec", "args", self.process["args"], self.environment())
