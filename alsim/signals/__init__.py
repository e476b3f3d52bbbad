"""What strategies see of the pool, in one pass over it, chunk by chunk."""

from alsim.signals.chunks import CHUNK, Chunks
from alsim.signals.interface import Committee, InputDropout, Signal, Signals
from alsim.signals.streaming import Request, Scene, signals_of

__all__ = [
    "CHUNK",
    "Chunks",
    "Committee",
    "InputDropout",
    "Request",
    "Scene",
    "Signal",
    "Signals",
    "signals_of",
]
