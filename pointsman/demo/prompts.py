"""The forty prompts of the demo, of three task classes, in the order in which they come."""

from __future__ import annotations

from itertools import zip_longest

BY_CLASS: dict[str, tuple[str, ...]] = {
    "technical_support": (
        "My laptop does not wake from sleep after the update",
        "The printer shows error 0x61 and will not print",
        "How do I reset the password of my router?",
        "The app crashes when I open a large photo",
        "Why is my Wi-Fi slow only in the kitchen?",
        "The backup stopped at 42 percent and hangs",
        "How can I move my mail to a new phone?",
        "My screen flickers when the charger is plugged in",
        "The installer says that a file is in use",
        "Bluetooth headphones connect but stay silent",
        "How do I free space on a full disk?",
        "The calendar shows every event one hour late",
        "Two-factor codes do not arrive on my phone",
        "The keyboard types the wrong letters",
    ),
    "creative_writing": (
        "Write a haiku about a railway signal at night",
        "Begin a story in which a lighthouse keeper finds a letter",
        "Write four lines about the first snow",
        "Describe a market in a city under water",
        "Write a dialogue between a clock and a calendar",
        "A poem about a train that is always early",
        "Write the last paragraph of a mystery",
        "Describe the smell of rain to a robot",
        "Write a toast for a wedding of two beekeepers",
        "A short fable with a fox and a tram",
        "Write a lullaby for a child on a ship",
        "Invent a holiday and how it is kept",
        "Write a letter from a tree to a carpenter",
    ),
    "general_information": (
        "What is the difference between weather and climate?",
        "How does a heat pump work?",
        "Why do leaves change their colour?",
        "What does a notary do?",
        "How long does light take from the sun?",
        "What is compound interest?",
        "Who invented the printing press?",
        "Why is the sea salty?",
        "How do vaccines work?",
        "What is a leap year for?",
        "How are rainbows formed?",
        "What is the use of the appendix?",
        "Why do cats purr?",
    ),
}

PROMPTS: tuple[tuple[str, str], ...] = tuple(
    (task_class, prompt)
    for prompts in zip_longest(*BY_CLASS.values())
    for task_class, prompt in zip(BY_CLASS, prompts, strict=True)
    if prompt is not None
)
"""Task class and prompt of each job; no two prompts are the same, so that the calls of each can be counted."""
