"""An endpoint for the length of a test file; nothing of one test is remembered by the next."""

import pytest
from endpoint_server import Endpoint

from lab.remote import address, looking


@pytest.fixture(scope="module")
def endpoint():
    found = Endpoint()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """No key of the machine's own environment, no remembered looks, no calls of an earlier test."""
    for name in (address.OWN_KEY, address.OWN_ADDRESS, address.OPENAI_KEY, address.OPENAI_ADDRESS):
        monkeypatch.delenv(name, raising=False)
    looking._kept.clear()
