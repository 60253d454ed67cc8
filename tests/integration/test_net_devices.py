"""
Devices of the host that move into the container (spec: config-linux.md "Network Devices"). The "host" is a
network namespace of the test.
"""

import pytest

from tests.support.hooks import PID, add, found
from tests.support.network_namespace import addresses, ask_for, inside, is_up, join, same
from tests.support.other_callers import as_user, rootless

pytestmark = pytest.mark.since("1.4")

NO_PATTERN = pytest.mark.ours("the specification wants patterns for names; runC does not find such a device")
FORGETS = pytest.mark.ours(
    "the specification wants all permanent addresses; runC sets the device down first, and IPv6 ones are gone"
)


@pytest.fixture
def host(network_host):
    return network_host


@pytest.fixture
def other(other_network):
    return other_network


@pytest.fixture
def container(networked):
    return networked


# --- moving


@pytest.mark.row("NET-1")
def test_devices_are_moved(container, host):
    for name in ("one", "two", "stays"):
        host.add(name)
    ask_for(container, one="", two="").create()
    assert set(inside(container)) == {"lo", "one", "two"}
    assert set(host.links()) == {"lo", "stays", "peer-one", "peer-two", "peer-stays"}


@pytest.mark.row("NET-1")
def test_the_program_can_use_them(container, host):
    host.add("eth7", "10.7.7.1/24")
    ask_for(container, eth7="").bundle.script("ip address show dev eth7")
    assert "10.7.7.1/24" in container.run_ok()


@pytest.mark.row("NET-1")
def test_they_are_there_before_the_first_hook(container, host):
    host.add("eth7")
    add(container, "createRuntime", f"{PID}; nsenter --target $pid --net ip link >$D/links")
    ask_for(container, eth7="").create()
    assert "eth7" in found(container, "links")


@pytest.mark.row("NET-1")
def test_a_namespace_that_is_joined(container, host, other):
    host.add("one", "10.1.1.1/24")
    join(container, other)
    ask_for(container, one="new").create()
    assert addresses(other.links()["new"]) == ["10.1.1.1/24"]


@pytest.mark.row("NET-1")
def test_into_a_user_namespace(container, host):
    host.add("one", "10.1.1.1/24")
    container.bundle.add_user_namespace()
    ask_for(container, one="").create()
    assert addresses(inside(container)["one"]) == ["10.1.1.1/24"]


@pytest.mark.row("NET-1")
def test_a_device_that_is_not_there(container, host):
    first = host.add("first", "10.1.1.1/24", up=True)
    message = ask_for(container, first="", nope="").fails_to_create(
        "link not found for interface nope on runtime namespace", ours=["/linux/netDevices/nope"]
    )
    if container.runtime.is_ours:
        assert "config.json:" in message
        assert same(host.links()["first"], first)


def test_a_device_that_cannot_be_moved(container, host):
    ask_for(container, lo="lo7").fails_to_create("nvalid argument", ours=["/linux/netDevices/lo"])
    assert "lo" in host.links()


@pytest.mark.ours("runC looks the device up by its old name in vain")
def test_a_device_by_another_name_of_it(container, host):
    host.add("one")
    host.ip("link", "property", "add", "dev", "one", "altname", "another")
    ask_for(container, another="").create()
    assert "one" in inside(container)


# --- names


@pytest.mark.row("NET-1")
def test_new_names(container, host):
    host.add("one")
    host.add("two")
    ask_for(container, one="fifteen-bytes-x", two="one").create()
    assert set(inside(container)) == {"lo", "fifteen-bytes-x", "one"}


@pytest.mark.row("NET-1")
@pytest.mark.ours("runC takes the devices in any order, and the kernel needs the old name, too, for a moment")
def test_names_that_are_exchanged(container, host):
    first, second = host.add("one"), host.add("two")
    ask_for(container, one="two", two="one").create()
    devices = inside(container)
    assert devices["two"]["address"] == first["address"]
    assert devices["one"]["address"] == second["address"]


