"""
What the program is given: arguments, environment, directory, user, groups, umask, session, names.
"""

import json
import os
import subprocess

import pytest

from tests.support import caller, procfs


@pytest.fixture
def streams(tmp_path):
    """
    Three files for standard streams, owned by a user and a group that nobody is.
    """
    fds = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("in", "out", "err")]
    for fd in fds:
        os.fchown(fd, 4000, 5000)
    yield fds
    for fd in fds:
        os.close(fd)


# --- arguments


@pytest.mark.row("PRC-6")
@pytest.mark.parametrize(
    "words", [["a", "b c", ""], ["", ""], ["-n", "--", "*"], ["ü", "two\nlines", "'\"$(id)\\"]]
)
def test_arguments_arrive_as_they_are(container, words):
    container.bundle.args("/bin/sh", "-c", r'printf "<%s>" "$0" "$@"', *words)
    assert container.run_ok() == "".join(f"<{word}>" for word in words)


@pytest.mark.row("PRC-6")
def test_a_long_list_of_arguments(container):
    container.bundle.args("/bin/sh", "-c", "echo $#", "sh", *["x" * 100] * 5000)
    assert container.run_ok() == "5000\n"


@pytest.mark.row("PRC-6")
def test_the_program_is_searched_in_the_containers_path(container):
    rootfs = container.bundle.rootfs
    for directory in ("first", "second"):
        (rootfs / directory).mkdir()
        (rootfs / directory / "tool").write_text(f"#!/bin/sh\necho {directory}\n")
    (rootfs / "second" / "tool").chmod(0o755)  # the other cannot be executed
    container.bundle.args("tool")
    container.bundle.process["env"] = ["PATH=/missing:/first:/second"]
    assert container.run_ok() == "second\n"


@pytest.mark.row("PRC-6")
def test_a_relative_program_starts_at_cwd(container):
    container.bundle.args("./true")
    container.bundle.process["cwd"] = "/bin"
    container.run_ok()


# --- environment


@pytest.mark.row("PRC-5")
def test_environment_is_the_configs_and_home(container):
    env = ["A=1", "EMPTY=", "EQUALS=a=b=c", "LINES=one\ntwo", "Ü=ü"]
    container.bundle.process["env"] = env
    found = container.run_probe(env={**os.environ, "OF_THE_CALLER": "1"})["env"]
    printed = [entry.encode("latin-1").decode() for entry in found]  # the probe escapes byte by byte
    assert sorted(printed) == sorted([*env, "HOME=/"])


@pytest.mark.row("PRC-5")
def test_of_a_variable_that_comes_twice_the_last_counts(container):
    container.bundle.process["env"] = ["A=1", "B=2", "A=3", "HOME=/x"]
    assert sorted(container.run_probe()["env"]) == ["A=3", "B=2", "HOME=/x"]


@pytest.mark.row("PRC-5")
@pytest.mark.parametrize("entry", ["NOVALUE", "=value", ""])
def test_what_is_no_variable_is_refused(container, entry):
    container.bundle.process["env"] = [entry]
    container.fails_to_create()


# --- working directory


@pytest.mark.row("PRC-4")
def test_a_missing_cwd_is_made(container):
    container.bundle.process["cwd"] = "/deep/er"
    assert container.run_probe()["cwd"] == "/deep/er"


@pytest.mark.row("PRC-4")
def test_cwd_may_be_a_symlink_inside_the_root(container):
    (container.bundle.rootfs / "real").mkdir()
    (container.bundle.rootfs / "link").symlink_to("/real")
    container.bundle.process["cwd"] = "/link"
    assert container.run_probe()["cwd"] == "/real"


@pytest.mark.row("PRC-4")
@pytest.mark.parametrize("owner", [0, 1000, 2000])
def test_cwd_that_only_its_owner_may_enter(container, owner):
    """
    The directory is entered with the rights of the set-up, before the program's user has lost them.
    """
    home = container.bundle.rootfs / "home"
    home.mkdir()
    caller.chown(home, owner, owner)
    home.chmod(0o700)
    container.bundle.process["cwd"] = "/home"
    container.bundle.process["user"] = {"uid": 1000, "gid": 1000}
    assert container.run_probe()["cwd"] == "/home"


@pytest.mark.row("PRC-4")
@pytest.mark.row("SECU-10")
@pytest.mark.parametrize("number", range(3, 12))
def test_cwd_in_a_file_descriptor_is_refused(container, number):
    container.bundle.process["cwd"] = f"/proc/self/fd/{number}"
    container.fails_to_create()


@pytest.mark.row("PRC-4")
def test_cwd_that_is_a_file(container):
    (container.bundle.rootfs / "file").touch()
    container.bundle.process["cwd"] = "/file"
    container.fails_to_create("not a directory")


# --- user


@caller.root_only("has all ids, and gives up its groups")
@pytest.mark.row("PRC-8")
@pytest.mark.parametrize(
    ("uid", "gid"), [(0, 0), (1000, 0), (0, 1000), (65534, 65534), (2147483647, 2147483646)]
)
def test_user_and_group(container, uid, gid):
    container.bundle.process["user"] = {"uid": uid, "gid": gid}
    probe = container.run_probe()
    fields = procfs.status(probe)
    assert fields["Uid"].split() == [str(uid)] * 4
    assert fields["Gid"].split() == [str(gid)] * 4
    assert probe["groups"] == []


