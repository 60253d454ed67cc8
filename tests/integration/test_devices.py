"""
/dev and linux.devices (spec: config-linux.md "Devices", runtime-linux.md "Dev symbolic links").
"""

import os
import stat

import pytest

from tests.support import caller, mountinfo

DEFAULTS = {
    "null": "1:3",
    "zero": "1:5",
    "full": "1:7",
    "random": "1:8",
    "urandom": "1:9",
    "tty": "5:0",
}

OTHER_SPELLINGS = [
    pytest.param(path, marks=pytest.mark.ours("runC compares paths as they are written"))
    for path in ("/dev/./zero", "/dev//zero")
]

LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


def without_dev(bundle):
    """
    /dev is a directory of the image, nothing is mounted on it.
    """
    bundle.mounts[:] = [m for m in bundle.mounts if not m["destination"].startswith("/dev")]
    return bundle.rootfs / "dev"


def add_device(bundle, path, kind="c", major=1, minor=5, **more):
    bundle.linux.setdefault("devices", []).append(
        {"path": path, "type": kind, "major": major, "minor": minor, **more}
    )


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-3")
@pytest.mark.parametrize("mounted", [True, False])
def test_default_devices(container, mounted):
    if not mounted:
        without_dev(container.bundle)
    dev = container.probe()["dev"]
    for name, numbers in DEFAULTS.items():
        assert dev[name].strip() == f"c 0666 0:0 {numbers}", name


@pytest.mark.row("DEV-5")
@pytest.mark.parametrize("mounted", [True, False])
def test_links(container, mounted):
    if not mounted:
        without_dev(container.bundle)
    dev = container.probe()["dev"]
    links = {name: text.split()[-1] for name, text in dev.items() if text.startswith("l")}
    if os.path.exists("/proc/kcore"):
        assert links.pop("core") == "/proc/kcore"
    assert links == LINKS


@pytest.mark.row("DEV-3")
def test_no_console_without_a_terminal(container):
    assert "console" not in container.probe()["dev"]


@pytest.mark.row("DEV-3")
def test_default_devices_work(container):
    container.bundle.script(
        "echo x >/dev/null && head -c 3 /dev/zero | wc -c && head -c 3 /dev/urandom | wc -c; "
        "echo x >/dev/full; echo to the error >/dev/stderr; echo </dev/fd/0; echo $?"
    )
    result = container.run()
    assert result.stdout.split() == ["3", "3", "0"]
    assert "No space left on device" in result.stderr
    assert "to the error" in result.stderr


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-1")
@pytest.mark.parametrize(
    "path, kind, mode, expected",
    [
        ("/dev/new", "c", None, "c 0666 0:0 1:5"),
        ("/dev/new", "u", None, "c 0666 0:0 1:5"),
        ("/dev/new", "b", 0o600, "b 0600 7:9 1:5"),
        ("/dev/new", "c", 0o640, "c 0640 7:9 1:5"),
        ("/dev/new", "c", 0o20640, "c 0640 7:9 1:5"),
        pytest.param(
            "/dev/new", "c", 0o6755, "c 6755 0:0 1:5", marks=pytest.mark.ours("runC loses them by chown")
        ),
        ("/dev/new", "p", 0o622, "p 0622 7:9 0:0"),
        ("/dev/new", "c", 0, "c 0000 0:0 1:5"),
    ],
)
def test_device_of_the_config(container, path, kind, mode, expected):
    more = {} if mode is None else {"fileMode": mode}
    if " 7:9 " in expected:
        more.update(uid=7, gid=9)
    add_device(container.bundle, path, kind, **more)
    assert container.probe()["dev"]["new"].strip() == expected


