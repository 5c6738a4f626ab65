"""What Redis knows: every key, every script, and one class for each side that uses them."""

from .attempts import Claim, Held, Offer, Piece, Settlement, WorkStore
from .batches import BatchEnd, BatchLine, BatchStore, HeldBatch, NewBatch
from .connection import open_redis, server_warnings, translated
from .dead import DeadStore
from .deliveries import DeliveryStore
from .echoes import EchoStore
from .job_ends import Waiter, finished
from .job_stream import Feed, Follower, Look, Moved, News, Said
from .jobs import JobStore, Page, SoFar
from .keys import Keys
from .models import ModelStore
from .rounds import RoundStore
from .subscriptions import RECHECK_SECONDS, Subscriptions
from .webhook_queue import Owed, SendingStore, Told

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
