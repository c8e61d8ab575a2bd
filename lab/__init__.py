"""Lever Lab: which lever should we pull? Prompt, retrieve, fine-tune or align, on one honest scoreboard."""

__version__ = "0.1.0"
