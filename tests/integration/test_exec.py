"""
exec: one more process in a running container, and what of it is the container's, what its own.
"""

import json
import os
import subprocess
import time

import pytest

from tests.support import caller
from tests.support.runtime import wait_until


@pytest.fixture
def running(container):
    return container.create().start()


def exec_probe(container, *options, **kwargs) -> dict:
    return json.loads(container.exec_ok("/inside", "probe", options=options, **kwargs))


# --- exit codes and streams


@pytest.mark.row("CMD-EXEC", "ERR-EXIT-CODES")
@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_the_exit_code_is_the_programs(running, status):
    assert running.exec("/inside", "exit", str(status)).returncode == status


@pytest.mark.row("CMD-EXEC", "ERR-EXIT-CODES")
def test_a_signal_is_128_plus_its_number(running):
    assert running.exec("/bin/sh", "-c", "kill -9 $$").returncode == 137


@pytest.mark.row("CMD-EXEC")
def test_input_and_output_are_the_callers(running):
    result = running.exec("/bin/sh", "-c", "cat; echo error >&2", stdin=None, input="typed")
    assert (result.returncode, result.stdout, result.stderr) == (0, "typed", "error\n")


@pytest.mark.row("CLI-ORDER")
def test_options_behind_the_program_are_its_own(running):
    assert running.exec_ok("/bin/echo", "--tty", "-d", "--", "x") == "--tty -d -- x\n"


@pytest.mark.row("CMD-EXEC", "ERR-EXIT-CODES")
@pytest.mark.parametrize("words", [[], [""]])
def test_without_a_program(running, words):
    result = running.exec(*words)
    assert result.returncode == 255
    assert "exec failed" in result.stderr


@pytest.mark.row("CMD-EXEC", "ERR-SENTINELS")
def test_unknown_container(runtime):
    result = runtime.call("exec", "no-such-container", "true")
    assert result.returncode == 255
    assert "container does not exist" in result.stderr


# --- status of the container


@pytest.mark.row("CMD-EXEC")
def test_in_a_created_container(container):
    container.create()
    assert container.exec_ok("/bin/hostname") == "test\n"
    assert container.status == "created"
    container.start()
    assert container.status == "running"


@pytest.mark.row("CMD-EXEC", "ERR-SENTINELS")
def test_in_a_stopped_container(container):
    container.bundle.args("/inside", "exit", "0")
    container.create().start()
    container.wait_for_status("stopped")
    result = container.exec("/bin/true")
    assert result.returncode == 255
    assert "cannot exec in a stopped container" in result.stderr


@pytest.mark.row("CMD-EXEC-IGNORE-PAUSED")
def test_in_a_paused_container(running):
    """
    Only when asked for; the process is frozen with the others and runs as soon as they do.
    """
    running.runtime.ok("pause", running.id)
    refused = running.exec("/bin/true")
    assert refused.returncode == 255
    assert "cannot exec in a paused container (use --ignore-paused to override)" in refused.stderr
    words = running.runtime.argv("exec", "--ignore-paused", running.id, "/inside", "exit", "7")
    with subprocess.Popen(words) as waiting:
        time.sleep(0.1)  # it must not end by itself
        assert waiting.poll() is None
        running.runtime.ok("resume", running.id)
        assert waiting.wait(10) == 7


# --- where it runs


@pytest.mark.row("NS-13", "CG-8")
def test_namespaces_and_cgroups_are_the_containers(running):
    probe = exec_probe(running)
    for name in ("pid", "net", "ipc", "uts", "mnt", "cgroup", "user"):
        theirs = os.readlink(f"/proc/{running.pid}/ns/{name}")
        assert probe["ns"][name].split()[-1] == theirs, name
    with open(f"/proc/{running.pid}/cgroup") as file:
        assert sorted(probe["cgroup"].splitlines()) == sorted(file.read().splitlines())


def test_root_is_the_containers(running):
    (running.bundle.rootfs / "mark").touch()
    assert "mark" in exec_probe(running)["root"]


