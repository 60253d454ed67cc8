"""
Seccomp filters and their flags as the init gets them; those that were compiled before come from the cache.
"""

import pytest

from pyruntime.runtime import seccomp_compile
from pyruntime.runtime.seccomp import filter_for, flags_of
from pyruntime.runtime.seccomp_compile import compile_profile


def profile(default="SCMP_ACT_ALLOW", *rules, **more):
    return {"defaultAction": default, "syscalls": list(rules), **more}


def rule(names, action="SCMP_ACT_ERRNO", **more):
    return {"names": names.split(), "action": action, **more}


@pytest.mark.row("SEC-5")
@pytest.mark.parametrize(
    ("flags", "bits"),
    [
        (None, 4),
        ([], 0),
        (["SECCOMP_FILTER_FLAG_TSYNC"], 1),
        (["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"], 6),
        # Says how notifications are waited for; without any the kernel does not take it.
        (["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG"], 2),
    ],
)
def test_flags(flags, bits):
    assert flags_of({} if flags is None else {"flags": flags}) == bits


@pytest.mark.row("SEC-5", "SEC-11")
@pytest.mark.parametrize(
    ("flags", "bits"),
    [
        (None, 4 | 8),
        ([], 8),
        (["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG"], 2 | 8 | 32),
        # There is one thread; a second one must not have the filter.
        (["SECCOMP_FILTER_FLAG_TSYNC"], 8),
    ],
)
def test_flags_with_notifications(flags, bits):
    more = {} if flags is None else {"flags": flags}
    assert flags_of(profile("SCMP_ACT_ALLOW", rule("mkdir", "SCMP_ACT_NOTIFY"), **more)) == bits


@pytest.mark.row("SEC-15")
def test_a_filter_with_notifications_is_kept_too(tmp_path, compilations):
    notifies = profile("SCMP_ACT_ALLOW", rule("mkdir", "SCMP_ACT_NOTIFY"), listenerPath="/agent")
    first = filter_for(notifies, str(tmp_path))
    assert first[0] & 8
    assert filter_for(notifies, str(tmp_path)) == first
    assert len(compilations) == 1


@pytest.mark.row("SEC-1")
def test_a_profile_that_says_nothing_is_none(tmp_path):
    assert filter_for(profile(), str(tmp_path)) is None
    assert filter_for({"defaultAction": "SCMP_ACT_ALLOW"}, str(tmp_path)) is None
    assert filter_for(profile("SCMP_ACT_LOG"), str(tmp_path)) is not None


@pytest.fixture
def compilations(monkeypatch):
    """
    Counts how often libseccomp is asked.
    """
    calls = []

    def count(given):
        calls.append(given)
        return compile_profile(given)

    monkeypatch.setattr(seccomp_compile, "compile_profile", count)
    return calls


@pytest.fixture
def cache(tmp_path):
    return tmp_path / ".cache" / "seccomp"


DENIES = profile("SCMP_ACT_ALLOW", rule("mkdir"))


@pytest.mark.row("SEC-15")
def test_a_profile_is_compiled_once(tmp_path, compilations, cache):
    first = filter_for(DENIES, str(tmp_path))
    assert filter_for(DENIES, str(tmp_path)) == first
    assert len(compilations) == 1
    assert cache.stat().st_mode & 0o777 == 0o700
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.row("SEC-15")
def test_another_profile_is_another_filter(tmp_path, compilations, cache):
    first = filter_for(DENIES, str(tmp_path))
    assert filter_for(profile("SCMP_ACT_ALLOW", rule("read")), str(tmp_path)) != first
    assert len(compilations) == len(list(cache.iterdir())) == 2


@pytest.mark.row("SEC-15")
@pytest.mark.parametrize("damage", [b"", b"rubbish", b"\xff" * 100, b"i\x01\x00\x00\x00"])
def test_a_damaged_cache_is_made_anew(tmp_path, compilations, cache, damage):
    first = filter_for(DENIES, str(tmp_path))
    (file,) = cache.iterdir()
    file.write_bytes(damage)
    assert filter_for(DENIES, str(tmp_path)) == first
    assert len(compilations) == 2
    assert filter_for(DENIES, str(tmp_path)) == first
    assert len(compilations) == 2


@pytest.mark.row("SEC-15")
def test_a_filter_under_a_name_that_is_not_its_own_is_not_taken(tmp_path, compilations, cache):
    filter_for(DENIES, str(tmp_path))
    (file,) = cache.iterdir()
    other = filter_for(profile("SCMP_ACT_ALLOW", rule("read")), str(tmp_path))
    (other_file,) = set(cache.iterdir()) - {file}
    file.replace(other_file)
    assert filter_for(profile("SCMP_ACT_ALLOW", rule("read")), str(tmp_path)) == other
    assert len(compilations) == 3


@pytest.mark.row("SEC-15")
def test_another_library_compiles_anew(tmp_path, compilations, monkeypatch):
    monkeypatch.setattr(seccomp_compile, "library", lambda: ("/etc/hostname", (1, 2, 3)))
    filter_for(DENIES, str(tmp_path))
    filter_for(DENIES, str(tmp_path))
    assert len(compilations) == 2


@pytest.mark.row("SEC-15")
def test_a_cache_does_not_grow_for_ever(tmp_path, cache, monkeypatch):
    monkeypatch.setattr("pyruntime.runtime.seccomp.MAX_FILTERS", 3)
    for number in range(8):
        filter_for(profile("SCMP_ACT_ALLOW", rule("mkdir", errnoRet=number)), str(tmp_path))
        assert len(list(cache.iterdir())) <= 3


@pytest.mark.row("SEC-15")
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / ".cache").write_text("in the way")
    assert filter_for(DENIES, str(tmp_path)) == (4, compile_profile(DENIES))
