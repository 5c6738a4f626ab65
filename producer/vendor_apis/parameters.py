"""Which parameters of OpenAI's API are supported, ignored or refused; docs/http-api.md shows these tables.

None is dropped in silence: the ignored are listed in the answer's `pointsman.ignored`, the rest is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .faults import Refused

CACHE = "prompt caching is the vendor's own affair here"
LABEL = "labels of end users are not passed on"


@dataclass(frozen=True)
class Parameters:
    """The parameters of one endpoint.

    `ignored` and `refused` say why. `harmless` are the values at which a refused one asks for nothing.
    """

    supported: frozenset[str]
    ignored: Mapping[str, str]
    refused: Mapping[str, str]
    harmless: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def sort_out(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return what is supported and the names of what is ignored; raises Refused for all else.

        A parameter that is null is one that was not given.
        """
        given = {name: value for name, value in body.items() if value is not None}
        for name, value in given.items():
            if name not in self.supported and name not in self.ignored and value not in self.harmless.get(name, ()):
                raise Refused(self._why_not(name), param=name, code="unsupported_parameter")
        kept = {name: value for name, value in given.items() if name in self.supported}
        return kept, tuple(sorted(name for name in given if name in self.ignored))

    def _why_not(self, name: str) -> str:
        if name not in self.refused:
            return f"Unknown parameter: '{name}'."
        only = ", ".join(str(value).lower() for value in self.harmless.get(name, ()))
        return f"Unsupported parameter: '{name}': {self.refused[name]}" + (f" (only {only})." if only else ".")


CHAT = Parameters(
    supported=frozenset(
        {
            "messages",
            "model",
            "max_tokens",
            "max_completion_tokens",
            "temperature",
            "top_p",
            "frequency_penalty",
            "presence_penalty",
            "stop",
            "seed",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "response_format",
            "reasoning_effort",
            "verbosity",
            "metadata",
            "pointsman",
            "stream",
            "stream_options",
        }
    ),
    ignored={
        "prediction": "it only makes an answer faster",
        "prompt_cache_key": CACHE,
        "prompt_cache_options": CACHE,
        "prompt_cache_retention": CACHE,
        "safety_identifier": LABEL,
        "service_tier": "the order is that of pointsman.priority",
        "store": "every answer is kept for POINTSMAN_RESULT_TTL_SECONDS",
        "user": LABEL,
    },
    refused={
        "audio": "answers are text",
        "function_call": "use tool_choice",
        "functions": "use tools",
        "logit_bias": "it is not passed on to models",
        "logprobs": "answers carry no probabilities",
        "modalities": "answers are text",
        "moderation": "it is not done here",
        "n": "one answer is made for each request",
        "top_logprobs": "answers carry no probabilities",
        "web_search_options": "there is no web search here",
    },
    harmless={
        "logit_bias": ({},),
        "logprobs": (False,),
        "modalities": (["text"],),
        "n": (1,),
        "top_logprobs": (0,),
    },
)

RESPONSES = Parameters(
    supported=frozenset(
        {
            "input",
            "instructions",
            "model",
            "max_output_tokens",
            "temperature",
            "top_p",
            "text",
            "reasoning",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "metadata",
            "pointsman",
        }
    ),
    ignored={
        "background": "every line of a batch is done in the background",
        "prompt_cache_key": CACHE,
        "prompt_cache_options": CACHE,
        "prompt_cache_retention": CACHE,
        "safety_identifier": LABEL,
        "service_tier": "the order is that of pointsman.priority",
        "store": "every answer is kept for POINTSMAN_RESULT_TTL_SECONDS",
        "stream_options": "only a stream has options",
        "user": LABEL,
    },
    refused={
        "access_programs": "there are none here",
        "background_options": "a batch has its completion_window",
        "context_management": "the context is left as it is",
        "conversation": "conversations are not kept; send all of it as input",
        "image": "images are not changed",
        "include": "answers carry nothing else",
        "max_tool_calls": "no tool is called here; tool calls are handed to you",
        "moderation": "it is not done here",
        "previous_response_id": "conversations are not kept; send all of it as input",
        "prompt": "prompt templates are not kept here",
        "stream": "this endpoint does not stream",
        "top_logprobs": "answers carry no probabilities",
        "truncation": "nothing is cut",
    },
    harmless={
        "include": ([],),
        "stream": (False,),
        "top_logprobs": (0,),
        "truncation": ("disabled",),
    },
)
