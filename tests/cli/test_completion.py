"""
completion: what a shell makes of the scripts.
"""

import os
import shutil
import subprocess

import pytest

pytestmark = [pytest.mark.row("CLI-COMPLETION"), pytest.mark.ours("runC ships a script instead")]


def completed(program, script: str, *words: str) -> "set[str]":
    """
    What bash offers for the last of the words.
    """
    line = f"""
        {script}
        COMP_WORDS=(pyruntime {" ".join(f"'{word}'" for word in words)})
        COMP_CWORD={len(words)}
        _pyruntime
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {"PATH": f"{os.path.dirname(program)}:{os.environ['PATH']}"}
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    return set(result.stdout.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["re"], {"resume", "restore"}),
        (["--log-f"], {"--log-format"}),
        (["--root", "/x", "del"], {"delete"}),
        (["delete", "--fo"], {"--force"}),
        (["create", "--bun"], {"--bundle"}),
    ],
    ids=str,
)
def test_words(call, program, words, offered):
    assert completed(program, call("completion", "bash").stdout, *words) == offered


def test_options_without_a_text_are_not_offered(call, program):
    assert "--no-subreaper" not in completed(program, call("completion", "bash").stdout, "create", "--")


def test_files(call, program, tmp_path):
    (tmp_path / "bundle-of-mine").mkdir()
    script = call("completion", "bash").stdout
    found = completed(program, script, "create", "--bundle", f"{tmp_path}/bun")
    assert found == {f"{tmp_path}/bundle-of-mine"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_can_be_read(call, shell, tmp_path):
    text = call("completion", shell).stdout
    assert "resume" in text
    if shell == "bash" or shutil.which(shell):
        (tmp_path / "script").write_text(text)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_another_shell(call):
    result = call("completion", "tcsh")
    assert result.returncode == 1
    assert 'there is no completion for the shell \\"tcsh\\": bash, zsh, fish' in result.stderr
