"""
As many containers at once as a node of Kubernetes has, and more, made and removed by clients that know
nothing of each other: none is lost, none is left.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.engines.containerd import Containerd
from tests.e2e.runtimes import Runtime
from tests.support.runtime import wait_until

CONTAINERS = 200
CLIENTS = 20
SECONDS = 600
TITLE = f"{CONTAINERS} containers at once, {CLIENTS} clients"
MADE = 'for n in $(seq "$EACH"); do run -d $BB $ID-$n sleep 1000; done'
REMOVED = 'for n in $(seq "$EACH"); do ctr task rm -f $ID-$n >/dev/null; ctr container rm $ID-$n; done'


def by_clients(engine: Containerd, script: str) -> None:
    """
    A script by all clients at the same time, each with its own containers.
    """

    def client(number: int) -> None:
        each = str(CONTAINERS // CLIENTS)
        result = engine.sh(script, f"client{number}", seconds=SECONDS, EACH=each)
        assert result.code == 0, (engine.runtime.name, result)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))


def running(engine: Containerd) -> int:
    """
    Containers whose program runs, as the machine and the engine say; -1 if they do not agree.
    """
    programs = sum(words == "sleep 1000" for words in engine.world.pids().values())
    tasks = engine.ctr("task", "ls").stdout.count(" RUNNING")
    return programs if programs == tasks else -1


def seconds(runtime: Runtime, images) -> float:
    """
    The time that it takes to make and remove all.
    """
    with Containerd(runtime, images, is_recorded=False) as engine:
        begin = time.monotonic()
        by_clients(engine, MADE)
        made = time.monotonic() - begin
        found = running(engine)
        assert found == CONTAINERS, f"{runtime.name}: {found} of {CONTAINERS} run"
        begin = time.monotonic()
        by_clients(engine, REMOVED)
        removed = time.monotonic() - begin
        wait_until(lambda: not engine.left(), seconds=30, what=f"{runtime.name}: nothing is left")
        assert engine.ctr("container", "ls", "-q").stdout == ""
    return made + removed
