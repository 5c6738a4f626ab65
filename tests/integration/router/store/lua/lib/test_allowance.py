"""What a vendor says with its replies is left: nobody binds or claims more until the reset."""

from __future__ import annotations

import pytest

from pointsman.router.store.calls import PauseModel
from pointsman.router.vocabulary.allowance import Allowance, Left
from pointsman.router.vocabulary.facts import read_facts
from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, failure, success

LANE = "technical_support|default|gpt-4,claude"


def requests(count: int, seconds: float = 10.0) -> Allowance:
    return Allowance(requests=Left(count, seconds))


def tokens(count: int, seconds: float = 10.0) -> Allowance:
    return Allowance(tokens=Left(count, seconds))


async def submit_many(driver: Driver, count: int) -> list[str]:
    await driver.announce("gpt-4", 100)
    return [await driver.submit() for _ in range(count)]


async def tokens_of(driver: Driver, job_id: str) -> int:
    return read_facts(await driver.redis.hget(driver.keys.key("job", job_id), "facts")).tokens


async def call(driver: Driver, job_id: str, allowance: Allowance, *, binding: int = 1) -> None:
    """Carry out one job from bind to settle; its reply says what is left."""
    assert await driver.bind(job_id) == "bound"
    assert await driver.claim(job_id, binding) is not None
    assert await driver.settle(job_id, binding, settlement=success(allowance=allowance)) is JobState.SUCCEEDED


async def test_no_more_requests_are_bound_than_the_vendor_has_left(driver: Driver) -> None:
    first, *rest = await submit_many(driver, 6)
    await call(driver, first, requests(3))
    assert await driver.bind_many(rest) == ["bound"] * 3 + ["limited"] * 2
    state = (await driver.read()).states["gpt-4"]
    assert state.full_because(0) == "the vendor allows no more requests for another 10.0 s"
    assert state.opens_at() == driver.now + 10_000


