"""The simulated models: latency, repeatable draws, faults, the line, the window and the settings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from pydantic import ValidationError

from pointsman.router.config.yaml_file import load_yaml
from pointsman.router.routing.catalog import load_catalog
from pointsman.router.vocabulary.errors import ConfigError, ErrorKind
from pointsman.simulated import SimulatedModel, Simulation, simulate
from pointsman.simulated.answers import Asked, call_of, json_of, say
from pointsman.simulated.catalog import write_catalog
from pointsman.simulated.faults import Damage, draw_damage, draw_fault
from pointsman.simulated.json_instance import instance_of
from pointsman.simulated.line import Line
from pointsman.simulated.settings import Changes, pace_of
from pointsman.simulated.window import RequestWindow

EXAMPLE = Path(__file__).parents[2] / "models.yaml"

PROMPT = Asked("gpt", "Why does my printer not work?", "Why does my printer not work?")


def test_latency_is_base_time_plus_tokens_by_speed() -> None:
    model = SimulatedModel(base_seconds=0.5, tokens_per_second=50, jitter=0)
    assert pace_of(model, 100, Random(1)) == (0.5, 2.5)


def test_jitter_spreads_latency_within_its_bounds() -> None:
    model = SimulatedModel(base_seconds=1, tokens_per_second=1e9, jitter=0.2)
    times = [pace_of(model, 1, Random(seed)).whole_seconds for seed in range(300)]
    assert 0.79 < min(times) < 0.85
    assert 1.15 < max(times) < 1.21


def test_the_same_call_draws_the_same_and_another_differs() -> None:
    def first(seed: int, prompt: str, nth: int) -> float:
        return Simulation(seed=seed).draw("gpt", prompt, nth).random()

    assert first(1, "a", 1) == first(1, "a", 1)
    assert len({first(1, "a", 1), first(2, "a", 1), first(1, "b", 1), first(1, "a", 2)}) == 4


def test_draws_are_the_same_in_every_process() -> None:
    assert Simulation(seed=7).draw("gpt", "hello", 1).randrange(10**6) == 68264


def test_text_is_marked_and_quotes_the_prompt() -> None:
    said = say(PROMPT, 60, Random(1))
    assert said.text.startswith("[simulated]")
    assert "printer" in said.text
    assert (said.finish, said.text) == ("stop", say(PROMPT, 60, Random(1)).text)


def test_text_is_cut_at_the_maximum() -> None:
    said = say(Asked("gpt", "Why?", "Why?", max_tokens=3), 60, Random(1))
    assert (said.finish, said.output_tokens, len(said.text.split())) == ("length", 3, 3)


def test_an_insisted_tool_is_called_with_the_smallest_arguments() -> None:
    schema = {"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
    said = say(Asked("gpt", "?", "?", call=call_of("weather", schema)), 60, Random(1))
    assert said.called == call_of("weather", schema)
    assert said.called.arguments == {"city": "[simulated]"}
    assert said.finish == "tool_calls"


def test_json_is_an_instance_of_the_schema() -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    assert say(Asked("gpt", "?", "?", json_text=json_of(schema)), 60, Random(1)).text == '{"ok": true}'


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"const": 3}, 3),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "STRING"}, "[simulated]"),
        ({"type": "string", "maxLength": 3}, "[si"),
        ({"type": "string", "minLength": 13}, "[simulated].."),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 0}, 1),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": ["string", "null"]}, None),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "items": {"type": "boolean"}}, []),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, 0),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"required": ["a"]}]}, {"a": 1}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "boolean"}}}, True),
    ],
)  # fmt: skip
def test_the_smallest_instance_of_a_schema(schema: dict[str, object], instance: object) -> None:
    assert instance_of(schema) == instance


def test_a_schema_that_requires_itself_ends() -> None:
    assert instance_of({"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]})["me"]


def test_rates_of_one_meet_every_call_and_rates_of_none_meet_none() -> None:
    sure = SimulatedModel(overloaded_rate=1.0)
    assert {draw_fault(sure, Random(seed)) for seed in range(50)} == {ErrorKind.OVERLOADED}
    assert {draw_fault(SimulatedModel(), Random(seed)) for seed in range(50)} == {None}


def test_faults_come_at_their_rates_and_exclude_each_other() -> None:
    model = SimulatedModel(server_error_rate=0.2, rate_limit_rate=0.3)
    drawn = [draw_fault(model, Random(seed)) for seed in range(2000)]
    assert drawn.count(ErrorKind.SERVER_ERROR) == pytest.approx(400, abs=80)
    assert drawn.count(ErrorKind.RATE_LIMITED) == pytest.approx(600, abs=80)


def test_a_bad_response_is_damaged_in_one_of_three_ways() -> None:
    ways = {draw_damage(ErrorKind.BAD_RESPONSE, Random(seed)) for seed in range(50)}
    assert ways == {Damage.TRUNCATED, Damage.MALFORMED, Damage.UNFINISHED}


def test_rates_that_sum_above_one_are_refused() -> None:
    with pytest.raises(ValidationError, match="must be 1 at most"):
        SimulatedModel(server_error_rate=0.6, disconnect_rate=0.5)
    assert SimulatedModel(server_error_rate=0.7, disconnect_rate=0.2, overloaded_rate=0.1)


def test_changes_keep_what_they_do_not_name() -> None:
    simulation = Simulation(required_key="k", models={"gpt": SimulatedModel(base_seconds=9)})
    changed = simulation.changed(Changes(models={"gpt": {"server_error_rate": 1.0}, "new": {"jitter": 0}}))
    assert changed.model("gpt") == SimulatedModel(base_seconds=9, server_error_rate=1.0)
    assert changed.model("new") == SimulatedModel(jitter=0)
    assert changed.required_key == "k"


def test_a_model_changed_to_null_follows_the_default() -> None:
    simulation = Simulation(models={"gpt": SimulatedModel(base_seconds=9)})
    changed = simulation.changed(Changes(default={"base_seconds": 2}, models={"gpt": None}))
    assert changed.model("gpt").base_seconds == 2


def test_a_mistake_in_the_settings_file_has_a_line(tmp_path: Path) -> None:
    path = tmp_path / "simulation.yaml"
    path.write_text("seed: 1\nmodels:\n  gpt: {jitter: 2}\n")
    with pytest.raises(ConfigError, match=r"simulation\.yaml, line 3: models\.gpt\.jitter: "):
        load_yaml(path, Simulation)


def test_the_window_says_when_one_more_fits() -> None:
    window = RequestWindow()
    assert [window.take(2, now=now) for now in (0.0, 10.0, 15.0, 59.0)] == [0, 0, 45, 1]
    assert window.take(2, now=60.0) == 0
    assert window.take(2, now=61.0) == 9
    assert window.take(None, now=61.0) == 0


def test_the_window_says_what_is_left() -> None:
    window = RequestWindow()
    assert window.left(2, now=0.0) == (2, 2, 0.0)
    window.take(2, now=0.0, seconds=4.0)
    window.take(2, now=1.0, seconds=4.0)
    assert window.left(2, now=1.0, seconds=4.0) == (2, 0, 4.0)
    assert window.left(2, now=4.5, seconds=4.0) == (2, 1, 0.5)


async def test_the_line_serves_in_order_and_no_more_than_its_room() -> None:
    line, served, leave = Line(), [], [asyncio.Event() for _ in range(4)]
    line.resize(2)

    async def wait(number: int) -> None:
        async with line.place():
            served.append(number)
            await leave[number].wait()

    tasks = [asyncio.create_task(wait(number)) for number in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (served, line.waiting, line.full) == ([0, 1], 2, True)
    leave[1].set()
    await tasks[1]
    await asyncio.sleep(0)
    assert served == [0, 1, 2]
    line.resize(None)
    await asyncio.sleep(0)
    assert served == [0, 1, 2, 3]
    for event in leave:
        event.set()
    await asyncio.gather(*tasks)


async def test_one_who_gives_up_in_the_line_takes_no_place() -> None:
    line = Line()
    line.resize(1)
    async with line.place():
        waiting = [asyncio.create_task(_pass(line)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        assert line.waiting == 2
    waiting[1].cancel()  # its turn has come, but it has not run yet
    await asyncio.wait(waiting)
    assert not waiting[2].cancelled()
    assert not line.full


async def _pass(line: Line) -> None:
    async with line.place():
        pass


def test_a_simulated_catalog_keeps_all_but_the_address_and_the_key() -> None:
    catalog = load_catalog(EXAMPLE)
    simulated = simulate(catalog, "http://127.0.0.1:8400")
    places = {name: model.base_url for name, model in simulated.models.items()}
    base = "http://127.0.0.1:8400"
    assert places == {"gpt-4": f"{base}/v1", "claude": base, "gemini": base, "local": f"{base}/v1"}
    for name, model in simulated.models.items():
        kept = catalog.models[name].model_copy(update={"base_url": model.base_url, "api_key_env": None})
        assert model == kept


def test_a_written_catalog_reads_back_the_same(tmp_path: Path) -> None:
    catalog = simulate(load_catalog(EXAMPLE), "http://127.0.0.1:8400")
    write_catalog(catalog, tmp_path / "models.yaml")
    assert load_catalog(tmp_path / "models.yaml") == catalog
