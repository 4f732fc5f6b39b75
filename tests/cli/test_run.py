"""`clinometer run`: what its words mean, and which it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hosting import call, unwrapped

from clinometer.cli import processes


@pytest.mark.parametrize("word", ["--backend=torch", "--backend", "--journal", "--seed=3", "-n2", "--resume", "--pdb"])
def test_what_stands_behind_the_dashes_does_not_replace_what_stands_before(word: str, tmp_path: Path) -> None:
    """Backend, journal, seed and processes are named once: behind `--` they are refused, with what to write instead."""
    result = call("run", "reference", "-o", tmp_path, "--", word, "torch")
    assert result.exit_code == 2
    assert (
        f"clinometer: {word.partition('=')[0][:2] if word == '-n2' else word.partition('=')[0]} behind the `--`:"
        in result.stderr
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-n", "-3"], "'-3' is not a number of processes"),
        (["-n", "0"], "'0' is not a number of processes"),
        (["-n", "many"], "'many' is not a number of processes"),
        (["--memory", "lots"], "'lots' is no amount of memory"),
        (["--case-timeout", "0"], "0.0 is not in the range"),
        (["--python", "torch=python3"], "--python torch=python3: write BACKEND=PATH, with one of reference."),
        (["--python", "reference=/nowhere/python"], "there is no program /nowhere/python"),
    ],
)
def test_options_that_make_no_sense_are_refused(words: list[str], said: str, tmp_path: Path) -> None:
    """Each in a sentence, with exit code 2, before anything is written."""
    result = call("run", "reference", "-o", tmp_path, *words)
    assert result.exit_code == 2
    assert said in unwrapped(result)
    assert not list(tmp_path.iterdir())


def test_run_hands_the_rest_to_pytest() -> None:
    """What stands behind `--` reaches pytest, and so do backend, profile and seed."""
    words = processes.Plan("torch", Path("t.jsonl"), "deep", 7, 2, ["-k", "detach"], python="/opt/python").command
    assert words[:5] == ["/opt/python", "-m", "pytest", "--pyargs", "clinometer.suites"]
    for pair in (["--backend", "torch"], ["--profile", "deep"], ["--seed", "7"], ["-k", "detach"]):
        assert words[words.index(pair[0]) + 1] == pair[1]


def test_run_knows_backends_from_pytest_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Words behind `--` are no backends, and options before it are no words for pytest."""
    plans: list[processes.Plan] = []

    def examine(plan: processes.Plan, say: Any, watch: Any, workers: Any) -> processes.Outcome:
        plans.append(plan)
        return processes.Outcome(0)

    monkeypatch.setattr(processes, "run_backend", examine)
    call("run", "torch", "jax", "--seed", "5", "--memory", "2G", "-o", tmp_path, "--", "-x", "-k", "not slow")
    assert [(plan.backend, plan.seed, plan.memory, plan.pytest_args) for plan in plans] == [
        ("torch", 5, 1 << 31, ["-x", "-k", "not slow"]),
        ("jax", 5, 1 << 31, ["-x", "-k", "not slow"]),
    ]


def test_the_reference_is_asked_in_quick_unless_a_profile_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A first run shows what a library does; how sound the reference is takes --profile, and the output says so."""
    plans: list[processes.Plan] = []
    monkeypatch.setattr(processes, "run_backend", lambda plan, say, watch, workers: plans.append(plan) or processes.Outcome(0))
    first = call("run", "reference", "torch", "-o", tmp_path)
    assert "--profile asks it as others are asked" in unwrapped(first)
    call("run", "reference", "torch", "--profile", "standard", "-o", tmp_path)
    assert [plan.profile for plan in plans] == ["quick", "standard", "standard", "standard"]