async def test_the_reset_opens_the_model_again(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await call(driver, first, requests(0, seconds=2.5))
    driver.pass_seconds(2.4)
    assert await driver.bind(second) == "limited"
    driver.pass_seconds(0.1)
    assert (await driver.read()).states["gpt-4"].closed_because(0) is None
    assert await driver.bind(second) == "bound"


async def test_no_more_tokens_are_bound_than_the_vendor_has_left(driver: Driver) -> None:
    first, *rest = await submit_many(driver, 4)
    each = await tokens_of(driver, first)
    await call(driver, first, tokens(2 * each + 1))
    assert await driver.bind_many(rest) == ["bound", "bound", "limited"]
    state = (await driver.read()).states["gpt-4"]
    assert state.full_because(each) == "the vendor allows only 1 tokens for another 10.0 s"
    assert state.lacks_tokens(each)
    assert state.opens_at() == driver.now + 10_000


async def test_an_error_says_what_is_left_as_well(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await driver.bind(first)
    await driver.claim(first)
    end = failure("server_error", JobState.PENDING, lane=LANE, allowance=requests(0))
    await driver.settle(first, settlement=end)
    assert await driver.bind_many([first, second]) == ["limited", "limited"]


async def test_calls_that_may_not_have_reached_the_vendor_count_against_what_is_left(driver: Driver) -> None:
    submitted = await submit_many(driver, 8)
    await driver.bind_many(submitted[:4])
    for job_id in submitted[:3]:
        await driver.claim(job_id)
    await driver.settle(submitted[2], settlement=success(allowance=requests(5)))
    # two other calls are under way and one is bound: of the five they take three
    assert await driver.bind_many(submitted[4:]) == ["bound", "bound", "limited", "limited"]


async def test_calls_that_were_claimed_long_before_have_been_counted_by_the_vendor(driver: Driver) -> None:
    submitted = await submit_many(driver, 5)
    await driver.bind_many(submitted[:3])
    for job_id in submitted[:2]:
        await driver.claim(job_id)
    driver.pass_seconds(2)
    await driver.claim(submitted[2])
    await driver.settle(submitted[2], settlement=success(allowance=requests(1)))
    assert await driver.bind_many(submitted[3:]) == ["bound", "limited"]


@pytest.mark.parametrize("seconds", [0.3, 0.999])
async def test_for_one_second_a_call_may_be_under_way(driver: Driver, seconds: float) -> None:
    submitted = await submit_many(driver, 4)
    await driver.bind_many(submitted[:2])
    driver.pass_seconds(0.9)
    await driver.claim(submitted[0])
    driver.pass_seconds(seconds)
    await driver.claim(submitted[1])
    await driver.settle(submitted[1], settlement=success(allowance=requests(2)))
    assert await driver.bind_many(submitted[2:]) == ["bound", "limited"]


async def test_the_later_call_is_believed_whatever_the_order_of_the_replies(driver: Driver) -> None:
    early, late, *rest = await submit_many(driver, 5)
    await driver.bind_many([early, late])
    await driver.claim(early)
    driver.pass_seconds(3)
    await driver.claim(late)
    await driver.settle(late, settlement=success(allowance=requests(1)))
    await driver.settle(early, settlement=success(allowance=requests(50)))
    assert await driver.bind_many(rest) == ["bound", "limited", "limited"]


async def test_a_later_reply_lifts_what_an_earlier_one_reported(driver: Driver) -> None:
    early, late, other = await submit_many(driver, 3)
    await driver.bind_many([early, late])
    await driver.claim(early)
    await driver.claim(late)
    driver.pass_seconds(1)
    await driver.settle(early, settlement=success(allowance=requests(0, seconds=3600)))
    assert await driver.bind(other) == "limited"
    await driver.settle(late, settlement=success(allowance=requests(9)))
    assert await driver.bind(other) == "bound"


async def test_a_reply_that_says_nothing_changes_nothing(driver: Driver) -> None:
    first, second, third = await submit_many(driver, 3)
    await driver.bind_many([first, second])
    await driver.claim(first)
    await driver.claim(second)
    await driver.settle(first, settlement=success(allowance=requests(0)))
    await driver.settle(second, settlement=success())
    assert await driver.bind(third) == "limited"


async def test_requests_and_tokens_are_remembered_apart(driver: Driver) -> None:
    first, second, third = await submit_many(driver, 3)
    await driver.bind_many([first, second])
    await driver.claim(first)
    await driver.claim(second)
    await driver.settle(first, settlement=success(allowance=tokens(0, seconds=5)))
    await driver.settle(second, settlement=success(allowance=requests(9)))
    assert await driver.bind(third) == "limited"
    driver.pass_seconds(5)
    assert await driver.bind(third) == "bound"


async def test_a_settle_that_is_repeated_does_not_start_the_wait_anew(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await driver.bind(first)
    await driver.claim(first)
    await driver.settle(first, settlement=success(allowance=requests(0)), token="t")
    driver.pass_seconds(9)
    await driver.settle(first, settlement=success(allowance=requests(0)), token="t")
    driver.pass_seconds(1)
    assert await driver.bind(second) == "bound"


async def test_a_stale_settle_is_not_believed(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await driver.bind(first)
    await driver.claim(first)
    await driver.cancel(first)
    assert await driver.settle(first, settlement=success(allowance=requests(0))) is None
    assert await driver.bind(second) == "bound"


async def test_a_reset_that_is_over_holds_up_nobody(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await call(driver, first, requests(0, seconds=0.0))
    assert await driver.bind(second) == "bound"


async def test_absurd_numbers_do_no_harm(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await call(driver, first, Allowance(Left(10**12, 172_800.0), Left(10**12, 172_800.0)))
    state = (await driver.read()).states["gpt-4"]
    assert (state.requests_left, state.tokens_left) == (10**12, 10**12)
    assert await driver.bind(second) == "bound"


async def test_a_job_that_was_bound_before_the_reply_is_given_back_instead_of_called(driver: Driver) -> None:
    first, second, third = await submit_many(driver, 3)
    await driver.bind_many([first, second, third])
    await driver.claim(first)
    await driver.settle(first, settlement=success(allowance=requests(1)))
    assert await driver.claim(second) is not None
    assert await driver.claim(third) is None
    assert await driver.state(third) is JobState.PENDING
    assert (await driver.minute())[0] == 2, "its reservation is dropped"
    driver.pass_seconds(10)
    assert await driver.bind(third) == "bound"
    assert await driver.claim(third, 2) is not None


async def test_a_release_gives_its_request_to_another(driver: Driver) -> None:
    first, second, third = await submit_many(driver, 3)
    await call(driver, first, requests(1))
    assert await driver.bind_many([second, third]) == ["bound", "limited"]
    await driver.work.release(second, 1)
    assert await driver.bind(third) == "bound"


async def test_the_planner_counts_what_it_binds_in_one_round(driver: Driver) -> None:
    (first,) = await submit_many(driver, 1)
    await call(driver, first, Allowance(Left(1, 10.0), Left(100_000, 10.0)))
    state = (await driver.read()).states["gpt-4"]
    after = state.with_one_more(700)
    assert (after.requests_left, after.tokens_left) == (0, 99_300)
    assert after.full_because(1) == "the vendor allows no more requests for another 10.0 s"


async def test_other_models_are_left_alone(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await driver.announce("claude", 100)
    await call(driver, first, requests(0))
    assert await driver.bind(second, "claude") == "bound"


async def test_a_resume_forgets_what_the_vendor_asked(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await call(driver, first, requests(0, seconds=86_400.0))
    await driver.scripts.run(PauseModel(model="gpt-4"))
    assert await driver.bind(second) == "bound"