def test_its_parent_is_outside(running):
    pid, parent, group, session = exec_probe(running)["pids"].split()
    assert parent == "0"
    assert pid == group == session != "1"


@pytest.mark.row("NS-13")
def test_user_namespace(container):
    container.bundle.add_user_namespace()
    container.create().start()
    probe = exec_probe(container)
    assert probe["ids"] == "0 0 0 0"
    assert probe["uid_map"].split() == ["0", "100000", "65536"]


@caller.root_only("sets additional groups")
@pytest.mark.row("CMD-EXEC")
def test_what_is_set_for_the_containers_process_is_kept(container):
    process = container.bundle.process
    process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 8], "umask": 0o27}
    process["cwd"] = "/tmp"
    process["env"].append("OF=config")
    process["oomScoreAdj"] = 123
    container.create().start()
    probe = exec_probe(container)
    assert probe["ids"] == "1000 1000 1001 1001"
    assert sorted(probe["groups"]) == [7, 8]
    assert probe["cwd"] == "/tmp"
    assert "OF=config" in probe["env"]
    assert probe["oom_score_adj"] == "123\n"


@pytest.mark.row("PRC-10")
@pytest.mark.ours("runC 1.1.5 gives exec the umask 0022, later versions the container's")
def test_umask_is_the_containers(container):
    container.bundle.process["user"]["umask"] = 0o27
    container.create().start()
    assert exec_probe(container)["umask"] == "0027"


@pytest.mark.row("PRC-23")
def test_keyring_is_the_containers(running):
    assert exec_probe(running)["keyring"].endswith(f";_ses.{running.id}")


@caller.root_only("the keyring is root's")
@pytest.mark.row("PRC-23", "CMD-CREATE-NO-NEW-KEYRING")
def test_keyring_of_the_caller_if_the_container_has_no_other(container, inside):
    container.create("--no-new-keyring").start()
    own = json.loads(subprocess.run([inside, "probe"], capture_output=True, check=True).stdout)
    assert exec_probe(container)["keyring"] == own["keyring"]


# --- options


@pytest.mark.row("CMD-EXEC-CWD")
def test_cwd(running):
    assert exec_probe(running, "--cwd", "/tmp")["cwd"] == "/tmp"


@pytest.mark.row("SECU-10")
@pytest.mark.parametrize("number", range(3, 12))
def test_cwd_in_a_file_descriptor_is_refused(running, number):
    result = running.exec("/bin/true", options=("--cwd", f"/proc/self/fd/{number}"))
    assert result.returncode == 255


@pytest.mark.row("CMD-EXEC-CWD", "ERR-PREFIX")
@pytest.mark.parametrize("cwd", ["relative", "/missing", "/inside"])
def test_bad_cwd(running, cwd):
    result = running.exec("/bin/true", options=("--cwd", cwd))
    assert result.returncode == 255
    assert "exec failed" in result.stderr


@pytest.mark.row("CMD-EXEC-ENV")
def test_env(running):
    env = exec_probe(running, "--env", "A=1", "--env", "B=2", "--env", "TERM=new")["env"]
    assert {"A=1", "B=2", "TERM=new"} <= set(env)
    assert "TERM=xterm" not in env


@caller.root_only("has all ids")
@pytest.mark.row("CMD-EXEC-USER")
@pytest.mark.row("SECU-15")
@pytest.mark.parametrize(
    ("text", "ids"),
    [("1", "1 1 0 0"), ("1:2", "1 1 2 2"), ("0:7", "0 0 7 7"), ("2147483647", "2147483647 2147483647 0 0")],
)
def test_user(running, text, ids):
    assert exec_probe(running, "--user", text)["ids"] == ids


@pytest.mark.row("CMD-EXEC-USER")
@pytest.mark.row("SECU-15")
@pytest.mark.parametrize("text", [":", "1x", "root", "1:", ":1", "1:x", "0x10", "1.5"])
def test_what_is_no_user(running, text):
    result = running.exec("/inside", "exit", "0", options=("--user", text))
    assert result.returncode == 255
    assert "uid" in result.stderr or "gid" in result.stderr


