"""
One container of a test: every command on it, and its end.
"""

import json
import re
import subprocess

from tests.support.bundle import Bundle
from tests.support.runtime import Runtime, wait_until

PLACE = re.compile(r"config\.json:\d+:\d+")


class Container:
    """
    A container id with its bundle; what it prints goes to a file, so that no pipe keeps a test waiting.
    """

    def __init__(self, runtime: Runtime, bundle: Bundle, container_id: str):
        self.runtime = runtime
        self.bundle = bundle
        self.id = container_id

    @property
    def output_path(self):
        return self.bundle.path / f"{self.id}.out"

    @property
    def output(self) -> str:
        """
        What the program has printed so far (stdout and stderr).
        """
        return self.output_path.read_text(errors="replace") if self.output_path.exists() else ""

    @property
    def state_directory(self):
        return self.runtime.root / self.id

    # --- commands

    def try_create(self, *options, **kwargs) -> subprocess.CompletedProcess:
        """
        create; its own errors are in the result's stderr (and in nothing else: they go through --log).
        """
        self.bundle.save()
        log = self.bundle.path / f"{self.id}.log"
        log.unlink(missing_ok=True)
        global_options = kwargs.pop("global_options", ())
        with open(self.output_path, "ab") as output:
            result = self.runtime.call(
                "create",
                "--bundle",
                self.bundle.path,
                *options,
                self.id,
                options=("--log", log, "--log-format", "json", *global_options),
                stdout=output,
                stderr=output,
                **kwargs,
            )
        result.stderr = self.last_error()
        return result

    def last_error(self) -> str:
        """
        The message of the last line of level error in the log.
        """
        log = self.bundle.path / f"{self.id}.log"
        messages = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        errors = [entry["msg"] for entry in messages if entry["level"] == "error"]
        return errors[-1] if errors else ""

    def warnings(self) -> "list[str]":
        log = self.bundle.path / f"{self.id}.log"
        messages = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [entry["msg"] for entry in messages if entry["level"] == "warning"]

    def create(self, *options, **kwargs) -> "Container":
        result = self.try_create(*options, **kwargs)
        assert result.returncode == 0, result.stderr
        return self

    def fails_to_create(self, *words: str, ours=(), place: bool = True, **kwargs) -> str:
        """
        create must fail, name all the words (`ours`: those that only we say), and leave nothing behind; its
        message.

        Args:
            place: it is the config's fault, so we also say in which line, and at which JSON pointer.
        """
        words += tuple(ours) if self.runtime.is_ours else ()
        result = self.try_create(**kwargs)
        assert result.returncode == 1, (result.returncode, result.stderr)
        for word in words:
            assert word in result.stderr, result.stderr
        assert not self.state_directory.exists()
        assert not (place and self.runtime.is_ours) or PLACE.search(result.stderr), result.stderr
        return result.stderr

    def start(self) -> "Container":
        self.runtime.ok("start", self.id)
        return self

    def run(self, *options, **kwargs) -> subprocess.CompletedProcess:
        """
        run in the foreground; stdout and stderr are the program's.
        """
        self.bundle.save()
        return self.runtime.call("run", "--bundle", self.bundle.path, *options, self.id, **kwargs)

    def run_ok(self, *options, **kwargs) -> str:
        """
        run, which must succeed; what the program printed.
        """
        result = self.run(*options, **kwargs)
        assert result.returncode == 0, (result.returncode, result.stdout, result.stderr)
        return result.stdout

    def exec(self, *words, options=(), **kwargs) -> subprocess.CompletedProcess:
        return self.runtime.call("exec", *options, self.id, *words, **kwargs)

    def exec_ok(self, *words, **kwargs) -> str:
        result = self.exec(*words, **kwargs)
        assert result.returncode == 0, (result.returncode, result.stdout, result.stderr)
        return result.stdout

    def kill(self, *words) -> subprocess.CompletedProcess:
        return self.runtime.call("kill", self.id, *words)

    def delete(self, *options) -> subprocess.CompletedProcess:
        return self.runtime.call("delete", *options, self.id)

    # --- looking

    def state(self) -> dict:
        return self.runtime.state(self.id)

    @property
    def status(self) -> str:
        return self.state()["status"]

    @property
    def pid(self) -> int:
        return self.state()["pid"]

    def wait_for_status(self, status: str) -> None:
        wait_until(lambda: self.status == status, what=f"status {status}")

    def wait_for_output(self, text: str) -> str:
        wait_until(lambda: text in self.output, what=f"output {text!r}")
        return self.output

    def exists(self) -> bool:
        return self.runtime.call("state", self.id).returncode == 0

    def probe(self, **files: str) -> dict:
        """
        Runs `inside probe` as the container's program, by create and start; what it found.
        """
        words = [f"{label}={path}" for label, path in files.items()]
        self.bundle.args("/inside", "probe", *words)
        self.create()
        self.start()
        self.wait_for_status("stopped")
        return json.loads(self.output)

    def run_probe(self, *options, **kwargs) -> dict:
        """
        The same by `run` in the foreground, its standard streams being pipes.
        """
        self.bundle.args("/inside", "probe")
        return json.loads(self.run_ok(*options, **kwargs))
