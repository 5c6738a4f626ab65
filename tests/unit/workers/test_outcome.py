"""The judge: what every kind of error means for the job and for the model."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import Claim
from pointsman.router.vocabulary.chat import Answer
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobState
from pointsman.router.vocabulary.lanes import Lane
from pointsman.workers.backoff import FACTORS, Backoff
from pointsman.workers.errors import CallFailed, NotSent
from pointsman.workers.outcome import (
    POLICIES,
    STOPS,
    AttemptOutcome,
    GaveUp,
    Judge,
    Policy,
    RetryLater,
    Succeeded,
    Trial,
    TryNextModel,
)
from pointsman.workers.settlement import Tried, past_deadline, settlement

SETTINGS = Settings(_env_file=None, backoff_base_seconds=1.0, backoff_max_seconds=60.0)
LANE = Lane("technical_support", "default", ("gpt-4", "claude"))


@pytest.fixture
def trial(catalog: Catalog) -> Trial:
    """The first of four attempts, at gpt-4, with claude as the other candidate."""
    return Trial(attempt=1, max_attempts=4, rate_limits=0, lane=LANE, model=catalog.models["gpt-4"])


@pytest.fixture
def judge(catalog: Catalog) -> Judge:
    """A judge without luck."""
    return Judge(catalog, SETTINGS, Random(1))


def failed(kind: ErrorKind | str, retry_after: float | None = None) -> CallFailed:
    return CallFailed(ErrorKind(kind), "it broke", retry_after=retry_after)


def test_every_kind_of_error_has_a_policy_and_every_policy_a_kind() -> None:
    assert set(POLICIES) == set(ErrorKind)
    assert set(POLICIES.values()) == set(Policy)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("rate_limited", RetryLater),
        ("quota_exhausted", TryNextModel),
        ("auth", TryNextModel),
        ("misconfigured", TryNextModel),
        ("overloaded", RetryLater),
        ("server_error", RetryLater),
        ("timeout", RetryLater),
        ("connection", RetryLater),
        ("bad_response", RetryLater),
        ("worker_lost", RetryLater),
        ("context_too_long", GaveUp),
        ("content_filtered", GaveUp),
        ("invalid_request", GaveUp),
        ("cancelled", GaveUp),
        ("expired", GaveUp),
    ],
)
def test_what_becomes_of_a_first_attempt(
    judge: Judge, trial: Trial, kind: str, outcome: type[AttemptOutcome]
) -> None:
    assert isinstance(judge.judge(failed(kind), trial), outcome)


def test_a_rate_limit_cools_the_model_as_long_as_the_vendor_asked_and_spends_nothing(
    judge: Judge, trial: Trial
) -> None:
    error = failed("rate_limited", retry_after=17)
    assert judge.judge(error, trial) == RetryLater(error, cool_seconds=17, spends_attempt=False, refused=True)


def test_a_rate_limit_without_a_time_cools_longer_each_time(judge: Judge, trial: Trial) -> None:
    cooled = []
    for limits in range(4):
        outcome = judge.judge(failed("rate_limited"), replace(trial, rate_limits=limits))
        assert isinstance(outcome, RetryLater)
        cooled.append(outcome.cool_seconds)
    assert cooled == [2.0, 4.0, 8.0, 16.0]


def test_a_job_is_rate_limited_only_so_often(judge: Judge, trial: Trial) -> None:
    last = replace(trial, rate_limits=SETTINGS.max_rate_limits)
    error = failed("rate_limited", retry_after=90)
    assert judge.judge(error, last) == GaveUp(error, cool_seconds=90), "the model is cooled all the same"


@pytest.mark.parametrize(
    ("kind", "stop"), [("quota_exhausted", "paused"), ("auth", "down"), ("misconfigured", "down")]
)
def test_a_closed_model_is_left_without_spending_an_attempt(
    judge: Judge, trial: Trial, kind: str, stop: str
) -> None:
    error = failed(kind, retry_after=7)
    lane = LANE.without("gpt-4")
    assert judge.judge(error, trial) == TryNextModel(error, lane, stop, spends_attempt=False, cool_seconds=7)
    assert STOPS[ErrorKind(kind)] == stop
    alone = replace(trial, lane=Lane("@gpt-4", "default", ("gpt-4",)))
    assert judge.judge(error, alone) == GaveUp(error, stop, cool_seconds=7)


def test_an_overloaded_model_is_cooled_and_stays_a_candidate(judge: Judge, trial: Trial) -> None:
    error = failed("overloaded", retry_after=3)
    assert judge.judge(error, trial) == RetryLater(error, cool_seconds=3)


@pytest.mark.parametrize(("kind", "backoff"), [("rate_limited", 2.0), ("overloaded", 2.0)])
def test_a_wait_shorter_than_the_backoff_does_not_shorten_it(
    judge: Judge, trial: Trial, kind: str, backoff: float
) -> None:
    error = failed(kind, retry_after=0.5)
    outcome = judge.judge(error, trial)
    assert isinstance(outcome, RetryLater)
    assert outcome.cool_seconds == backoff


@pytest.mark.parametrize(("kind", "whole"), [("server_error", 4.0), ("bad_response", 2.0)])
def test_a_job_waits_for_the_longer_of_its_backoff_and_what_the_vendor_asked_for(
    catalog: Catalog, trial: Trial, kind: str, whole: float
) -> None:
    for retry_after in (None, 0.001, 0.5, 3.9, 10.0):
        error = failed(kind, retry_after)
        last = replace(trial, attempt=3, failed_by=("claude",))
        outcome = Judge(catalog, SETTINGS, Random(1)).judge(error, last)
        wait = max(retry_after or 0.0, Random(1).random() * whole)
        assert outcome == RetryLater(error, wait_seconds=wait, cool_seconds=retry_after or 0.0)


@pytest.mark.parametrize("kind", ["invalid_request", "cancelled", "expired"])
def test_what_cannot_succeed_fails_at_once_with_its_error(judge: Judge, trial: Trial, kind: str) -> None:
    error = failed(kind, retry_after=5)
    assert judge.judge(error, trial) == GaveUp(error, cool_seconds=5)


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind not in STOPS])
def test_what_a_vendor_asks_for_is_never_cut_short_whatever_becomes_of_the_job(
    judge: Judge, trial: Trial, kind: ErrorKind
) -> None:
    outcome = judge.judge(failed(kind, retry_after=3e7), trial)
    assert not isinstance(outcome, Succeeded)
    assert outcome.cool_seconds == 3e7
    if kind is ErrorKind.SERVER_ERROR:
        assert isinstance(outcome, RetryLater)
        assert outcome.wait_seconds == 0, "another model may take it at once"
        alone = judge.judge(failed(kind, retry_after=3e7), replace(trial, failed_by=("claude",)))
        assert isinstance(alone, RetryLater)
        assert alone.wait_seconds == 3e7


@pytest.mark.parametrize("kind", ["server_error", "timeout", "connection", "bad_response"])
def test_a_job_goes_at_once_to_a_model_that_has_not_failed_it(judge: Judge, trial: Trial, kind: str) -> None:
    outcome = judge.judge(failed(kind), trial)
    assert isinstance(outcome, RetryLater)
    assert outcome.wait_seconds == 0
    for left in (replace(trial, failed_by=("claude",)), replace(trial, lane=LANE.without("claude"))):
        waits = judge.judge(failed(kind), left)
        assert isinstance(waits, RetryLater)
        assert waits.wait_seconds > 0


def test_where_nobody_was_there_no_attempt_is_spent_up_to_a_bound(judge: Judge, trial: Trial) -> None:
    error = NotSent(ErrorKind.CONNECTION, "refused")
    last = replace(trial, attempt=4, failed_by=("claude",))
    outcome = judge.judge(error, last)
    assert isinstance(outcome, RetryLater)
    assert (outcome.spends_attempt, outcome.refused) == (False, True)
    assert 0 < outcome.wait_seconds <= SETTINGS.backoff_base_seconds
    assert judge.judge(error, trial) == RetryLater(error, spends_attempt=False, refused=True)
    often = replace(last, rate_limits=SETTINGS.max_rate_limits)
    assert judge.judge(error, often) == GaveUp(error)


def test_a_rate_limit_cools_for_more_than_nothing(judge: Judge, trial: Trial) -> None:
    at_once = judge.judge(failed("rate_limited", retry_after=0), trial)
    assert isinstance(at_once, RetryLater)
    assert at_once.cool_seconds > 0


@pytest.mark.parametrize("kind", ["server_error", "timeout", "connection", "bad_response", "overloaded"])
def test_the_last_attempt_ends_the_job(judge: Judge, trial: Trial, kind: str) -> None:
    outcome = judge.judge(failed(kind), replace(trial, attempt=4))
    assert isinstance(outcome, GaveUp)
    assert (outcome.cool_seconds > 0) == (kind == "overloaded")


def test_a_too_long_request_goes_only_to_a_model_with_a_larger_window(catalog: Catalog, trial: Trial) -> None:
    data = catalog.model_dump()
    data["models"]["gpt-4"]["context_window"] = 8_000
    data["models"]["claude"]["context_window"] = 200_000
    wide = Catalog.model_validate(data)
    judge, error = Judge(wide, SETTINGS, Random(1)), failed("context_too_long")
    assert judge.judge(error, replace(trial, model=wide.models["gpt-4"])) == TryNextModel(
        error, LANE.without("gpt-4")
    )
    assert judge.judge(error, replace(trial, model=wide.models["claude"])) == GaveUp(error)


def test_a_filtered_answer_goes_to_another_vendor_only_where_the_class_allows_it(
    catalog: Catalog, trial: Trial
) -> None:
    data = catalog.model_dump()
    data["models"]["gpt-mini"] = data["models"]["gpt-4"] | {"name": "gpt-mini"}
    judge = Judge(Catalog.model_validate(data), SETTINGS, Random(1))
    error = failed("content_filtered")
    assert judge.judge(error, trial) == GaveUp(error)
    allowed = replace(trial, lane=Lane("creative_writing", "default", ("gpt-4", "gpt-mini", "gemini")))
    assert judge.judge(error, allowed) == TryNextModel(error, Lane("creative_writing", "default", ("gemini",)))


def test_backing_off_doubles_up_to_its_most_and_its_jitter_is_full() -> None:
    backoff = Backoff(base_seconds=1.0, most_seconds=60.0, random=Random(1))
    for kind in ErrorKind:
        for tries in (1, 2, 3, 7, 2000):
            whole = min(60.0, FACTORS.get(kind, 1.0) * 2.0 ** min(tries - 1, 100))
            assert backoff.whole(kind, tries) == whole
            waits = [backoff.jittered(kind, tries) for _ in range(400)]
            assert 0 <= min(waits) < 0.05 * whole
            assert 0.95 * whole < max(waits) <= whole


@pytest.fixture
def tried() -> Tried:
    """A claimed job at its end."""
    claim = Claim("job-1", 3, {"schema": 1}, 2, 60.0, False, 4, 0, str(LANE), {"model": "gpt-4"})
    return Tried(claim, "gpt-4", "w1", "print", seconds=1.25, dropped=("seed",))


def test_every_outcome_becomes_the_settlement_that_redis_gets(tried: Tried) -> None:
    error = failed("server_error")
    end = settlement(tried, RetryLater(error, wait_seconds=2, cool_seconds=3, spends_attempt=False))
    assert (end.state, end.lane, end.wait_seconds, end.cool_seconds) == (JobState.PENDING, str(LANE), 2, 3)
    assert not end.spends_attempt
    end = settlement(tried, TryNextModel(error, LANE.without("gpt-4"), "down"))
    assert (end.state, end.lane, end.stop, end.key_print) == (
        JobState.PENDING, "technical_support|default|claude", "down", "print",
    )  # fmt: skip
    end = settlement(tried, GaveUp(error, "paused"))
    assert (end.state, end.kind, end.message, end.stop) == (JobState.FAILED, "server_error", "it broke", "paused")
    assert end.attempt["kind"] == "server_error"
    end = settlement(tried, Succeeded(Answer(text="42", finish_reason="stop")))
    assert (end.state, end.latency_seconds) == (JobState.SUCCEEDED, 1.25)
    assert end.result is not None
    assert end.result["answer"]["text"] == "42"
    assert end.result["dropped"] == ["seed"]


def test_only_a_call_that_sent_text_has_a_time_to_its_first_words(tried: Tried) -> None:
    answer = Succeeded(Answer(text="42", finish_reason="stop"))
    assert "first_token_seconds" not in settlement(tried, answer).attempt
    assert settlement(replace(tried, first_token_seconds=0.12345), answer).attempt["first_token_seconds"] == 0.123


def test_a_call_that_the_deadline_cut_short_expires_the_job(tried: Tried) -> None:
    end = past_deadline(tried, failed("timeout"))
    assert (end.state, end.kind) == (JobState.EXPIRED, ErrorKind.EXPIRED)