@pytest.mark.row("NET-2")
@pytest.mark.parametrize("name", ["taken", ""])
def test_a_name_that_is_taken(container, host, other, name):
    device = "one" if name else "taken"
    before = host.add(device, "10.1.1.1/24", "fd00::1/64", up=True)
    other.add("taken")
    join(container, other)
    ask_for(container, **{device: name}).fails_to_create("exists")
    if container.runtime.is_ours:
        assert same(host.links()[device], before)
        assert set(other.links()) == {"lo", "taken", "peer-taken"}


@pytest.mark.row("NET-2")
@NO_PATTERN
def test_a_pattern_finds_a_free_name(container, host, other):
    host.add("one", "10.1.1.1/24")
    host.add("two")
    other.add("eth0")
    join(container, other)
    ask_for(container, one="eth%d", two="x%d").create()
    devices = other.links()
    assert set(devices) == {"lo", "eth0", "peer-eth0", "eth1", "x0"}
    assert addresses(devices["eth1"]) == ["10.1.1.1/24"]
    assert is_up(devices["eth1"])


@pytest.mark.row("NET-2")
@NO_PATTERN
def test_a_pattern_takes_no_name_that_another_device_gets(container, host):
    host.add("aaa")
    zzz = host.add("zzz")
    ask_for(container, aaa="eth%d", zzz="eth0").create()
    devices = inside(container)
    assert set(devices) == {"lo", "eth0", "eth1"}
    assert devices["eth0"]["address"] == zzz["address"]


@pytest.mark.row("NET-2")
@NO_PATTERN
def test_a_pattern_for_a_device_whose_own_name_is_taken(container, host, other):
    before = host.add("eth0")
    other.add("eth0")
    join(container, other)
    ask_for(container, eth0="new%d").create()
    moved = [link for link in other.links().values() if link["address"] == before["address"]]
    assert moved[0]["ifname"].startswith("new")


# --- what they keep

ADDRESSES = ["10.1.1.1/24", "10.1.1.2/24", "10.2.2.2 peer 10.2.2.3/32"]
SHOWN = ["10.1.1.1/24", "10.1.1.2/24", "10.2.2.2>10.2.2.3/32"]


@pytest.mark.row("NET-3")
def test_addresses_come_along(container, host):
    host.add("one", "10.1.1.1/24", "10.1.1.2/24", "fd00::7/64", up=False)
    ask_for(container, one="new").create()
    assert addresses(inside(container)["new"]) == ["10.1.1.1/24", "10.1.1.2/24", "fd00::7/64"]


@pytest.mark.row("NET-3")
@FORGETS
def test_addresses_of_a_device_that_is_up_come_along(container, host):
    host.add("one", *ADDRESSES, "fd00::7/64 nodad", "fd00::8/128 preferred_lft 0", up=True)
    ask_for(container, one="new").create()
    device = inside(container)["new"]
    assert sorted(addresses(device)) == sorted([*SHOWN, "fd00::7/64", "fd00::8/128"])
    by_address = {entry["local"]: entry for entry in device["addr_info"]}
    assert by_address["fd00::7"]["nodad"] is True
    assert by_address["fd00::8"]["deprecated"] is True


@pytest.mark.row("NET-3")
def test_addresses_that_stay_behind(container, host):
    """
    What ends some time, and what is of the link or the host only.
    """
    host.add("one", "10.1.1.1/24", "10.1.1.2/24 valid_lft 900 preferred_lft 900", "10.3.3.3/24 scope link")
    ask_for(container, one="").create()
    assert addresses(inside(container)["one"]) == ["10.1.1.1/24"]


@pytest.mark.row("NET-3")
@pytest.mark.ours("runC adds the addresses anew: without labels, metrics and flags, with a broadcast address")
@pytest.mark.parametrize("name", ["", "new"])
def test_what_belongs_to_an_address(container, host, name):
    address = "10.1.1.1/24 broadcast 10.1.1.99 label one:x metric 77 noprefixroute"
    before = host.add("one", address, "10.1.1.2/24")["addr_info"]
    after = inside(ask_for(container, one=name).create())[name or "one"]["addr_info"][: len(before)]
    assert before[0]["label"] == "one:x"
    for entry in before:
        if name:
            entry["label"] = name  # the old one began with the old name
    assert after == before


