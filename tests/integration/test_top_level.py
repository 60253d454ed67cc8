"""
What is in config.json beside the things that a Linux container is made of, and when the file counts
(spec: config.md "Extensibility", "Platform-specific configuration"; runtime.md "Lifecycle").
"""

import json

import pytest


@pytest.mark.row("TOP-3")
def test_properties_that_nobody_knows_mean_nothing(container):
    bundle = container.bundle
    for place in (bundle.config, bundle.process, bundle.process["user"], bundle.linux, bundle.mounts[0]):
        place["x-unknown"] = {"deep": [1, {"null": None}]}
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "x-unknown": 5}
    bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


PLATFORMS = {
    "solaris": {"milestone": "svc:/milestone/container:default", "anet": [{"linkname": "net0"}]},
    "windows": {"layerFolders": ["C:\\layer"], "ignoreFlushesDuringBoot": True},
    "vm": {"kernel": {"path": "/path/to/vmlinuz"}},
    "zos": {"namespaces": [{"type": "pid"}]},
    "freebsd": {"jail": {"vnet": "new"}},
}


@pytest.mark.row("TOP-6")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_sections_for_other_platforms_mean_nothing(container, platform):
    container.bundle.config[platform] = PLATFORMS[platform]
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


@pytest.mark.row("PRC-7", "PRC-11")
def test_fields_of_the_process_for_other_platforms_mean_nothing(container):
    container.bundle.process["commandLine"] = "cmd /c exit 1"
    container.bundle.process["user"] = {"uid": 1000, "gid": 1001, "username": "ContainerUser"}
    probe = container.run_probe()
    assert probe["ids"] == "1000 1000 1001 1001"
    assert "ContainerUser" not in json.dumps(probe)


@pytest.mark.row("TOP-8", "TOP-7")
def test_annotations_of_image_builders_do_no_harm(container):
    annotations = {
        "org.opencontainers.image.os": "plan9",
        "org.opencontainers.image.architecture": "vax",
        "org.opencontainers.image.stopSignal": "SIGKILL",
        "org.opencontainers.image.author": "",
        "io.kubernetes.cri.sandbox-id": "0123",
    }
    container.bundle.config["annotations"] = annotations
    container.create().start()
    assert container.state()["annotations"] == annotations
    assert container.status == "running"


@pytest.mark.row("TOP-5")
@pytest.mark.ours("create's config counts by the specification; runC's exec reads the bundle's again")
def test_exec_has_the_config_as_it_was_at_create(container):
    container.create().start()
    container.bundle.process["env"].append("LATER=1")
    container.bundle.process["cwd"] = "/tmp"
    container.bundle.process["user"] = {"uid": 5, "gid": 5}
    container.bundle.save()
    probe = json.loads(container.exec_ok("/inside", "probe"))
    assert (probe["cwd"], probe["ids"]) == ("/", "0 0 0 0")
    assert "LATER=1" not in probe["env"]


@pytest.mark.row("TOP-5")
def test_a_bundle_whose_config_is_gone(container):
    container.create()
    (container.bundle.path / "config.json").unlink()
    container.start()
    assert container.status == "running"
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")
    assert container.delete().returncode == 0
