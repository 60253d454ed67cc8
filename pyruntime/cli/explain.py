"""
explain: what create would do for a bundle, in order, and which line of config.json asks for it.

Needs no root, changes nothing, creates nothing.
"""

from pyruntime.cgroup import hierarchy
from pyruntime.cli import write_out
from pyruntime.cli.container import rootless
from pyruntime.config.load import load_config
from pyruntime.errors import ConfigError, KernelError, escaped
from pyruntime.plan.build import build_create
from pyruntime.plan.encode import encode
from pyruntime.plan.facts import listed_namespaces
from pyruntime.plan.hooks import BEFORE_PIVOT
from pyruntime.plan.show import show
from pyruntime.runtime import facts as host
from pyruntime.util.fs import absolute, real_path
from pyruntime.util.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options
    from pyruntime.plan.facts import Facts

    Line = tuple[str, str, str, str]

OPTIONS = (
    (("bundle", "b"), "str", "", "path to the root of the bundle directory"),
    (("id",), "str", "container-id", "the id that the container would have"),
    (("no-pivot",), "bool", False, "as for create"),
)
ARGUMENTS = (0, 0)
USAGE = ""


def run(context: "Context", options: "Options") -> int:
    """
    Prints the plan of the bundle.
    """
    bundle = absolute(options.bundle or ".")
    spec, text = load_config(bundle)
    facts = host.host_facts()
    facts.container_id = options.id
    facts.bundle = bundle
    facts.notify_directory = host.notify_directory(context.root, options.id)
    facts.no_pivot = options.no_pivot
    facts.started_later = True
    facts.rootfs = _rootfs(spec, bundle)
    hierarchies = hierarchy.detect()
    # A config without a user namespace is root's to run, whoever asks about it.
    permitted_only = "user" in listed_namespaces(spec) and host.goes_without_cgroup(facts, rootless(context))
    usable = [] if context.options.cgroup_manager == "disabled" else hierarchies
    unit_lines: "list[Line]" = []
    if usable and (context.options.systemd_cgroup or context.options.cgroup_manager == "systemd"):
        paths, unit_lines = _unit(spec, facts, hierarchies, text)
    else:
        paths = hierarchy.place_container(usable, spec, options.id, permitted_only=permitted_only)
    host.add_cgroup(facts, hierarchies, paths)
    host.look_for_selinux(spec, facts)
    _add_seccomp(spec, facts)
    try:
        plan, warnings = build_create(spec, facts)
        encode(plan)
        steps = show(plan)
        made = next(number for number, line in enumerate(steps, 1) if line[1] == "clone")
        steps[made:made] = _device_lines(spec)
        before, joining = _resctrl_lines(spec, options.id)
        steps[made:made] = joining
        lines = [*unit_lines, *_cgroup_lines(spec, paths), *before, *steps, *_hook_lines(spec)]
    except ConfigError as error:
        raise ConfigError(error.problems, error.name, text) from None
    for warning in warnings:
        warn(warning)
    write_out(_table([(*line[:3], _as_asked(spec, line[3])) for line in lines]))
    return 0


def _as_asked(spec: "dict[str, Any]", pointer: str) -> str:
    """
    A pointer to something that config.json leaves to us is marked.
    """
    value: "Any" = spec
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return pointer + " (default)"
    return pointer


def _rootfs(spec: "dict[str, Any]", bundle: str) -> str:
    path = absolute(spec["root"]["path"], bundle)
    try:
        return real_path(path)
    except KernelError as error:
        warn(f"invalid rootfs: {error}")
        return path


def _add_seccomp(spec: "dict[str, Any]", facts: "Facts") -> None:
    """
    The filter is compiled, but nothing is put in the cache.
    """
    profile = spec.get("linux", {}).get("seccomp")
    if profile:
        from pyruntime.runtime.seccomp import flags_of
        from pyruntime.runtime.seccomp_compile import compile_profile

        facts.seccomp = (flags_of(profile), compile_profile(profile))


