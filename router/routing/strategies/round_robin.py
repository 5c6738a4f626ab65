"""round_robin: the next model in a fixed order; the cursor is the name of the last one."""

from __future__ import annotations

from .contract import Ask, Choice, NoOptions, Strategy


def choose(ask: Ask, options: NoOptions) -> Choice:
    """Choose the first healthy model behind the last one; a model that is away is passed over.

    The cursor holds the whole order as it was, so that the turn is kept while its own model is away.
    """
    names = [state.model.name for state in ask.candidates]
    order = ask.cursor.split(",") if ask.cursor else []
    order += [name for name in names if name not in order]
    name = next(name for name in order if name in names)
    order.remove(name)
    return Choice((name,), f"its turn: {name} is next of {len(names)}", cursor=",".join([*order, name]))


STRATEGY = Strategy("round_robin", choose, static=True)
