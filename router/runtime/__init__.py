"""What every process of ours needs of asyncio and of HTTP."""