@pytest.mark.row("SECU-15")
@pytest.mark.parametrize("text", ["4294967295", "1:4294967295"])
def test_the_id_that_is_none(running, text):
    """
    setresuid(-1) changes nothing: it must not leave the program with root's id.
    """
    result = running.exec("/inside", "exit", "0", options=("--user", text))
    assert result.returncode == 255
    assert "4294967295 is not an id" in result.stderr or not running.runtime.is_ours


@pytest.mark.row("SECU-15")
@pytest.mark.ours("runC takes any number that Go can read and cuts it to 32 bits: 4294967296 is root")
@pytest.mark.parametrize("text", ["4294967296", "+1", "1:-1", "\u0661"])
def test_what_is_almost_a_user(running, text):
    result = running.exec("/inside", "exit", "0", options=("--user", text))
    assert result.returncode == 255
    assert "bad uid" in result.stderr or "bad gid" in result.stderr


@caller.root_only("sets additional groups")
@pytest.mark.row("CMD-EXEC-USER")
@pytest.mark.row("PRC-9")
def test_additional_groups(running):
    probe = exec_probe(running, "-g", "7", "-g", "8")
    assert sorted(probe["groups"]) == [7, 8]


@pytest.mark.row("PRC-9")
@pytest.mark.parametrize("text", ["-1", "x"])
def test_what_is_no_group(running, text):
    assert running.exec("/inside", "exit", "0", options=("--additional-gids", text)).returncode != 0


# --- detached


@pytest.mark.row("CMD-EXEC-DETACH")
def test_detached(running, tmp_path):
    null = subprocess.DEVNULL
    options = ("-d", "--pid-file", tmp_path / "pid")
    words = ("/bin/sh", "-c", "echo $$ > /pid; exec /inside pause")
    assert running.exec(*words, options=options, stdout=null, stderr=null).returncode == 0
    pid = int((tmp_path / "pid").read_text())
    with open(f"/proc/{pid}/status") as file:
        inner = next(line.split()[-1] for line in file if line.startswith("NSpid:"))
    wait_until(lambda: (running.bundle.rootfs / "pid").read_text() == f"{inner}\n", what="the program")
    running.kill("KILL")  # and with the init all others
    wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"), what="its end")


@pytest.mark.row("CMD-EXEC-DETACH", "GOLDEN-EXEC-PID-FILE")
@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_pid_file(running, tmp_path, detach):
    assert running.exec("/bin/true", options=(*detach, "--pid-file", tmp_path / "pid")).returncode == 0
    assert (tmp_path / "pid").read_text().isdigit()


@pytest.mark.row("CMD-EXEC-DETACH")
def test_a_pid_file_that_cannot_be_written(running, tmp_path):
    """
    The program has started when this is found out: it is ended again.
    """
    options = ("--detach", "--pid-file", tmp_path / "missing" / "pid")
    result = running.exec("/inside", "pause", options=options)
    assert result.returncode == 255
    assert "no such file or directory" in result.stderr
    wait_until(lambda: len(json.loads(running.runtime.ok("ps", "-f", "json", running.id).stdout)) == 1)


def test_many_at_once(running):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        codes = pool.map(lambda n: running.exec("/inside", "exit", str(n)).returncode, range(16))
    assert list(codes) == list(range(16))


@pytest.mark.row("NS-13", "CG-8")
def test_in_a_container_with_a_joined_user_namespace(container, make_container):
    """
    Made, too, from inside of a user namespace, whose rights do not suffice for the host's cgroups.
    """
    first = make_container()
    first.bundle.add_user_namespace()
    first.create().start()
    container.bundle.add_user_namespace()
    namespace = next(entry for entry in container.bundle.linux["namespaces"] if entry["type"] == "user")
    namespace["path"] = f"/proc/{first.pid}/ns/user"
    container.create().start()
    probe = exec_probe(container)
    with open(f"/proc/{container.pid}/cgroup") as file:
        assert sorted(probe["cgroup"].splitlines()) == sorted(file.read().splitlines())
    assert container.id in probe["cgroup"]
