"""Every Redis key and channel, built here and nowhere else; the Lua scripts get these same patterns.

Three prefixes: our own keys, Celery's queues, and Celery's results. Behind a prefix that ends with none of `:_-.`
Celery's result backend would put an underscore and kombu nothing, so the settings ask for one of these.
"""

from __future__ import annotations

from dataclasses import dataclass

PATTERNS = {
    "job": "job:%s",  # hash: a job's state and what routing needs of it, short values only: so it stays a listpack
    "request": "request:%s",  # string: what a worker gets of a job, packed
    "decision": "decision:%s",  # string: JSON of the last decision, until it stands in the history
    "streamed_text": "said:%s",  # string: what a running job's model has said so far, where its answer is streamed
    "events": "events:%s",  # channel: every move of a job, and every piece of a streamed answer
    "history": "history:%s",  # list: one JSON record for each ended attempt
    "sequence": "sequence",  # string: the last submit number
    "idempotency": "idempotency:%s",  # string: job id, by <tenant>:<key>
    "intake": "intake",  # zset: jobs without a class, by place
    "lanes": "lanes",  # zset: the lanes that are not empty, by their head's place
    "lane": "lane:%s",  # zset: jobs of one lane, by place
    "delayed": "delayed",  # zset: jobs that wait for their start, or to be tried again, by due time
    "deadlines": "deadlines",  # zset: jobs that are not done, by deadline
    "state": "state:%s",  # zset: jobs in one state, by submit number
    "ended": "ended:%s",  # channel: a job has ended; its id, its result is fetched by who wants it
    "finished": "finished",  # zset: ended jobs, by the time their record expires
    "echo": "echo:%s",  # string: JSON of what an answer repeats of its request, packed
    "batch": "batch:%s",  # hash: everything about one batch; its counts as its jobs end
    "batches": "batches:%s",  # zset: the batches of a tenant, or of all under no name, by when they were created
    "open_batches": "open_batches",  # zset: batches that have not ended, by when somebody has to look at them
    "batch_due": "batch_due",  # channel: somebody should look at the open batches
    "ends": "ends:%s",  # list: the lines of a batch as they end, <place in the input>:<line>
    "dead": "dead:%s",  # zset: failed and expired jobs of one error kind, by when they ended
    "delivery": "delivery:%s",  # hash: one end that one webhook is notified of, and its tries
    "deliveries": "deliveries:%s",  # zset: deliveries in one state, by when they are due or ended, in 1/1000 ms
    "delivery_sequence": "delivery_sequence",  # string: the last number of a delivery
    "delivery_due": "delivery_due",  # channel: a dispatcher should look at the deliveries that are due
    "sending": "sending:%s",  # zset: deliveries of one receiver that are under way, by when their lease ends
    "parked": "parked:%s",  # zset: deliveries of one receiver that wait for room there, by number
    "webhooks": "webhooks",  # list: what kombu uses as the queue of the deliveries, `pointsman:webhooks`
    "senders": "senders",  # zset: live processes that send webhooks, by when they last said so
    "bound": "ledger:%s:bound",  # zset: the ledger's unclaimed bindings of a model, by release deadline
    "running": "ledger:%s:running",  # zset: the ledger's claimed jobs of a model, by lease end
    "started": "ledger:%s:started",  # zset: the ledger's claimed jobs of a model, by when their call began
    "workers": "workers:%s",  # hash: presence on a model, worker -> JSON of slots and expiry
    "reservations": "reservations:%s",  # zset: <job>.<binding> by the time it leaves the sliding minute
    "reserved": "reserved:%s",  # hash: <job>.<binding> -> tokens, and `total`
    "pace": "pace:%s",  # hash: the levels by which a model's limits per minute are spread over the minute
    "calls": "calls:%s",  # hash: requests and tokens of all calls ever begun, and their sums a second ago
    "allowance": "allowance:%s",  # hash: up to which sums the vendor allows calls, until when, by which call
    "models": "models",  # set: every model that a job was ever bound to
    "model": "model:%s",  # hash: health of a model: cooled, paused, down, suspect
    "breaker": "breaker:%s",  # hash: an open or half-open breaker: until when, how often in a row, why
    "outcomes": "outcomes:%s",  # hash: calls and faults in the parts of a breaker's rolling window
    "probes": "probes:%s",  # zset: <job>.<binding> of the probes of a model that gets nothing else, by when bound
    "stats": "stats:%s",  # hash: what a model has served
    "cursors": "cursors",  # hash: what the strategies remember, by task class and strategy
    "answer": "answer:%s",  # string: the first answer to a bind, for a client that resends it
    "dispatchers": "dispatchers",  # zset: live dispatchers, by when they last said so
    "reap": "reap",  # hash: when reap last ran, and from when on it may reap
    "troubles": "troubles",  # list: what has happened to single jobs and stands in no log yet, one JSON record each
    "config": "config",  # hash: the configuration's version in force
    "clock": "clock",  # hash: our clock: by how much it is ahead of that of Redis's host, and what it last showed
    "wake": "wake",  # channel: a dispatcher should look
    "cancelled": "cancelled",  # channel: job ids whose running call has to stop
}
"""name -> pattern below the root prefix."""


@dataclass(frozen=True)
class Keys:
    """Builds keys below one prefix; the prefix separates installations, and tests, that share a Redis."""

    prefix: str = ""

    @property
    def root(self) -> str:
        """Prefix of our own keys."""
        return f"{self.prefix}pointsman:"

    @property
    def queues(self) -> str:
        """Prefix of the Celery queue of a model."""
        return f"{self.prefix}llm."

    @property
    def results(self) -> str:
        """Prefix of a result, and of the channel on which Celery waits for it, as its Redis backend builds it."""
        return f"{self.prefix}celery-task-meta-"

    @property
    def prefixes(self) -> list[str]:
        """What every script gets as KEYS."""
        return [self.root, self.queues, self.results]

    def key(self, name: str, value: str = "") -> str:
        """Return the key called `name` in PATTERNS."""
        pattern = PATTERNS[name]
        return self.root + (pattern % value if "%s" in pattern else pattern)

    def queue(self, model: str) -> str:
        """Return the list that kombu uses as the queue of a model."""
        return self.queues + model

    def result(self, job_id: str) -> str:
        """Return the key, and channel, of a job's result."""
        return self.results + job_id
