"""When a folder is looked at again."""

from __future__ import annotations

import pytest

from engine.workers.schedule import QUIET, Schedule


@pytest.fixture
def schedule() -> Schedule:
    schedule = Schedule()
    schedule.follow({"a": 1800.0, "b": 300.0}, now=0.0)
    return schedule


def test_each_folder_is_looked_at_every_so_often(schedule: Schedule) -> None:
    assert schedule.due(299.9) == [] and schedule.next_due() == 300.0
    assert schedule.due(300.0) == ["b"]
    assert schedule.due(300.0) == [] and schedule.next_due() == 600.0
    assert schedule.due(1800.0) == ["a", "b"]


def test_a_hint_waits_until_it_is_quiet(schedule: Schedule) -> None:
    schedule.hint("a", 10.0)
    schedule.hint("a", 11.5)
    assert schedule.due(11.5 + QUIET - 0.1) == []
    assert schedule.due(11.5 + QUIET) == ["a"]
    assert schedule.due(11.5 + QUIET) == [], "one look for all hints"


def test_a_file_that_is_written_without_end_does_not_wait_for_ever(schedule: Schedule) -> None:
    for tenth in range(400):
        schedule.hint("a", tenth / 10)
    assert schedule.due(29.9) == [] and schedule.due(30.0) == ["a"]


def test_long_looks_are_not_repeated_at_once(schedule: Schedule) -> None:
    schedule.follow({"a": 1800.0}, now=0.0)
    schedule.looked(["a"], now=100.0, took=5.0)
    schedule.hint("a", 101.0)
    assert schedule.due(149.9) == [] and schedule.due(150.0) == ["a"]
    schedule.looked(["a"], now=200.0, took=10_000.0)
    schedule.hint("a", 201.0)
    assert schedule.next_due() == 200.0 + 15 * 60, "but none rests for ever"


def test_what_is_missing_is_looked_at_a_second_time(schedule: Schedule) -> None:
    schedule.looked(["a"], now=10.0, took=0.1, again_in=61.0)
    assert schedule.due(70.9) == [] and schedule.due(71.0) == ["a"]
    assert schedule.due(200.0) == []


def test_folders_come_and_go(schedule: Schedule) -> None:
    schedule.follow({"b": 300.0, "c": 300.0}, now=100.0)
    schedule.hint("a", 100.0)
    assert schedule.due(300.0) == ["b"] and schedule.due(400.0) == ["c"]
    schedule.follow({}, now=400.0)
    assert schedule.next_due() is None
