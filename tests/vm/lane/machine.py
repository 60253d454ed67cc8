"""
One virtual machine: QEMU without KVM, without a network, with the tree and an output directory of the host.

It is booted to be recorded (a snapshot: disk, memory, state of the devices), or goes on from a snapshot, to
which nothing is written, or, where there is none of its kind, is booted for once. A program inside
(guest/agent.py) takes commands by a serial port.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
STATE = TREE / ".cache" / "vm"
MEMORY = "1536M"
# One processor: two that are emulated wait for each other so much that tests take half as long again.
MACHINE = """
    -accel tcg,tb-size=512 -M pc-q35-7.2,memory-backend=ram,usb=off,sata=off,vmport=off,i8042=off
    -cpu Nehalem -smp 1 -nodefaults -no-user-config -display none -nic none -no-reboot -device virtio-rng-pci
    -device virtio-serial-pci
""".split()
KERNEL_LINE = (
    "console=ttyS0 quiet loglevel=4 mitigations=off init_on_alloc=0 nokaslr no_timer_check tsc=reliable "
    "panic=-1 random.trust_cpu=on systemd.show_status=no "
)
SECURITY = {"apparmor": "", "selinux": "security=selinux selinux=1 enforcing=0", "none": "lsm=capability"}
HIERARCHIES = {
    "v2": "systemd.unified_cgroup_hierarchy=1",
    "hybrid": "systemd.unified_cgroup_hierarchy=0",
    "v1": "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1",
}
BOOTED = """
systemctl is-system-running --wait; systemctl --failed --no-legend
for i in $(seq 200); do
    systemctl is-active -q user@1000.service && [ -S /run/user/1000/bus ] && break
    sleep 0.1
