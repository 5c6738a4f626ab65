"""What a line asks for as a job: OpenAI's batch lines, our own job objects and plain prompts, mixed at will."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.router.vocabulary.errors import InvalidJob
from pointsman.router.vocabulary.job import JobSpec

from ..client.chat_fields import PARAMETERS
from ..client.specs import JobFields, make_spec
from ..files.lines import Line
from ..vendor_apis.openai import AUTO, Refused
from ..vendor_apis.openai.batch_line import CUSTOM_ID_AT_MOST, ENDPOINTS, BadLine, object_of, request_of
from ..vendor_apis.request import Names

ERROR = "error"
"""What a line of the file of failures has beside what was asked, so that the file can be run again."""
PRIORITY = 3
"""Lines give way to jobs that somebody waits for, whose priority is 5, unless they say otherwise."""
OF_ONE_LINE = PARAMETERS | {"request", "messages", "id", "idempotency_key"}
ASKS = frozenset({"prompt", "messages", "request"})
WORK = frozenset({"model", "task_class"})


@dataclass(frozen=True)
class LineJob:
    """A line as a job; `endpoint` and `body` are those of one of OpenAI's lines, and empty for others."""

    spec: JobSpec
    custom_id: str | None
    endpoint: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


class Defaults:
    """The fields that lines have unless they say otherwise; raises InvalidJob where they are wrong."""

    def __init__(self, fields: JobFields) -> None:
        for name in fields:
            if name in OF_ONE_LINE:
                raise InvalidJob(f"{name}: this cannot be the same for all lines; give it in each line", field=name)
        given = {name: value for name, value in fields.items() if value not in (None, (), {})}
        self.spec = make_spec({"prompt": "any", "priority": PRIORITY, **given}, {})
        self.names = (self.spec.model_fields_set - {"prompt", "id"}) | {"priority"}

    @property
    def text(self) -> str:
        """All of them, in a form that is the same for the same fields."""
        return self.spec.model_dump_json(include=set(self.names))

    def beside(self, given: frozenset[str]) -> dict[str, Any]:
        """Return those for a line that gives so many fields: a line with a model or a class goes where it says."""
        names = self.names - given - (WORK if given & WORK else frozenset())
        return {name: getattr(self.spec, name) for name in names}


class LineParser:
    """Reads lines as jobs. `run` names the run: the same line of the same run is the same job."""

    def __init__(self, names: Names, defaults: Defaults, run: str) -> None:
        self._names, self._defaults, self._run = names, defaults, run
        self._models = {*names.models, *names.aliases}

    def job_of(self, line: Line) -> LineJob:
        """Return the job that a line asks for; raises BadLine."""
        return self.job(object_of(line), line.number)

    def job(self, given: Mapping[str, Any], number: int) -> LineJob:
        """Return the job that the object of a line asks for; raises BadLine."""
        data = {name: value for name, value in given.items() if value is not None and name != ERROR}
        try:
            found = self._openai(data) if "url" in data or "body" in data else self._own(data)
            self._check(found.spec)
        except Refused as error:
            raise BadLine(error.fault.code or "invalid_request", str(error), error.fault.param) from error
        except InvalidJob as error:
            raise BadLine("invalid_job", str(error)) from error
        if found.spec.idempotency_key is not None:
            return found
        keyed = found.spec.model_copy(update={"idempotency_key": f"batch:{self._run}:{number}"})
        return LineJob(keyed, found.custom_id, found.endpoint, found.body, found.ignored)

    def _openai(self, data: dict[str, Any]) -> LineJob:
        endpoint = str(data.get("url"))
        if endpoint not in ENDPOINTS:
            raise BadLine("invalid_url", f"the url must be one of {', '.join(ENDPOINTS)}", "url")
        request = request_of(data, endpoint)
        body = request.body
        if self._defaults.names & WORK:
            body = {"model": AUTO, **body}
        job_request = ENDPOINTS[endpoint].read(body, self._names)
        given = frozenset({*job_request.spec.model_fields_set, "system"})
        spec = make_spec(job_request.spec, self._defaults.beside(given))
        return LineJob(spec, request.custom_id, endpoint, body, job_request.ignored)

    def _own(self, data: dict[str, Any]) -> LineJob:
        custom_id = data.pop("custom_id", None)
        if custom_id is not None and not (isinstance(custom_id, str) and 0 < len(custom_id) <= CUSTOM_ID_AT_MOST):
            raise BadLine("invalid_custom_id", f"custom_id must be a text of 1 to {CUSTOM_ID_AT_MOST}", "custom_id")
        if not data.keys() & ASKS:
            raise BadLine("no_request", "the line has neither a prompt, nor messages, nor a body")
        given = {*data, "system"} if "prompt" not in data else {*data}
        return LineJob(make_spec({**self._defaults.beside(frozenset(given)), **data}, {}), custom_id)

    def _check(self, spec: JobSpec) -> None:
        """Find out here what would otherwise be refused with all the jobs that are sent together with it."""
        if spec.model is not None and spec.model not in self._models:
            raise BadLine("unknown_model", f"no model is called {spec.model!r}", "model")
        if spec.task_class is not None and spec.task_class not in self._names.task_classes:
            raise BadLine("unknown_task_class", f"no task class is called {spec.task_class!r}", "task_class")