def _unit(
    spec: "dict[str, Any]", facts: "Facts", hierarchies: "list[hierarchy.Hierarchy]", text: bytes
) -> "tuple[dict[str, str], list[Line]]":
    """
    Where systemd would make the cgroup, and what it would be told. systemd itself is not asked.
    """
    from pyruntime.cgroup.systemd import POINTER, place_unit, unit_of
    from pyruntime.cgroup.systemd_properties import ANNOTATION, of_annotations, of_unit
    from pyruntime.runtime.systemd import is_for_user

    for_user = is_for_user(facts)
    path = spec.get("linux", {}).get("cgroupsPath", "")
    unit = unit_of(path, facts.container_id, for_user=for_user, text=text)
    base = f"/user.slice/user-{facts.euid}.slice/user@{facts.euid}.service" if for_user else ""
    lines = [("RUNTIME", "start_unit", unit.name, POINTER)]
    is_v2 = hierarchy.is_pure_unified(hierarchies)
    for name, (_, value) in of_unit(unit, facts.container_id, 0, is_v2=is_v2):
        lines.append(
            ("RUNTIME", "unit_property", f"{name} = {'(stage-1)' if name == 'PIDs' else value}", POINTER)
        )
    for key, annotated in spec.get("annotations", {}).items():
        if key.startswith(ANNOTATION):
            ((name, (_, value)),) = of_annotations({key: annotated}, text)
            lines.append(("RUNTIME", "unit_property", f"{name} = {value}", "/annotations/" + escaped(key)))
    return place_unit(hierarchies, unit, base), lines


def _cgroup_lines(spec: "dict[str, Any]", paths: "dict[str, str]") -> "list[Line]":
    """
    What the runtime does before there is any process.
    """
    from pyruntime.cgroup.devices import parse_rules, plan_writes
    from pyruntime.cgroup.devices_bpf import compile_rules
    from pyruntime.cgroup.resources import POINTER, ResourceWrites

    resources = spec.get("linux", {}).get("resources", {})
    writes = ResourceWrites(resources, lambda c: c not in paths and "" in paths).collect()
    lines = [("RUNTIME", "make_cgroup", path, "/linux/cgroupsPath") for path in dict.fromkeys(paths.values())]
    for write in writes:
        directory = paths.get(write.controller, paths.get("", "(no such controller)"))
        lines.append(("RUNTIME", "limit", f"{directory}/{write.files[0]} = {write.value}", write.pointer))
    rules = parse_rules(resources)
    if "devices" in paths:
        for file, value in plan_writes(rules):
            lines.append(("RUNTIME", "limit", f"{paths['devices']}/{file} = {value}", POINTER + "/devices"))
    elif "" in paths:
        size = len(compile_rules(rules)) // 8
        what = f"{paths['']}: device program of {size} instructions"
        lines.append(("RUNTIME", "limit", what, POINTER + "/devices"))
    return lines


def _device_lines(spec: "dict[str, Any]") -> "list[Line]":
    """
    What moves as soon as the init, and with it the network namespace, is there.
    """
    lines = []
    for name, device in spec.get("linux", {}).get("netDevices", {}).items():
        pointer = f"/linux/netDevices/{escaped(name)}"
        lines.append(("RUNTIME", "move_device", f"{name} as {device.get('name') or name}", pointer))
    return lines


def _resctrl_lines(spec: "dict[str, Any]", container_id: str) -> "tuple[list[Line], list[Line]]":
    """
    Before the init is there, and then. On a machine without resctrl it is as if that were mounted.
    """
    config = spec.get("linux", {}).get("intelRdt")
    if config is None:
        return [], []
    from pyruntime.linux.resctrl import POINTER, lines_of, places
    from pyruntime.runtime.intel_rdt import USUAL_MOUNT, mount_point

    path, monitor = places(config, container_id, mount_point() or USUAL_MOUNT)
    groups = [(path, f"{POINTER}/closID" if config.get("closID") else POINTER)]
    groups += [(monitor, f"{POINTER}/enableMonitoring")] if monitor else []
    before = [("RUNTIME", "make_group", place, pointer) for place, pointer in groups]
    before += [
        ("RUNTIME", "schema", f"{path}/schemata = {line}", pointer) for pointer, line in lines_of(config)
    ]
    return before, [("RUNTIME", "join_group", place, pointer) for place, pointer in groups]


def _hook_lines(spec: "dict[str, Any]") -> "list[Line]":
    """
    The runtime's own hooks; those before pivot_root are where the plan says parent_hooks.
    """
    when = dict.fromkeys(BEFORE_PIVOT, "at parent_hooks: ")
    when |= {"poststart": "after the program runs: ", "poststop": "after delete: "}
    return [
        ("RUNTIME", name, prefix + " ".join(hook.get("args") or [hook["path"]]), f"/hooks/{name}/{i}")
        for name, prefix in when.items()
        for i, hook in enumerate(spec.get("hooks", {}).get(name, []))
    ]


def _table(lines: "list[Line]") -> str:
    numbered = [(str(i), *line) for i, line in enumerate(lines, 1)]
    widths = [max(len(row[i]) for row in numbered) for i in range(4)]
    rows = []
    for row in numbered:
        left = "  ".join(
            [
                row[0].rjust(widths[0]),
                row[1].ljust(widths[1]),
                row[2].ljust(widths[2]),
                row[3].ljust(widths[3]),
            ]
        )
        rows.append(f"{left}  {row[4]}".rstrip())
    return "\n".join(rows) + "\n"
