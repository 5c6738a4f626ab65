"""The jobs of the demo."""

from __future__ import annotations

from pointsman.demo.prompts import PROMPTS
from pointsman.demo.show import job_specs


def test_there_are_forty_jobs_of_three_classes_and_no_prompt_comes_twice() -> None:
    assert len(PROMPTS) == len({prompt for _, prompt in PROMPTS}) == 40
    assert len({task_class for task_class, _ in PROMPTS}) == 3
    assert [spec.chat().messages[-1].content for spec in job_specs(max_tokens=3)] == [
        prompt for _, prompt in PROMPTS
    ]