@pytest.mark.row("NET-4")
@pytest.mark.parametrize("up", [True, False])
def test_they_are_up(container, host, up):
    host.add("one", up=up)
    ask_for(container, one="new").create()
    assert is_up(inside(container)["new"])


@pytest.mark.row("NET-4")
def test_nothing_else_changes(container, host):
    host.add("one")
    host.ip("link", "set", "one", "mtu", 1789, "address", "00:11:22:33:44:55", "txqueuelen", 77)
    before = host.links()["one"]
    ask_for(container, one="new").create()
    after = inside(container)["new"]
    for key in ("mtu", "address", "txqlen", "linkinfo", "group", "num_tx_queues", "promiscuity", "ifindex"):
        assert after[key] == before[key], key


@pytest.mark.row("NET-4")
def test_an_index_that_is_taken(container, host, other):
    index = host.add("one", "10.1.1.1/24")["ifindex"]
    other.ip("link", "add", "index", index, "name", "x", "type", "veth", "peer", "y")
    join(container, other)
    ask_for(container, one="").create()
    assert addresses(other.links()["one"]) == ["10.1.1.1/24"]
    assert other.links()["x"]["ifindex"] == index


@pytest.mark.row("NET-4")
def test_they_stay_where_they_are_after_delete(container, host, other):
    host.add("one", "10.1.1.1/24")
    join(container, other)
    ask_for(container, one="new").create().start()
    assert container.delete("--force").returncode == 0
    assert addresses(other.links()["new"]) == ["10.1.1.1/24"]
    assert "one" not in host.links()


# --- what they need


@pytest.mark.row("NET-5")
def test_without_a_network_namespace(container, host):
    host.add("one")
    container.bundle.remove_namespace("network")
    container.bundle.mounts[-1].update(type="none", source="/sys", options=["rbind", "ro"])
    ask_for(container, one="").fails_to_create(
        "unable to move network devices without a NET namespace", ours=["/linux/netDevices"]
    )


@pytest.mark.row("NET-5")
@pytest.mark.ours("runC takes them for devices of the container")
def test_the_hosts_own_network_namespace(container, host):
    host.add("one")
    join(container, host)
    ask_for(container, one="new").fails_to_create("not allowed in the host network namespace")
    assert "one" in host.links()


@pytest.mark.row("NET-5")
def test_an_ordinary_user_cannot_move_them(container, host, tmp_path):
    host.add("one")
    user = as_user(container.runtime, tmp_path / "state")
    container.runtime = user.behind([*host.prefix, *user.prefix])
    rootless(container.bundle)
    container.bundle.linux["namespaces"].append({"type": "network"})
    ask_for(container, one="").fails_to_create("network devices are not supported for rootless containers")
    assert "one" in host.links()


@pytest.mark.row("NET-5")
def test_nor_can_rootless_mode(container, host):
    host.add("one")
    words = "network devices are not supported for rootless containers"
    ask_for(container, one="").fails_to_create(words, global_options=["--rootless", "true"])


@pytest.mark.row("NET-5")
@pytest.mark.parametrize("name", [".", "..", "a/b", "a b", "a:b", "seventeen-bytes-x"])
def test_names_that_are_not_valid(container, host, name):
    host.add("one")
    ask_for(container, one=name).fails_to_create(f'invalid network device name "{name}"')
    ask_for(container, **{name: ""}).fails_to_create(f'invalid network device name "{name}"')
    assert "one" in host.links()


@pytest.mark.row("NET-5")
@pytest.mark.ours("runC 1.5.1 leaves these to the kernel")
@pytest.mark.parametrize("name", ["sixteen-bytes-xx", "tab\tbed", "eth%d%d", "eth%s", "eth%", "d\u00e0y"])
def test_more_names_that_are_not_valid(container, host, name):
    host.add("one")
    message = ask_for(container, one=name).fails_to_create("/linux/netDevices/one/name")
    assert "not a pattern" in message or "invalid network device name" in message


@pytest.mark.row("NET-5")
@pytest.mark.ours("runC notices when it has moved one of them")
def test_a_name_for_two(container, host):
    ask_for(container, one="new", two="new").fails_to_create("duplicated network device new")
    ask_for(container, one="two", two="").fails_to_create("duplicated network device two")
