"""Every ledger keeps its promises through whatever happens, and ledgers that do not are found out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from llmgateway_server.store.memory import MemoryLedger

from tests.server.store.machine import LedgerMachine
from tests.server.store.mutants import MUTANTS, stage_of
from tests.server.store.stages import STAGES, MemoryStage, Stage

# The default profile runs this share of its examples: each opens a store.
SHARE = 4
MUTANT_SETTINGS = settings(
    max_examples=300,
    stateful_step_count=20,
    phases=[Phase.generate],
    database=None,
    derandomize=True,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)


def machine_on(stage: Callable[[Path, Callable[[], int]], Stage], *, has_twin: bool) -> type[LedgerMachine]:
    return type("Machine", (LedgerMachine,), {"stage_class": staticmethod(stage), "has_twin": has_twin})


@pytest.mark.parametrize("name", STAGES)
def test_a_ledger_keeps_its_promises_and_agrees_with_the_one_in_memory(name: str) -> None:
    machine = machine_on(STAGES[name], has_twin=True)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine, settings=settings(max_examples=settings().max_examples // SHARE, stateful_step_count=20)
    )


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_ledger_that_breaks_a_promise_is_caught_without_a_twin(mutant: type[MemoryLedger]) -> None:
    with pytest.raises(AssertionError, match=r"I\d"):
        run_state_machine_as_test(machine_on(stage_of(mutant), has_twin=False), settings=MUTANT_SETTINGS)  # type: ignore[no-untyped-call]


def test_the_checks_that_catch_mutants_pass_a_ledger_that_is_right() -> None:
    some = settings(MUTANT_SETTINGS, max_examples=30)
    run_state_machine_as_test(machine_on(MemoryStage, has_twin=False), settings=some)  # type: ignore[no-untyped-call]
