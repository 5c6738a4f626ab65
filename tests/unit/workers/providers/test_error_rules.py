"""What the error replies of each vendor mean."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.workers.providers import FORMATS

PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"


def _openai(code: Any = None, kind: str = "invalid_request_error", message: str = "no") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _anthropic(kind: str, message: str = "no", error_code: str | None = None) -> dict[str, Any]:
    details = {"error_code": error_code} if error_code else None
    return {"type": "error", "error": {"type": kind, "message": message, "details": details}, "request_id": "r"}


def _gemini(status: str, message: str = "no", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": 0, "message": message, "status": status, "details": list(details)}}


def _quota(*quota_ids: str) -> dict[str, Any]:
    failure = "type.googleapis.com/google.rpc.QuotaFailure"
    return {"@type": failure, "violations": [{"quotaId": quota_id} for quota_id in quota_ids]}


def _reason(reason: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}


def _limit(quota_limit: str) -> dict[str, Any]:
    return _reason("RATE_LIMIT_EXCEEDED") | {"metadata": {"quota_limit": quota_limit}}


OUT_OF_MONEY = (
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "usage_limit_exceeded",
    "billing_not_active",
    "insufficient_quota",
)
TOO_LONG = (
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
    "the request exceeds the available context size, try increasing it",
    "Input is too long for requested model.",
)

OPENAI = [
    *((429, _openai(code), ErrorKind.QUOTA_EXHAUSTED) for code in OUT_OF_MONEY),
    (429, _openai(None, "insufficient_quota"), ErrorKind.QUOTA_EXHAUSTED),
    (429, _openai("rate_limit_exceeded", "tokens"), ErrorKind.RATE_LIMITED),
    (429, _openai("slow_down"), ErrorKind.RATE_LIMITED),
    (503, _openai("slow_down"), ErrorKind.RATE_LIMITED),
    (429, {"error": "too fast"}, ErrorKind.RATE_LIMITED),
    (429, _openai("requests_limit_exceeded"), ErrorKind.RATE_LIMITED),
    (429, [_gemini("RESOURCE_EXHAUSTED")], ErrorKind.RATE_LIMITED),
    (400, [{"error": {"code": 400, "message": TOO_LONG[0]}}], ErrorKind.CONTEXT_TOO_LONG),
    (503, _openai("server_overloaded"), ErrorKind.OVERLOADED),
    (401, _openai("invalid_api_key"), ErrorKind.AUTH),
    (403, _openai("unsupported_country_region_territory"), ErrorKind.INVALID_REQUEST),
    (402, {"error": {"code": 402, "message": "Insufficient credits"}}, ErrorKind.QUOTA_EXHAUSTED),
    (400, _openai("context_length_exceeded"), ErrorKind.CONTEXT_TOO_LONG),
    *((400, _openai(message=message), ErrorKind.CONTEXT_TOO_LONG) for message in TOO_LONG),
    (400, {"object": "error", "message": TOO_LONG[0], "code": 400}, ErrorKind.CONTEXT_TOO_LONG),
    (429, _openai(message=TOO_LONG[0]), ErrorKind.RATE_LIMITED),
    (400, _openai("content_policy_violation"), ErrorKind.CONTENT_FILTERED),
    (400, _openai("content_filter"), ErrorKind.CONTENT_FILTERED),
    (400, _openai("cyber_policy"), ErrorKind.CONTENT_FILTERED),
    (403, _openai("misalignment_policy_violation"), ErrorKind.CONTENT_FILTERED),
    (400, _openai("invalid_value"), ErrorKind.INVALID_REQUEST),
    (404, _openai("model_not_found"), ErrorKind.MISCONFIGURED),
    (413, "too large", ErrorKind.INVALID_REQUEST),
    (422, {"detail": [{"msg": "field required"}]}, ErrorKind.INVALID_REQUEST),
]
ANTHROPIC = [
    (429, _anthropic("rate_limit_error"), ErrorKind.RATE_LIMITED),
    (429, _anthropic("rate_limit_error", error_code="enforced_spend_limit_reached"), ErrorKind.QUOTA_EXHAUSTED),
    (429, _anthropic("rate_limit_error", error_code="contract_spend_limit_reached"), ErrorKind.QUOTA_EXHAUSTED),
    (429, _anthropic("rate_limit_error", error_code="ramp_limit_exceeded"), ErrorKind.RATE_LIMITED),
    (402, _anthropic("billing_error"), ErrorKind.QUOTA_EXHAUSTED),
    (
        402,
        _anthropic("billing_error", error_code="linked_organization_spend_limit_reached"),
        ErrorKind.QUOTA_EXHAUSTED,
    ),
    (
        402,
        _anthropic("billing_error", error_code="linked_organization_billing_unavailable"),
        ErrorKind.QUOTA_EXHAUSTED,
    ),
    (400, _anthropic("invalid_request_error", error_code="organization_on_hold"), ErrorKind.AUTH),
    (503, _anthropic("api_error", error_code="cmek_key_unreachable"), ErrorKind.OVERLOADED),
    (429, _anthropic("rate_limit_error", error_code="a_code_of_tomorrow"), ErrorKind.RATE_LIMITED),
    (
        400,
        _anthropic("invalid_request_error", "Your credit balance is too low to access the API."),
        ErrorKind.QUOTA_EXHAUSTED,
    ),
    (401, _anthropic("authentication_error"), ErrorKind.AUTH),
    (403, _anthropic("permission_error"), ErrorKind.AUTH),
    (404, _anthropic("not_found_error"), ErrorKind.MISCONFIGURED),
    (413, _anthropic("request_too_large", "Request exceeds the maximum size"), ErrorKind.INVALID_REQUEST),
    (
        400,
        _anthropic("invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
        ErrorKind.CONTEXT_TOO_LONG,
    ),
    (
        400,
        _anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
        ErrorKind.CONTEXT_TOO_LONG,
    ),
    (
        400,
        _anthropic("invalid_request_error", "Output blocked by content filtering policy"),
        ErrorKind.CONTENT_FILTERED,
    ),
    (400, _anthropic("invalid_request_error"), ErrorKind.INVALID_REQUEST),
    (500, _anthropic("api_error"), ErrorKind.SERVER_ERROR),
    (504, _anthropic("timeout_error"), ErrorKind.TIMEOUT),
    (529, _anthropic("overloaded_error"), ErrorKind.OVERLOADED),
]
GEMINI = [
    (429, _gemini("RESOURCE_EXHAUSTED", "no", _quota(PER_MINUTE, PER_DAY)), ErrorKind.QUOTA_EXHAUSTED),
    (429, _gemini("RESOURCE_EXHAUSTED", "no", _quota(PER_MINUTE)), ErrorKind.RATE_LIMITED),
    (429, _gemini("RESOURCE_EXHAUSTED", "no", _quota(PER_DAY)), ErrorKind.QUOTA_EXHAUSTED),
    (429, [_gemini("RESOURCE_EXHAUSTED", "no", _quota(PER_DAY))], ErrorKind.QUOTA_EXHAUSTED),
    (429, _gemini("RESOURCE_EXHAUSTED", "no", _limit("Gemini25ProRequestsPerDay")), ErrorKind.QUOTA_EXHAUSTED),
    (429, _gemini("RESOURCE_EXHAUSTED", "no", _limit("Gemini25ProRequestsPerMinute")), ErrorKind.RATE_LIMITED),
    (429, _gemini("RESOURCE_EXHAUSTED", "limit 'Requests per day per user'"), ErrorKind.QUOTA_EXHAUSTED),
    (429, _gemini("RESOURCE_EXHAUSTED", "check your plan and billing details"), ErrorKind.RATE_LIMITED),
    (429, _gemini("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), ErrorKind.QUOTA_EXHAUSTED),
    (400, _gemini("INVALID_ARGUMENT", "API key not valid.", _reason("API_KEY_INVALID")), ErrorKind.AUTH),
    (400, _gemini("FAILED_PRECONDITION", "User location is not supported"), ErrorKind.AUTH),
    (403, _gemini("PERMISSION_DENIED"), ErrorKind.AUTH),
    (
        400,
        _gemini("INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8)."),
        ErrorKind.CONTEXT_TOO_LONG,
    ),
    (400, _gemini("INVALID_ARGUMENT"), ErrorKind.INVALID_REQUEST),
    (404, _gemini("NOT_FOUND"), ErrorKind.MISCONFIGURED),
    (499, _gemini("CANCELLED"), ErrorKind.SERVER_ERROR),
    (500, _gemini("INTERNAL"), ErrorKind.SERVER_ERROR),
    (503, _gemini("UNAVAILABLE", "The model is overloaded."), ErrorKind.OVERLOADED),
    (504, _gemini("DEADLINE_EXCEEDED"), ErrorKind.TIMEOUT),
]
CASES = [
    (vendor, *row)
    for vendor, rows in (("openai", OPENAI), ("anthropic", ANTHROPIC), ("gemini", GEMINI))
    for row in rows
]


@pytest.mark.parametrize(("vendor", "status", "body", "kind"), CASES)
def test_an_error_reply_has_its_meaning(vendor: str, status: int, body: Any, kind: ErrorKind) -> None:
    assert FORMATS[vendor].error(status, {}, body).kind is kind


BY_STATUS_ALONE = [
    (301, ErrorKind.BAD_RESPONSE),
    (400, ErrorKind.INVALID_REQUEST),
    (401, ErrorKind.AUTH),
    (408, ErrorKind.TIMEOUT),
    (409, ErrorKind.SERVER_ERROR),
    (418, ErrorKind.INVALID_REQUEST),
    (429, ErrorKind.RATE_LIMITED),
    (500, ErrorKind.SERVER_ERROR),
    (502, ErrorKind.SERVER_ERROR),
    (503, ErrorKind.OVERLOADED),
    (504, ErrorKind.TIMEOUT),
    (524, ErrorKind.SERVER_ERROR),
    (529, ErrorKind.OVERLOADED),
]


@pytest.mark.parametrize("body", [None, "", "bad gateway", [], {}, {"error": None}], ids=repr)
@pytest.mark.parametrize(("status", "kind"), BY_STATUS_ALONE)
def test_without_words_the_status_decides(status: int, kind: ErrorKind, body: Any) -> None:
    assert {wire.error(status, {}, body).kind for wire in FORMATS.values()} == {kind}


REQUESTS = [
    (403, "Your input was flagged", ErrorKind.CONTENT_FILTERED),
    (403, "The moderation service refused the prompt", ErrorKind.CONTENT_FILTERED),
    (402, "You asked for 65000 tokens, but can only afford 3000", ErrorKind.INVALID_REQUEST),
    (402, "More credits are needed, or fewer max_tokens", ErrorKind.INVALID_REQUEST),
    (403, "This model is not available in your region", ErrorKind.INVALID_REQUEST),
    (403, "Streaming is not enabled here", ErrorKind.INVALID_REQUEST),
    (404, "No endpoints found that support tool use", ErrorKind.INVALID_REQUEST),
    (403, "Request blocked by your project's guardrail policy: prompt injection", ErrorKind.CONTENT_FILTERED),
    (403, "Prompt injection detected. Stopped by the gateway of organization acme", ErrorKind.CONTENT_FILTERED),
]


@pytest.mark.parametrize(("status", "message", "kind"), REQUESTS)
def test_a_refusal_of_one_request_closes_no_model(status: int, message: str, kind: ErrorKind) -> None:
    for wire in FORMATS.values():
        assert wire.error(status, {}, {"error": {"message": message}}).kind is kind


@pytest.mark.parametrize("status", [401, 402, 403, 404, 407, 451])
@pytest.mark.parametrize(
    "page", ["<html><title>Attention</title></html>", "\n<!DOCTYPE html>", "<?xml version='1.0'?>"]
)
def test_a_page_of_a_proxy_is_a_failed_try(status: int, page: str) -> None:
    for wire in FORMATS.values():
        assert wire.error(status, {"content-type": "text/html"}, page).kind is ErrorKind.SERVER_ERROR


@pytest.mark.parametrize(
    ("status", "message", "kind", "certain"),
    [
        (401, "no", ErrorKind.AUTH, True),
        (403, "Your API key may not use this resource", ErrorKind.AUTH, True),
        (403, "Your account was suspended", ErrorKind.AUTH, True),
        (403, "The consumer has no access", ErrorKind.AUTH, True),
        (403, "Your account was flagged for potential abuse", ErrorKind.AUTH, True),
        (403, "Your organization has been disabled for a violation of our usage policies", ErrorKind.AUTH, True),
        (403, "Your API key was revoked after a safety review", ErrorKind.AUTH, True),
        (403, "You are not authorized to use the tool code_interpreter", ErrorKind.AUTH, False),
        (403, "You are not authorized to access file file-123", ErrorKind.AUTH, False),
        (403, "Unexpected key 'foo' in body", ErrorKind.AUTH, False),
        (402, "Your account's billing country is not set; add a payment method", ErrorKind.QUOTA_EXHAUSTED, True),
        (402, "You need more credits: you can only afford 0", ErrorKind.QUOTA_EXHAUSTED, True),
        (404, "The model x is not available in your region", ErrorKind.MISCONFIGURED, False),
        (404, "Deployment not found in region eastus", ErrorKind.MISCONFIGURED, False),
        (404, "model 'llava' (vision) not available; pull it first", ErrorKind.MISCONFIGURED, False),
        (403, "Forbidden", ErrorKind.AUTH, False),
        (403, "", ErrorKind.AUTH, False),
        (402, "Insufficient credits", ErrorKind.QUOTA_EXHAUSTED, True),
        (402, "Payment Required", ErrorKind.QUOTA_EXHAUSTED, True),
        (402, "no", ErrorKind.QUOTA_EXHAUSTED, False),
        (404, "The model `x` does not exist", ErrorKind.MISCONFIGURED, False),
        (404, "models/x is not found for API version v1beta", ErrorKind.MISCONFIGURED, False),
        (404, "Not Found", ErrorKind.MISCONFIGURED, False),
        (403, "The project does not have access to model x, it is not found", ErrorKind.MISCONFIGURED, False),
        (400, "temperature is wrong", ErrorKind.INVALID_REQUEST, True),
    ],
)
def test_a_refusal_is_certain_only_where_it_speaks_of_the_key_or_the_account(
    status: int, message: str, kind: ErrorKind, *, certain: bool
) -> None:
    for wire in FORMATS.values():
        error = wire.error(status, {}, {"error": {"message": message}})
        assert (error.kind, error.certain) == (kind, certain)


def test_the_message_is_the_vendors_and_is_cut() -> None:
    for wire in FORMATS.values():
        assert wire.error(400, {}, {"error": {"message": "temperature is wrong"}}).message == "temperature is wrong"
        assert wire.error(502, {}, "<html>" + "x" * 9000).message == "<html>" + "x" * 494
        assert wire.error(502, {}, {"error": {"message": 7}}).message == "HTTP status 502"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "out of memory"}, "out of memory"),
        ({"object": "error", "message": "no such model"}, "no such model"),
        ({"detail": "Not Found"}, "Not Found"),
    ],
)
def test_the_messages_of_openai_lookalikes_are_found(body: Any, message: str) -> None:
    assert FORMATS["openai"].error(404, {}, body).message == message
