"""What strategies see of the pool, in one streamed pass."""

from alsim.signals.interface import Committee, InputDropout, Signal, Signals
from alsim.signals.streaming import CHUNK, Request, Scene, stream_signals

__all__ = [
    "CHUNK",
    "Committee",
    "InputDropout",
    "Request",
    "Scene",
    "Signal",
    "Signals",
    "stream_signals",
]
