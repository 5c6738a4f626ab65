"""What Redis knows: every key, every script, and one class for each side that uses them."""

from .batches import BatchEnd, BatchLine, BatchStore, HeldBatch, NewBatch
from .connection import open_redis, server_warnings, translated
from .dead import DeadStore
from .deliveries import DeliveryStore
from .echoes import EchoStore
from .finishing import finished
from .follower import Feed, Follower, Look, Moved, News, Said
from .jobs import JobStore, Page, SoFar
from .keys import Keys
from .models import ModelStore
from .rounds import RoundStore
from .sending import Owed, SendingStore, Told
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
    "DeliveryStore",
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
    "Owed",
    "Page",
    "Piece",
    "RoundStore",
    "Said",
    "SendingStore",
    "Settlement",
    "SoFar",
    "Subscriptions",
    "Told",
    "Waiter",
    "WorkStore",
    "finished",
    "open_redis",
    "server_warnings",
    "translated",
]