@pytest.mark.row("DEV-1")
def test_fifo_needs_no_numbers(container):
    container.bundle.linux["devices"] = [{"path": "/dev/fifo", "type": "p", "fileMode": 0o600}]
    assert container.probe()["dev"]["fifo"].strip() == "p 0600 0:0 0:0"


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-1")
@pytest.mark.parametrize("path", ["/somewhere/else/node", "/tmp/node", "/dev/sub/dir/node", "/link/node"])
def test_device_anywhere(container, path):
    (container.bundle.rootfs / "link").symlink_to("/linked")
    add_device(container.bundle, path)
    container.bundle.script(f"stat -c '%F %t:%T %a' {path}")
    assert container.run_ok().strip() == "character special file 1:5 666"


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-1")
def test_directories_of_a_device(container):
    add_device(container.bundle, "/new/sub/node")
    container.bundle.script("stat -c %a /new /new/sub")
    assert container.run_ok().split() == ["755", "755"]


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-1")
@pytest.mark.parametrize("umask", [0o077, 0o777])
def test_umask_of_the_caller_means_nothing(container, umask):
    add_device(container.bundle, "/dev/new", fileMode=0o666)
    container.bundle.script("stat -c %a /dev/new /dev/null")
    assert container.run_ok(umask=umask).split() == ["666", "666"]


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-4")
@pytest.mark.parametrize("path", ["/dev/zero", *OTHER_SPELLINGS])
def test_device_of_the_config_replaces_the_default(container, path):
    add_device(container.bundle, path, fileMode=0o600, uid=5)
    assert container.probe()["dev"]["zero"].strip() == "c 0600 5:0 1:5"


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-3")
@pytest.mark.parametrize("path", ["/dev/ptmx", "/dev/tty"])
def test_default_device_in_the_list(container, path):
    """
    Engines send what exists anyway.
    """
    add_device(container.bundle, path, major=5, minor=2 if path == "/dev/ptmx" else 0)
    dev = container.probe()["dev"]
    assert dev["ptmx"].split()[-1] == "pts/ptmx"
    assert dev["tty"].strip() == "c 0666 0:0 5:0"


# --- what is there already


@pytest.mark.row("DEV-1")
def test_same_device_is_there(container):
    dev = without_dev(container.bundle)
    caller.mknod(dev / "zero", stat.S_IFCHR, os.makedev(1, 5))
    (dev / "zero").chmod(0o666)
    assert container.probe()["dev"]["zero"].strip() == "c 0666 0:0 1:5"


@pytest.mark.ours("runC leaves mode and owner of what is there")
@pytest.mark.row("DEV-1")
@pytest.mark.parametrize("kind, file_type", [("c", stat.S_IFCHR), ("p", stat.S_IFIFO)])
def test_same_device_with_another_mode(container, kind, file_type):
    dev = without_dev(container.bundle)
    caller.mknod(dev / "node", file_type | 0o600, os.makedev(1, 5))
    caller.chown(dev / "node", 1000, 1000)
    add_device(container.bundle, "/dev/node", kind, fileMode=0o4644, uid=3, gid=4)
    assert container.probe()["dev"]["node"].startswith(f"{kind} 4644 3:4")


@pytest.mark.ours("runC takes whatever is there, which the specification forbids")
@pytest.mark.row("DEV-1")
@pytest.mark.parametrize("path", ["/dev/node", "/dev/zero"])
@pytest.mark.parametrize(
    "file_type, minor, reason",
    [
        (stat.S_IFCHR, 3, "a device with another number is there"),
        (stat.S_IFBLK, 5, "a file of another type is there"),
        (stat.S_IFIFO, 5, "a file of another type is there"),
        (stat.S_IFREG, 5, "a file of another type is there"),
    ],
)
def test_another_file_is_there(container, path, file_type, minor, reason):
    dev = without_dev(container.bundle)
    caller.mknod(dev / path[5:], file_type | 0o666, os.makedev(1, minor))
    add_device(container.bundle, path)
    container.fails_to_create(path, reason, "/linux/devices/0")


