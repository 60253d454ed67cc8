"""
Help texts: of the program, of each command. Imported for --help and for wrong usage only.
"""

from pyruntime import OCI_VERSION
from pyruntime.cli import COMMANDS, GLOBAL_OPTIONS, Program, _command, write_out
from pyruntime.cli.version import program_version
from pyruntime.util.log import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INTRODUCTION = """{name} runs containers that are packaged as OCI bundles: a directory with a file
"config.json" and a root file system. It is called by engines such as containerd, Docker and Podman, or by
hand:

    # {name} run [ -b bundle ] <container-id>

The id is a name of your choice that no other container has. The bundle is the current directory unless
given by -b. What would be done for a bundle, and which line of config.json asks for it, is shown by
"{name} explain"."""

CONTAINER_ID = 'Where "<container-id>" is the name of the container.'
NEW_ID = 'Where "<container-id>" is a name for the new container that no other container has.'
FROM_BUNDLE = (
    "The bundle is a directory with a specification file named config.json and a root file system. The\n"
    "program to run, and everything else about the container, is what config.json says."
)

# command: (what <...> in the usage means, description)
TEXTS = {
    "create": (
        NEW_ID,
        "Makes a container for a bundle, ready to run its program, which start does.\n" + FROM_BUNDLE,
    ),
    "run": (NEW_ID, "Makes a container for a bundle and runs its program.\n" + FROM_BUNDLE),
    "start": (CONTAINER_ID, "Runs the program of a container that was created."),
    "state": (CONTAINER_ID, "Prints the state of a container as JSON."),
    "kill": (
        CONTAINER_ID,
        "Sends a signal to the container's first process: a number or a name such as TERM or SIGTERM.",
    ),
    "delete": (CONTAINER_ID, "Removes a container that has ended, with everything it holds on the host."),
    "list": ("", "Lists the containers below the state root (global option --root)."),
    "exec": (
        CONTAINER_ID,
        "Runs a command in a running container, as the container's own program is run unless options or a\n"
        "process.json say otherwise.",
    ),
    "ps": (CONTAINER_ID, "Lists the container's processes with ps(1), or their pids as JSON."),
    "pause": (CONTAINER_ID, "Stops all processes of a container where they are."),
    "resume": (CONTAINER_ID, "Lets the processes of a paused container go on."),
    "checkpoint": (
        CONTAINER_ID,
        "Writes all processes of a running container to a directory, by criu(8), and ends them: restore\n"
        "lets them go on from there.",
    ),
    "restore": (
        NEW_ID,
        "Makes a container of a bundle from what checkpoint has written, by criu(8): its processes go on\n"
        "where they were.",
    ),
    "events": (
        CONTAINER_ID,
        "Prints what a container uses, again and again, and that the kernel had to kill for want of memory:\n"
        "lines of JSON, until the container ends.",
    ),
    "update": (
        CONTAINER_ID,
        "Changes limits of a container that runs, is paused or was created: all that are given, or none.",
    ),
    "spec": (
        "",
        "Writes a config.json to start from: it runs sh in a read-only root file system called rootfs.\n"
        "With --rootless it is one that needs no root.",
    ),
    "features": ("", "Prints as JSON what this runtime can do (OCI runtime-spec, features.md)."),
    "mounts": (
        CONTAINER_ID,
        "Adds the mounts of a file to a container that runs, all or none, or takes them away. The file\n"
        "holds them as in config.json: an array, or an object with a property mounts (-: standard input).",
    ),
    "info": (
        "",
        "Prints facts about this host: kernel, cgroups, namespaces, capabilities, security modules.",
    ),
    "completion": (
        "",
        "Prints a script for bash, zsh or fish, to be read by that shell at its start.",
    ),
    "explain": (
        "",
        "Prints, in order, every operation that create would perform for a bundle, and the JSON pointer of\n"
        "the line that asks for it. Needs no root, changes nothing.",
    ),
}


def _option_lines(table: "tuple[Any, ...]") -> "list[str]":
    shown = []
    for names, kind, default, text in table:
        if not text:
            continue  # for those who still give it
        value = "" if kind == "bool" else " value"
        spelled = ", ".join(("-" if len(name) == 1 else "--") + name + value for name in names)
        if kind in ("str", "int") and default:
            text += f' (default: "{default}")' if kind == "str" else f" (default: {default})"
        shown.append((spelled, text))
    width = max((len(spelled) for spelled, _ in shown), default=0) + 2
    return [f"   {spelled.ljust(width)}{text}" for spelled, text in shown]


def program_text() -> str:
    """
    The help of the whole program.
    """
    program = Program.name
    width = max(len(name) for name in COMMANDS) + 2
    commands = [f"   {name.ljust(width)}{text}" for name, (_, text) in COMMANDS.items()]
    commands.append("   " + "help, h".ljust(width) + "show a list of commands or help for one command")
    return "\n".join(
        [
            "NAME:",
            f"   {program} - Open Container Initiative runtime",
            "",
            INTRODUCTION.format(name=program),
            "",
            "USAGE:",
            f"   {program} [global options] command [command options] [arguments...]",
            "",
            "VERSION:",
            f"   {program_version()}",
            f"spec: {OCI_VERSION}",
            "",
            "COMMANDS:",
            *commands,
            "",
            "GLOBAL OPTIONS:",
            *_option_lines(GLOBAL_OPTIONS),
            "",
        ]
    )


def text_of(name: str) -> str:
    """
    The help of one command.
    """
    module = _command(COMMANDS[name][0])
    meaning, description = TEXTS.get(name, ("", ""))
    options = " [command options]" if module.OPTIONS else ""
    lines = ["NAME:", f"   {Program.name} {name} - {COMMANDS[name][1]}", "", "USAGE:"]
    lines.append(f"   {Program.name} {name}{options} {module.USAGE}".rstrip())
    if meaning:
        lines += ["", meaning]
    if description:
        lines += ["", "DESCRIPTION:", "   " + description]
    if module.OPTIONS:
        lines += ["", "OPTIONS:", *_option_lines(module.OPTIONS)]
    return "\n".join(lines) + "\n"


def show_program() -> int:
    """
    Prints the help of the program.
    """
    write_out(program_text())
    return 0


def show(words: "list[str]") -> int:
    """
    Prints the help of a command, or of the program if none is named.
    """
    if not words or words[0] in ("help", "h"):
        return show_program()
    if words[0] not in COMMANDS:
        return no_such_topic(words[0])
    write_out(text_of(words[0]))
    return 0


def no_such_topic(name: str) -> int:
    """
    Says that there is no such command.
    """
    error(f"No help topic for '{name}'\n")
    return 3
