"""One suite over every wire format: against the vendors' own SDKs, and over real loopback HTTP."""
