"""What Redis knows: every key, every script, and one class for each side that uses them."""

from .batches import BatchEnd, BatchLine, BatchStore, HeldBatch, NewBatch
from .connection import open_redis, server_warnings, translated
from .dead import DeadStore
from .echoes import EchoStore
from .finishing import finished
from .jobs import JobStore, Page
from .keys import Keys
from .models import ModelStore
from .rounds import RoundStore
from .waiter import Waiter
from .work import Claim, Held, Offer, Settlement, WorkStore

__all__ = [
    "BatchEnd",
    "BatchLine",
    "BatchStore",
    "Claim",
    "DeadStore",
    "EchoStore",
    "Held",
    "HeldBatch",
    "JobStore",
    "Keys",
    "ModelStore",
    "NewBatch",
    "Offer",
    "Page",
    "RoundStore",
    "Settlement",
    "Waiter",
    "WorkStore",
    "finished",
    "open_redis",
    "server_warnings",
    "translated",
]
