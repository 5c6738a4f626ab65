"""What Redis knows: every key, every script, and one class for each side that uses them."""

from .attempts import AttemptStore, Claim, Settlement
from .batches import BatchLine, BatchStore, EndedLine, HeldBatch, NewBatch
from .calls import HeldJob, Offer, StreamedPiece
from .connection import open_redis, translated
from .dead import DeadStore
from .deliveries import DeliveryStore
from .echoes import EchoStore
from .job_ends import Waiter, finished
from .job_stream import Follower, JobUpdate, JobUpdates, LookAgain, StateChanged, TextChunk
from .jobs import JobStore, Page, TextSoFar
from .keys import Keys
from .lanes import LaneStore
from .listen import listen
from .models import ModelStore
from .reload import CatalogReload, ask_to_reload
from .rounds import RoundStore
from .server_check import check_before_start, check_server
from .subscriptions import RECHECK_SECONDS, Subscriptions
from .webhook_queue import ClaimedDelivery, DeliveryQueue, DeliverySettlement

__all__ = [
    "RECHECK_SECONDS",
    "AttemptStore",
    "BatchLine",
    "BatchStore",
    "CatalogReload",
    "Claim",
    "ClaimedDelivery",
    "DeadStore",
    "DeliveryQueue",
    "DeliverySettlement",
    "DeliveryStore",
    "EchoStore",
    "EndedLine",
    "Follower",
    "HeldBatch",
    "HeldJob",
    "JobStore",
    "JobUpdate",
    "JobUpdates",
    "Keys",
    "LaneStore",
    "LookAgain",
    "ModelStore",
    "NewBatch",
    "Offer",
    "Page",
    "RoundStore",
    "Settlement",
    "StateChanged",
    "StreamedPiece",
    "Subscriptions",
    "TextChunk",
    "TextSoFar",
    "Waiter",
    "ask_to_reload",
    "check_before_start",
    "check_server",
    "finished",
    "listen",
    "open_redis",
    "translated",
]
