"""
linux.sysctl: only what belongs to a namespace of the container, in both spellings (spec: config-linux.md).
"""

import re
from pathlib import Path

import pytest

ALLOWED = [
    ("net.ipv4.ip_forward", "1"),
    ("net/ipv4/ip_forward", "1"),
    ("net.ipv4.conf.lo.forwarding", "1"),
    ("net/ipv4/conf/lo/forwarding", "1"),
    ("kernel.msgmax", "9001"),
    ("kernel/msgmax", "9001"),
    ("kernel.sem", "32001\t1024000000\t500\t32001"),
    ("kernel.shm_rmid_forced", "1"),
    ("kernel.domainname", "example"),
    ("fs.mqueue.msg_max", "11"),
    ("fs/mqueue/msg_max", "11"),
]

# key, the namespace that the container lacks
NOT_OURS = [
    ("net.ipv4.ip_forward", "network"),
    ("net/ipv4/ip_forward", "network"),
    ("kernel.msgmax", "ipc"),
    ("kernel/shmmax", "ipc"),
    ("fs.mqueue.msg_max", "ipc"),
    ("kernel.domainname", "uts"),
    ("vm.swappiness", ""),
    ("kernel.core_pattern", ""),
    ("kernel/core_pattern", ""),
    ("kernel.msgmax2", ""),
    ("fs.file-max", ""),
    ("fs.mqueuefoo", ""),
    ("netfoo.bar", ""),
    ("kernel.hostname", ""),
    ("user.max_net_namespaces", ""),
]

# Keys that leave the directory of the namespace whose name they bear.
ESCAPES = [
    "net/../kernel/printk_ratelimit",
    "net/./../kernel/printk_ratelimit",
    "net.//.kernel.printk_ratelimit",
    "fs.mqueue.//.//.kernel.printk_ratelimit",
    "net/..",
    "net.",
    "net/",
]


def file_of(key: str) -> str:
    return "/proc/sys/" + (key if "/" in key else key.replace(".", "/"))


@pytest.mark.row("SYS-1")
@pytest.mark.parametrize("key, value", ALLOWED)
def test_sysctl_of_a_namespace_of_the_container(container, key, value):
    on_the_host = Path(file_of(key)).read_text()
    container.bundle.linux["sysctl"] = {key: value}
    assert container.probe(value=file_of(key))["value"].strip() == value
    assert Path(file_of(key)).read_text() == on_the_host
    assert on_the_host.strip() != value


@pytest.mark.row("SYS-1")
@pytest.mark.parametrize("key, namespace", NOT_OURS)
def test_sysctl_of_the_host_is_refused(container, key, namespace):
    bundle = container.bundle
    if namespace:
        bundle.remove_namespace(namespace)
    if namespace == "uts":
        del bundle.config["hostname"]
    bundle.linux["sysctl"] = {key: Path("/proc/sys/kernel/printk_ratelimit").read_text().strip()}
    container.fails_to_create(re.split("[./]", key)[-1])


@pytest.mark.row("SYS-1")
@pytest.mark.row("SECU-13")
@pytest.mark.parametrize("key", ESCAPES)
def test_key_must_not_leave_its_directory(container, key):
    # A value that changes nothing, should it get through.
    value = Path("/proc/sys/kernel/printk_ratelimit").read_text().strip()
    container.bundle.linux["sysctl"] = {key: value}
    container.fails_to_create()


@pytest.mark.row("SYS-1")
def test_sysctl_of_the_hosts_network_joined_by_path(container):
    container.bundle.remove_namespace("network")
    container.bundle.linux["namespaces"].append({"type": "network", "path": "/proc/self/ns/net"})
    container.bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    container.fails_to_create("not allowed in", "host network namespace")


@pytest.mark.ours("runC allows no user.* at all")
@pytest.mark.row("SYS-1")
def test_sysctl_of_a_user_namespace(container):
    key = "user.max_net_namespaces"
    container.bundle.linux["sysctl"] = {key: "3"}
    container.bundle.add_user_namespace()
    assert container.probe(value=file_of(key))["value"].strip() == "3"


@pytest.mark.row("SYS-1")
@pytest.mark.parametrize(
    "key, value, reason",
    [
        ("net.ipv4.no_such_key", "1", "no such file or directory"),
        ("net.ipv4.ip_forward", "many", "invalid argument"),
    ],
)
def test_sysctl_that_the_kernel_refuses(container, key, value, reason):
    container.bundle.linux["sysctl"] = {key: value}
    container.fails_to_create(key.rpartition(".")[2], reason)


@pytest.mark.row("SYS-1")
def test_paths_that_are_masked_or_read_only_are_no_obstacle(container):
    bundle = container.bundle
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "9001"}
    bundle.linux["readonlyPaths"] = ["/proc/sys", "/proc/bus"]
    bundle.linux["maskedPaths"] = ["/proc/kcore", "/proc/acpi"]
    bundle.add_user_namespace()
    found = container.probe(first=file_of("net.ipv4.ip_forward"), second=file_of("kernel.msgmax"))
    assert (found["first"], found["second"]) == ("1\n", "9001\n")


@pytest.mark.ours("runC 1.1.5 writes to whatever is at /proc/sys; 1.5.1 has a procfs of its own, too")
@pytest.mark.row("SECU-13")
def test_files_of_the_image_are_not_taken_for_the_kernels(container):
    bundle = container.bundle
    bundle.mounts[0]["destination"] = "/elsewhere"
    fake = bundle.rootfs / "proc/sys/kernel"
    fake.mkdir(parents=True)
    (fake / "msgmax").write_text("fake")
    bundle.linux["sysctl"] = {"kernel.msgmax": "9001"}
    container.bundle.script("cat /elsewhere/sys/kernel/msgmax")
    assert container.run_ok() == "9001\n"
    assert (fake / "msgmax").read_text() == "fake"
