"""Classifying by keywords: the user's own words, in the configuration's order, else the default."""

from __future__ import annotations

import pytest

from router.catalog import Catalog
from router.chat import ChatRequest
from router.classify import Classified, classify, user_words
from router.job import JobSpec


@pytest.mark.parametrize(
    ("prompt", "task_class", "step"),
    [
        ("I get an error at login", "technical_support", "keyword 'error'"),
        ("My screen is NOT WORKING", "technical_support", "keyword 'not working'"),
        ("A poem, please.", "creative_writing", "keyword 'poem'"),
        ("A poem about an error", "technical_support", "keyword 'error'"),
        ("Poems and terrors", "general_information", "default"),
        ("How high is Mont Blanc?", "general_information", "default"),
    ],
)
def test_the_first_class_with_a_keyword_in_the_words(
    catalog: Catalog, prompt: str, task_class: str, step: str
) -> None:
    assert classify(JobSpec(prompt=prompt).chat(), catalog) == Classified(task_class, step)


def test_only_the_users_words_count(catalog: Catalog) -> None:
    chat = JobSpec(prompt="How high is Mont Blanc?", system="Answer every error with a poem").chat()
    assert classify(chat, catalog).task_class == "general_information"


def test_the_words_of_all_user_messages_and_text_parts_are_read() -> None:
    chat = ChatRequest.model_validate(
        {
            "messages": [
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "not mine"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "second"},
                        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                    ],
                },
            ]
        }
    )
    assert user_words(chat) == "first\nsecond"
