"""
Which kernel parameters belong to which namespace, and how their names are spelled.

Pure; imports nothing.
"""

IPC = tuple(
    "kernel." + name for name in "msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced".split()
)

# prefix -> namespace type
PREFIXES = {"fs.mqueue.": "ipc", "net.": "network", "user.": "user"}

SWAP = {ord("."): "/", ord("/"): "."}


def path_of(key: str) -> str:
    """
    "net.ipv4.conf.eth0/1.forwarding" as its file below /proc/sys. The first separator of the two that
    appears separates; the other one stands for it inside a name (sysctl.d(5)).
    """
    for character in key:
        if character == "/":
            return key
        if character == ".":
            break
    return key.translate(SWAP)


def dotted(key: str) -> str:
    """
    Either spelling as the one with dots.
    """
    return path_of(key).translate(SWAP)


def namespace_of(key: str) -> str:
    """
    The type of the namespace that a dotted parameter belongs to, "" if it is the host's.
    """
    if key in IPC:
        return "ipc"
    if key == "kernel.domainname":
        return "uts"
    for prefix, kind in PREFIXES.items():
        if key.startswith(prefix):
            return kind
    return ""