done
"""
CONNECT_SECONDS = 30
PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def snapshot_of(lsm: str) -> Path:
    """
    Where the snapshot with that security module is; its file "complete" is written last.
    """
    return STATE / f"snapshot-{lsm}"


class Machine:
    """
    A running machine; `close` ends it.

    Args:
        lsm: a key of SECURITY.
        hierarchy: a key of HIERARCHIES.
        recorded: the directory of a snapshot that is being made.
        output: a directory of the host that is writable at /out.

    Raises:
        RuntimeError: QEMU ends, or there is no image.
    """

    def __init__(
        self,
        lsm: str,
        *,
        hierarchy: str = "v2",
        recorded: "Path | None" = None,
        output: "Path | None" = None,
    ):
        if not (STATE / "root.img").exists():
            raise RuntimeError("there is no virtual machine yet: make vm-image")
        self.recorded = recorded
        snapshot = snapshot_of(lsm) if hierarchy == "v2" else None
        has_one = snapshot and (snapshot / "complete").exists()
        self.files = recorded or (snapshot if has_one else None)
        self.is_booted = bool(recorded or not has_one)
        self.directory = Path(tempfile.mkdtemp(prefix="vm-"))  # short: the names of sockets are
        self.log = (self.directory / "log").open("wb")
        self.output = output
        self.is_mounted = False
        self.agent: "socket.socket | None" = None
        self.process = subprocess.Popen(
            self._command(f"{KERNEL_LINE}{HIERARCHIES[hierarchy]} {SECURITY[lsm]}"),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            preexec_fn=_end_with_parent,
            env={**os.environ, "TMPDIR": str(STATE)},  # what is written to the disk goes into a file there
        )
        try:
            self.qmp = self._connect("qmp").makefile("rwb", buffering=0)
            self.qmp.readline()
            self.ask("qmp_capabilities")
            if not self.is_booted:
                self._migrate("migrate-incoming", f"exec:cat '{self.files}/device'")
                self.ask("cont")
        except BaseException:
            self.close()
            raise

    def _command(self, kernel_line: str) -> "list[str]":
        shared, disk = ("on", "") if self.recorded else ("off", ",snapshot=on")
        if self.files:
            memory = f"memory-backend-file,id=ram,size={MEMORY},mem-path={self.files}/memory,share={shared}"
            image = f"file={self.files}/disk.qcow2,format=qcow2"
        else:
            memory = f"memory-backend-ram,id=ram,size={MEMORY}"
            image = f"file={STATE}/root.img,format=raw"
        drive = f"{image},if=none,id=d0,cache=unsafe,discard=unmap{disk}"
        here = self.directory
        (here / "empty").mkdir()
        return [
            *("qemu-system-x86_64", *MACHINE, "-m", MEMORY, "-object", memory),
            *("-kernel", f"{STATE}/vmlinuz", "-initrd", f"{STATE}/initrd.gz"),
            *("-append", kernel_line),
            *("-drive", drive, "-device", "virtio-blk-pci,drive=d0"),
            *("-serial", f"file:{here}/console"),
            *("-chardev", f"socket,id=agent,path={here}/agent,server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=vm.agent"),
            *("-fsdev", f"local,id=tree,path={TREE},security_model=none,readonly=on"),
            *("-device", "virtio-9p-pci,fsdev=tree,mount_tag=tree"),
            *("-fsdev", f"local,id=out,path={self.output or here / 'empty'},security_model=none"),
            *("-device", "virtio-9p-pci,fsdev=out,mount_tag=out"),
            *("-qmp", f"unix:{here}/qmp,server=on,wait=off"),
            *([] if self.is_booted else ["-incoming", "defer"]),
        ]

    # --- QEMU itself

    def _connect(self, name: str) -> socket.socket:
        deadline = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = socket.socket(socket.AF_UNIX)
            try:
                found.connect(str(self.directory / name))
                return found
            except OSError:
                found.close()
                time.sleep(0.01)
        raise RuntimeError(f"no {name}: {self._said('log')}")

    def ask(self, command: str, **arguments) -> dict:
        """
        A command of QEMU's machine protocol; its answer.
        """
        self.qmp.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while line := self.qmp.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]
        raise RuntimeError(f"QEMU has ended: {self._said('log')}")

    def _migrate(self, command: str, uri: str) -> None:
        """
        Saves or loads the devices' state; the memory is a file of its own.
        """
        shared = {"capability": "x-ignore-shared", "state": True}
        self.ask("migrate-set-capabilities", capabilities=[shared])
        self.ask(command, uri=uri)
        while (status := self.ask("query-migrate").get("status")) != "completed":
            if status in ("failed", "cancelled"):
                raise RuntimeError(f"{command}: {self._said('log')}")
            time.sleep(0.01)

    def record(self) -> None:
        """
        Stops the machine and completes its snapshot.
        """
        if self.agent:
            self.agent.close()
            self.agent = None
            time.sleep(0.5)  # until the agent has seen it: nothing must be in flight
        self.ask("stop")
        self._migrate("migrate", f"exec:cat > '{self.files}/device'")
        self.ask("quit")
        self.process.wait(60)
        (self.files / "complete").touch()

    def _said(self, name: str) -> str:
        return (self.directory / name).read_text(errors="replace")[-4000:]

    def close(self) -> None:
        """
        Ends it; nothing of it is left.
        """
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- the agent inside

    def run(self, command: str, stdout, stderr, *, user: str = "root", seconds: float = 600) -> int:
        """
        Runs a shell command in the tree; its exit status. Output goes to the two binary files as it comes.
        """
        if self.agent is None:
            self.agent = self._connect("agent")
        request = {"cmd": command, "user": user, "timeout": seconds, "time": time.time()}
        if not self.recorded:
            request["cwd"] = str(TREE)
            if not self.is_mounted:  # a mount could not be part of a snapshot
                request |= {"tree": str(TREE), "out": self.output is not None}
                self.is_mounted = True
        self.agent.sendall(json.dumps(request).encode() + b"\n")
        self.agent.settimeout(seconds + 120)
        for kind, data in self._frames():
            if kind == b"X":
                result = json.loads(data)
                if "error" in result:
                    raise RuntimeError(f"the agent: {result['error']}")
                return result["rc"]
            file = stdout if kind == b"O" else stderr
            file.write(data)
            file.flush()
        raise RuntimeError(f"the machine has ended; its console:\n{self._said('console')}")

    def wait_until_booted(self, log) -> None:
        """
        Until all is up, in a machine that does not come from a snapshot.
        """
        self.run(BOOTED, log, log)

    def _frames(self):
        """
        (type, payload) of what the agent sends.
        """
        buffer = b""
        while data := self._received():
            buffer += data
            while len(buffer) >= 5:
                size = struct.unpack(">I", buffer[1:5])[0]
                if len(buffer) < 5 + size:
                    break
                yield buffer[:1], buffer[5 : 5 + size]
                buffer = buffer[5 + size :]

    def _received(self) -> bytes:
        """
        What comes from the agent next; nothing if the machine has ended.
        """
        try:
            return self.agent.recv(65536)
        except ConnectionResetError:
            return b""
