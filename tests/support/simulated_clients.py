"""The vendors' own clients of the simulated server."""

from __future__ import annotations

import anthropic
import openai
from google import genai
from google.genai import types as genai_types

from pointsman.router.runtime.http import AsyncClient


def openai_client(http: AsyncClient) -> openai.AsyncOpenAI:
    url = str(http.base_url).rstrip("/") + "/v1"
    return openai.AsyncOpenAI(api_key="any", base_url=url, max_retries=0, _strict_response_validation=True)


def anthropic_client(http: AsyncClient) -> anthropic.AsyncAnthropic:
    url = str(http.base_url)
    return anthropic.AsyncAnthropic(api_key="any", base_url=url, max_retries=0, _strict_response_validation=True)


def gemini_client(http: AsyncClient) -> genai.Client:
    return genai.Client(api_key="any", http_options=genai_types.HttpOptions(base_url=str(http.base_url)))
