"""The JSON schema of models.yaml as it is written, for editors: short forms, names as keys, words on each field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .catalog import Catalog
from .strategies.registry import BUILT_IN
from .task_class import READY

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The one that all editors know."""

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "Catalog": {
        "models": "The LLM backends by name, each with a Celery queue of its own, llm.<name>.",
        "task_classes": "Kinds of work by name: which models may do them, and how one is chosen.",
        "default_class": "The class of a job that names none, and for which none is found.",
        "aliases": "Named groups of models; a job may name one where it may name a model.",
        "classifier": "How prompts without a class are classified by examples.",
    },
    "Model": {
        "format": "The wire format: openai (also Ollama, llama.cpp, vLLM and other servers), anthropic or gemini.",
        "base_url": "Address of the API: for openai with /v1, for the others without.",
        "upstream": "The model's name at the vendor.",
        "vendor": "Whose filters it has; default: the host of base_url.",
        "api_key_env": "The NAME of the environment variable with the key; leave it out where none is needed.",
        "worker_concurrency": "Calls that one worker process has in flight.",
        "limits": "What the vendor allows, over all workers together.",
        "breaker": "When the model's own faults take it out of routing; null: never.",
        "context_window": "Tokens of input and output together that it takes.",
        "max_output_tokens": "Tokens that it writes at most.",
        "idle_timeout_seconds": "The longest silence between two pieces of a streamed answer.",
        "stream": "Whether it is called as a stream for jobs that ask for one, or always.",
        "timeout_seconds": "How long one call may take.",
        "price": "USD per million tokens, for the cost of each result.",
        "abilities": "What it can do beside text.",
        "drop_params": "Parameters it refuses: they are left out, and recorded on the job.",
        "headers": "Further HTTP headers of each call.",
        "anthropic_version": "Version of Anthropic's API.",
        "api_version": "Version of Gemini's API.",
        "max_tokens_field": "What OpenAI's format calls the limit; older servers want max_tokens.",
        "profile": "0 to 1 each, for the strategy model_aware.",
    },
    "Limits": {
        "concurrency": "Calls in flight.",
        "requests_per_minute": "Calls in a minute.",
        "tokens_per_minute": "Tokens in a minute, input and output together.",
        "smooth": "Whether a minute's calls are spread over it, with a burst of a tenth; false: all at once.",
    },
    "Breaker": {
        "window_seconds": "The calls of the last so many seconds count.",
        "min_calls": "Fewer calls than this in the window open nothing.",
        "error_ratio": "It opens when this share of them failed by the model's own fault.",
        "open_seconds": "How long it stays open the first time, and twice as long each time in a row.",
        "max_open_seconds": "How long it stays open at most.",
        "probes": "Jobs that try the model then, and answers that close it.",
        "suspect_after": "Faults in a row after which it gets one job now and then until it answers; 0 for never.",
    },
    "Price": {
        "input_usd_per_mtok": "Input.",
        "output_usd_per_mtok": "Output.",
        "cached_input_usd_per_mtok": "Input that the vendor had in its cache; default: as other input.",
    },
    "Route": {
        "models": "The models that may do the work, in order of preference.",
        "strategy": "How one of them is chosen: a name, a name with options, or a list of which each narrows.",
        "quality": "0 to 1 by model: what you measured, for the strategy performance.",
    },
    "TaskClass": {
        "keywords": "Whole words by which a prompt is of this class; case does not matter.",
        "rules": "Regular expressions by which a prompt is of this class; case does not matter.",
        "examples": f"Prompts of this class, at least 5; {READY}: those that come with Pointsman.",
        "examples_file": 'A file of JSON Lines, {"prompt": ...} each, beside this one.',
        "formerly": "Names that it had before: jobs that name one of them, waiting ones too, are of this class.",
        "on_content_filtered": "After a refusal: fail, or try a model of another vendor.",
    },
    "ClassifierOptions": {"threshold": "How sure it must be, 0 to 1; below, a job gets the default class."},
    "StrategySpec": {"name": "One of Pointsman's strategies, one of a package, or your own as module:NAME."},
}


def models_schema() -> Schema:
    """Return the schema."""
    schema = Catalog.model_json_schema()
    kinds: dict[str, Schema] = schema["$defs"]
    for name in ("Model", "TaskClass", "Alias"):
        del kinds[name]["properties"]["name"]  # the key in the file
        kinds[name]["required"].remove("name")
    _take_short_forms(schema, kinds)
    for name, kind in {**kinds, "Catalog": schema}.items():
        _explain(kind, {**(MEANINGS["Route"] if name in ("TaskClass", "Alias") else {}), **MEANINGS.get(name, {})})
    return {"$schema": DIALECT, "title": "Pointsman's models.yaml", **schema}


def _take_short_forms(schema: Schema, kinds: dict[str, Schema]) -> None:
    """Allow what a validator makes of a short form before pydantic looks at it."""
    kinds["StrategySpec"]["properties"]["name"] = {"anyOf": [{"enum": list(BUILT_IN)}, {"type": "string"}]}
    spec = {"anyOf": [kinds["StrategySpec"]["properties"]["name"], {"$ref": "#/$defs/StrategySpec"}]}
    for name in ("TaskClass", "Alias"):
        kinds[name]["properties"]["strategy"] = {
            "anyOf": [*spec["anyOf"], {"type": "array", "items": spec, "minItems": 1}]
        }
    own = kinds["TaskClass"]["properties"]
    own["examples"] = {
        "anyOf": [{"enum": [READY]}, {"type": "string", "pattern": f"^{READY}:"}, *own["examples"]["anyOf"]]
    }
    own["examples_file"] = {"type": "string"}
    aliases = schema["properties"]["aliases"]["patternProperties"]
    for pattern, alias in aliases.items():
        aliases[pattern] = {"anyOf": [kinds["TaskClass"]["properties"]["models"], alias]}


def _explain(kind: Schema, meanings: Mapping[str, str]) -> None:
    """Give each field its meaning in place of pydantic's title, which says the name once more."""
    kind.pop("title", None)
    kind["description"] = kind.get("description", "").partition("\n")[0]
    for name, field in kind["properties"].items():
        kind["properties"][name] = {
            "description": meanings[name],
            **{key: value for key, value in field.items() if key not in ("title", "description")},
        }
        if "patternProperties" in field:
            kind["properties"][name]["additionalProperties"] = False
