"""
completion: a script that lets a shell complete this command's words, made from the tables of commands and
options.
"""

from pyruntime.cli import COMMANDS, GLOBAL_OPTIONS, Program, _command, write_out
from pyruntime.errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ()
ARGUMENTS = (1, 1)
USAGE = "bash|zsh|fish"

NO_CONTAINER = ("completion", "explain", "features", "info", "list", "spec", "create", "run")

# Options whose value is the name of a file or directory; a shell completes it by itself.
BASH = """_{name}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} verb= root= words= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${{COMP_WORDS[i]}} in
        --root) root=${{COMP_WORDS[i + 1]}} ;;
        {verbs}) [[ $verb ]] || verb=${{COMP_WORDS[i]}} ;;
        esac
    done
    case $verb in
    "") words="{commands}"; [[ $current == -* ]] && words="{options}" ;;
{cases}
    esac
    if [[ $current != -* ]]; then
        case $verb in
        {containers}) words=$({name} ${{root:+--root "$root"}} list --quiet 2>/dev/null) ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ ${{COMPREPLY[*]}} ]] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _{name} {name}
"""


def _spelled(table: "tuple[Any, ...]") -> "list[str]":
    return [
        ("-" if len(name) == 1 else "--") + name
        for names, _, _, text in (*table, (("help", "h"), "bool", False, "show help"))
        for name in names
        if text
    ]


def _options() -> "dict[str, list[str]]":
    return {name: _spelled(_command(module).OPTIONS) for name, (module, _) in COMMANDS.items()}


def _bash() -> str:
    cases = [f'    {name}) words="{" ".join(words)}" ;;' for name, words in _options().items()]
    return BASH.format(
        name=Program.name,
        verbs="|".join(COMMANDS),
        commands=" ".join(COMMANDS),
        options=" ".join(dict.fromkeys(_spelled(GLOBAL_OPTIONS))),
        cases="\n".join(cases),
        containers="|".join(name for name in COMMANDS if name not in NO_CONTAINER),
    )


def _zsh() -> str:
    return "autoload -Uz bashcompinit && bashcompinit\n" + _bash()


def _fish() -> str:
    complete = f"complete -c {Program.name}"
    lines = [f"{complete} -f"]
    nothing = f"not __fish_seen_subcommand_from {' '.join(COMMANDS)}"
    for name, (_, text) in COMMANDS.items():
        lines.append(f"{complete} -n '{nothing}' -a {name} -d '{_quoted(text)}'")
    for name, words in _options().items():
        seen = f"__fish_seen_subcommand_from {name}"
        for word in words:
            kind = "-l" if word.startswith("--") else "-s"
            lines.append(f"{complete} -n '{seen}' {kind} {word.lstrip('-')}")
    seen = "__fish_seen_subcommand_from " + " ".join(name for name in COMMANDS if name not in NO_CONTAINER)
    lines.append(f"{complete} -n '{seen}' -a '({Program.name} list --quiet 2>/dev/null)'")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}


def run(context: "Context", options: "Options") -> int:
    """
    Prints the script for the shell that is named.

    Raises:
        Error: there is none for it.
    """
    shell = options.arguments[0]
    if shell not in SHELLS:
        raise Error(f'there is no completion for the shell "{shell}": {", ".join(SHELLS)}')
    write_out(SHELLS[shell]())
    return 0
