"""What Redis knows: every key, every script, and one class for each side that uses them."""

from .batches import BatchEnd, BatchLine, BatchStore, HeldBatch, NewBatch
from .connection import open_redis, server_warnings, translated
from .dead import DeadStore
from .deliveries import DeliveryStore
from .echoes import EchoStore
from .jobs import JobStore, Page
from .keys import Keys
from .models import ModelStore
from .rounds import RoundStore
from .sending import Owed, SendingStore, Told
from .waiter import Waiter
from .work import Claim, Held, Offer, Settlement, WorkStore

__all__ = [
    "BatchEnd",
    "BatchLine",
    "BatchStore",
    "Claim",
    "DeadStore",
    "DeliveryStore",
    "EchoStore",
    "Held",
    "HeldBatch",
    "JobStore",
    "Keys",
    "ModelStore",
    "NewBatch",
    "Offer",
    "Owed",
    "Page",
    "RoundStore",
    "SendingStore",
    "Settlement",
    "Told",
    "Waiter",
    "WorkStore",
    "open_redis",
    "server_warnings",
    "translated",
]