@pytest.mark.ours("runC takes whatever is there, which the specification forbids")
@pytest.mark.row("DEV-1")
@pytest.mark.parametrize("kind", ["directory", "link", "dangling link", "link to the device"])
def test_no_device_is_there(container, kind):
    dev = without_dev(container.bundle)
    caller.mknod(dev / "real", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    if kind == "directory":
        (dev / "zero").mkdir()
    else:
        target = {"link": "/etc", "dangling link": "/none", "link to the device": "real"}[kind]
        (dev / "zero").symlink_to(target)
    container.fails_to_create("/dev/zero", "a file of another type is there")
    assert not (container.bundle.rootfs / "none").exists()


@pytest.mark.row("DEV-5")
@pytest.mark.parametrize("there", ["link", "file", "directory"])
def test_what_is_in_place_of_a_link_stays(container, there):
    fd = without_dev(container.bundle) / "fd"
    if there == "link":
        fd.symlink_to("/somewhere")
    elif there == "file":
        fd.write_text("")
    else:
        fd.mkdir()
    shown = container.probe()["dev"]["fd"]
    assert shown[0] == {"link": "l", "file": "-", "directory": "d"}[there]


@pytest.mark.row("DEV-3")
@pytest.mark.parametrize("there", ["link", "file", "device"])
def test_ptmx_is_replaced(container, there):
    ptmx = without_dev(container.bundle) / "ptmx"
    if there == "link":
        ptmx.symlink_to("/somewhere")
    elif there == "file":
        ptmx.write_text("")
    else:
        caller.mknod(ptmx, stat.S_IFCHR | 0o666, os.makedev(5, 2))
    assert container.probe()["dev"]["ptmx"].split()[-1] == "pts/ptmx"


# --- /dev of the host, and streams


@pytest.mark.row("DEV-6")
@pytest.mark.parametrize("fstype, options", [("bind", ["rbind"]), ("bind", ["bind"]), ("", ["bind"])])
@pytest.mark.parametrize("destination", ["/dev", "/dev/", "/./dev"])
def test_nothing_is_made_in_a_dev_that_is_bound(container, tmp_path, fstype, options, destination):
    without_dev(container.bundle)
    source = tmp_path / "dev"
    source.mkdir()
    caller.mknod(source / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    container.bundle.add_mount(destination, source, fstype, options)
    add_device(container.bundle, "/dev/new")
    container.bundle.args("/inside", "exit", "0")
    container.run_ok()
    assert [path.name for path in source.iterdir()] == ["null"]


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-8")
def test_null_streams_become_the_containers(container):
    container.bundle.script("stat -L -c '%d %t:%T' /proc/self/fd/0 /dev/null; stat -c %d /dev; echo end")
    container.create().start()
    first, second, directory, _ = container.wait_for_output("end").splitlines()
    assert first == second == f"{directory} 1:3"


@pytest.mark.row("DEV-8")
def test_other_streams_are_the_callers(container, tmp_path):
    (tmp_path / "input").write_text("typed\n")
    container.bundle.script("cat; readlink /proc/self/fd/0 | grep -c input; echo end")
    with open(tmp_path / "input") as file:
        container.create(stdin=file).start()
    assert container.wait_for_output("end").split() == ["typed", "1", "end"]


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-8")
def test_the_hosts_null_device_is_not_given_away(container):
    """
    A program that is not root owns its streams, but never the host's devices.
    """
    container.bundle.process["user"] = {"uid": 1000, "gid": 1000}
    container.bundle.script("stat -L -c '%u %a' /proc/self/fd/0; echo end")
    before = os.stat("/dev/null")
    container.create().start()
    assert container.wait_for_output("end").split() == ["0", "666", "end"]
    after = os.stat("/dev/null")
    assert (before.st_uid, before.st_mode) == (after.st_uid, after.st_mode)


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-1")
def test_devices_in_a_read_only_dev(container):
    container.bundle.mounts[1]["options"].append("ro")
    add_device(container.bundle, "/dev/new")
    found = container.probe()
    assert found["dev"]["new"].strip() == "c 0666 0:0 1:5"
    assert "ro" in mountinfo.at(mountinfo.parse(found["mountinfo"]), "/dev").options


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("DEV-1")
@pytest.mark.parametrize(
    "device, words",
    [
        ({"path": "dev/x", "type": "c", "major": 1, "minor": 5}, ["/linux/devices/0/path"]),
        ({"path": "/dev/x", "type": "z", "major": 1, "minor": 5}, ["/linux/devices/0/type"]),
        ({"path": "/dev/x", "type": "c", "minor": 5}, ["/linux/devices/0"]),
        ({"path": "/dev/x", "type": "c", "major": 1}, ["/linux/devices/0"]),
        ({"path": "/", "type": "c", "major": 1, "minor": 5}, ["/linux/devices/0"]),
        ({"path": "/dev/..", "type": "c", "major": 1, "minor": 5}, ["/linux/devices/0"]),
        ({"path": "/etc/file/x", "type": "c", "major": 1, "minor": 5}, ["not a directory"]),
    ],
)
@pytest.mark.ours("runC takes some of them, and names no place in config.json")
def test_device_that_cannot_be(container, device, words):
    (container.bundle.rootfs / "etc/file").write_text("")
    container.bundle.linux["devices"] = [device]
    container.fails_to_create(*words)