@caller.root_only("sets additional groups")
@pytest.mark.row("PRC-9")
@pytest.mark.parametrize("uid", [0, 1000])
def test_additional_groups(container, uid):
    container.bundle.process["user"] = {"uid": uid, "gid": 7, "additionalGids": [10, 2147483647, 11]}
    assert sorted(container.run_probe()["groups"]) == [10, 11, 2147483647]


@caller.root_only("has all ids")
@pytest.mark.row("PRC-8")
@pytest.mark.ours("the specification has 32 bits, runC 31 (setup user: ids must be in range 0-2147483647)")
def test_ids_have_32_bits(container):
    container.bundle.process["user"] = {"uid": 4294967294, "gid": 4294967293, "additionalGids": [4294967292]}
    probe = container.run_probe()
    assert probe["ids"] == "4294967294 4294967294 4294967293 4294967293"
    assert probe["groups"] == [4294967292]


@caller.root_only("sets additional groups")
@pytest.mark.row("PRC-9")
def test_groups_of_the_caller_are_dropped(container):
    probe = container.run_probe(preexec_fn=lambda: os.setgroups([7, 8]))
    assert probe["groups"] == []


@pytest.mark.row("PRC-10")
@pytest.mark.parametrize(
    ("umask", "expected"), [(None, "0022"), (0, "0000"), (0o27, "0027"), (0o777, "0777")]
)
def test_umask(container, umask, expected):
    if umask is not None:
        container.bundle.process["user"]["umask"] = umask
    assert container.run_probe()["umask"] == expected


# --- what the process is


@pytest.mark.row("PRC-15")
@pytest.mark.parametrize("score", [1, 500, 1000])
def test_oom_score(container, score):
    container.bundle.process["oomScoreAdj"] = score
    assert container.run_probe()["oom_score_adj"] == f"{score}\n"


@pytest.mark.row("PRC-15")
def test_oom_score_of_the_caller_is_kept(container):
    def change():
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("321")

    assert container.run_probe(preexec_fn=change)["oom_score_adj"] == "321\n"


@pytest.mark.row("PRC-23")
def test_the_program_leads_a_session_of_its_own(container):
    pid, _, group, session = container.run_probe()["pids"].split()
    assert pid == group == session == "1"


@pytest.mark.row("PRC-23")
def test_session_keyring(container):
    assert container.run_probe()["keyring"].endswith(f";_ses.{container.id}")


@caller.root_only("the keyring is root's")
@pytest.mark.row("CMD-CREATE-NO-NEW-KEYRING")
@pytest.mark.row("PRC-23")
def test_no_new_keyring_keeps_the_callers(container, inside):
    own = json.loads(subprocess.run([inside, "probe"], capture_output=True, check=True).stdout)
    assert container.run_probe("--no-new-keyring")["keyring"] == own["keyring"]


@pytest.mark.row("PRC-23")
def test_nothing_of_the_set_up_stays(container):
    probe = container.run_probe()
    assert probe["death_signal"] == 0
    assert probe["subreaper"] == 0
    assert probe["securebits"] == 0
    assert probe["signals_blocked"] == []
    assert probe["signals_not_default"] == []


@caller.root_only("gives files to others")
@pytest.mark.row("PRC-24")
@pytest.mark.parametrize("uid", [0, 1000])
def test_the_user_owns_the_standard_streams(container, streams, uid):
    container.bundle.process["user"] = {"uid": uid, "gid": uid}
    container.bundle.save()
    command = ("create", "--bundle", container.bundle.path, container.id)
    container.runtime.ok(*command, stdin=streams[0], stdout=streams[1], stderr=streams[2])
    assert [(os.fstat(fd).st_uid, os.fstat(fd).st_gid) for fd in streams] == [(uid, 5000)] * 3


@pytest.mark.row("PRC-24")
def test_the_null_device_belongs_to_root(container):
    container.bundle.process["user"] = {"uid": 1000, "gid": 1000}
    container.bundle.save()
    null = subprocess.DEVNULL
    container.runtime.ok("create", "--bundle", container.bundle.path, container.id, stdout=null, stderr=null)
    assert os.stat("/dev/null").st_uid == 0


# --- names


@pytest.mark.row("TOP-10")
@pytest.mark.parametrize("name", ["a", "with.dots-and_more", "x" * 64])
def test_hostname(container, name):
    container.bundle.config["hostname"] = name
    assert container.run_probe()["hostname"] == name


@pytest.mark.row("TOP-11")
@pytest.mark.ours("runC knows domainname from 1.1.8 on")
def test_domainname(container):
    container.bundle.config["domainname"] = "example.org"
    assert container.run_probe()["domainname"] == "example.org"


@pytest.mark.row("TOP-11")
@pytest.mark.row("TOP-10")
@pytest.mark.parametrize(
    "field", ["hostname", pytest.param("domainname", marks=pytest.mark.ours("added to runC after 1.1.5"))]
)
def test_names_need_a_namespace_of_their_own(container, field):
    before = os.uname()
    container.bundle.config[field] = "changed"
    container.bundle.remove_namespace("uts")
    container.fails_to_create("UTS namespace")
    assert os.uname() == before


@pytest.mark.row("PRC-8")
@pytest.mark.parametrize(
    "ids", [{"uid": 4294967295}, {"gid": 4294967295}, {"additionalGids": [4294967295]}], ids=str
)
def test_the_id_that_is_none(container, ids):
    """
    To setresuid, setresgid and setgroups 4294967295 is -1: no change, or no id.
    """
    container.bundle.process["user"] |= ids
    container.fails_to_create(ours=["/process/user/", "4294967295 is not an id"])
