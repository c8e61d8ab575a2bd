"""Models behind an OpenAI-compatible endpoint: which addresses are asked, with which key, and how. Knows HTTP, no tasks and no files."""

from lab.remote.address import Key, checked, key_for, key_status, usual_address
from lab.remote.client import Client, Refused, Reply
from lab.remote.errors import clean
from lab.remote.looking import Listed, forget, look, verify

__all__ = ["Client", "Key", "Listed", "Refused", "Reply", "checked", "clean", "forget", "key_for", "key_status", "look", "usual_address", "verify"]
