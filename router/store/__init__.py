"""What Redis knows: every key, every script, and one class for each side that uses them."""

from .batches import BatchEnd, BatchLine, BatchStore, HeldBatch, NewBatch
from .connection import open_redis, server_warnings, translated
from .dead import DeadStore
from .echoes import EchoStore
from .follower import Feed, Follower, Look, Moved, News, Said
from .jobs import JobStore, Page, SoFar
from .keys import Keys
from .models import ModelStore
from .rounds import RoundStore
from .subscriptions import RECHECK_SECONDS, Subscriptions
from .waiter import Waiter
from .work import Claim, Held, Offer, Piece, Settlement, WorkStore

__all__ = [
    "RECHECK_SECONDS",
    "BatchEnd",
    "BatchLine",
    "BatchStore",
    "Claim",
    "DeadStore",
    "EchoStore",
    "Feed",
    "Follower",
    "Held",
    "HeldBatch",
    "JobStore",
    "Keys",
    "Look",
    "ModelStore",
    "Moved",
    "NewBatch",
    "News",
    "Offer",
    "Page",
    "Piece",
    "RoundStore",
    "Said",
    "Settlement",
    "SoFar",
    "Subscriptions",
    "Waiter",
    "WorkStore",
    "open_redis",
    "server_warnings",
    "translated",
]
