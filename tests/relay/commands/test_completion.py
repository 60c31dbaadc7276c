"""Completion in real shells: commands, options, and values that the contract has."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from tests.servers import PROJECT, run_relay

BASH, ZSH, FISH = which("bash"), which("zsh"), which("fish")
WORDS = [
    (["dr"], {"drift"}),
    (["d"], {"drift", "doctor", "diff"}),
    (["check", "--on"], {"--only"}),
    (["check", "--only", "A,"], {f"A,{letter}" for letter in "BCDEFG"}),
    (["routes", "listFiles"], {"listFiles", "listFilesAction", "listFilesInVectorStoreBatch"}),
    (["routes", "--tag", "Fi"], {"Files", "Fine-tuning"}),
    (["routes", "--door", "fi"], {"files", "fine_tuning"}),
    (["diff", "PO"], {"POST"}),
    (["diff", "POST", "/v1/embe"], {"/v1/embeddings"}),
    (["completion", ""], {"bash", "zsh", "fish"}),
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which `relay` is this project's."""
    program = tmp_path / "relay"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m relay "$@"\n')
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(PROJECT), "HOME": str(tmp_path)}


def said(shell: str | None, script: str, environment: dict[str, str]) -> set[str]:
    if shell is None:
        pytest.skip("this shell is not installed")
    done = subprocess.run(
        [shell, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split("\n")) - {""}


@pytest.mark.parametrize(("words", "wanted"), WORDS, ids=lambda given: " ".join(sorted(given)))
def test_bash_completes(environment: dict[str, str], words: list[str], wanted: set[str]) -> None:
    quoted = " ".join(f"'{word}'" for word in ["relay", *words])
    script = f"""
        eval "$(relay completion bash)"
        complete -p relay >/dev/null
        COMP_WORDS=({quoted}); COMP_CWORD={len(words)}
        _relay_completion relay
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    found = said(BASH, script, environment)
    assert wanted <= found if words[-1] == "listFiles" else wanted == found


def test_zsh_takes_the_script_and_has_the_values(environment: dict[str, str]) -> None:
    script = """
        compdef() { print -r -- "$@" }
        eval "$(relay completion zsh)"
        COMP_WORDS="relay check --only A," COMP_CWORD=3 _RELAY_COMPLETE=zsh_complete relay
    """
    found = said(ZSH, script, environment)
    assert {"_relay_completion relay", "A,B", "A,G"} <= found


@pytest.mark.parametrize(("words", "wanted"), WORDS[:4], ids=lambda given: " ".join(sorted(given)))
def test_fish_completes(environment: dict[str, str], words: list[str], wanted: set[str]) -> None:
    script = f"relay completion fish | source; complete -C 'relay {' '.join(words)}'"
    found = {line.split("\t")[0] for line in said(FISH, script, environment)}
    assert found == wanted


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed_for_each_shell(shell: str, tmp_path: Path) -> None:
    done = run_relay("completion", shell, directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_RELAY_COMPLETE={shell}_complete" in done.stdout


def test_another_shell_is_one_line_and_code_two(tmp_path: Path) -> None:
    done = run_relay("completion", "tcsh", directory=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
