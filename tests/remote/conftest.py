"""Nothing of one test is remembered by the next."""

import pytest


@pytest.fixture(autouse=True)
def forgotten(no_keys):
    """See no_keys."""
