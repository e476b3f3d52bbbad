"""Signals: what strategies see of the pool, computed chunk by chunk in one pass."""

from alsim.signals.chunks import Chunks
from alsim.signals.interface import Committee, InputDropout, Signal, Signals
from alsim.signals.streaming import Request, Scene, SharedOutputs, signals_in, signals_of

__all__ = [
    "Chunks",
    "Committee",
    "InputDropout",
    "Request",
    "Scene",
    "SharedOutputs",
    "Signal",
    "Signals",
    "signals_in",
    "signals_of",
]
