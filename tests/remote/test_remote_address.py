"""Addresses have one spelling, and a key goes nowhere but where it belongs."""

import pytest

from lab.core import AccessError, ModelError
from lab.remote import Client, checked, key_for, key_status

SECRET = "sk-very-secret"


@pytest.mark.parametrize(("typed", "kept"), [
    ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"), (" HTTPS://Host.Example:443/v1 ", "https://host.example/v1"),
    ("http://[::1]:80", "http://[::1]"), ("https://h/v1/chat/completions", "https://h/v1"), ("https://h/A/b/", "https://h/A/b")])
def test_an_address_has_one_spelling(typed, kept):
    assert checked(typed) == kept == checked(kept)


@pytest.mark.parametrize("typed", ["", "x", "ftp://h/v1", "file:///etc/passwd", "http://", "http://:80", "http://h:99999/v1", "http://a b/v1",
                                   "http://h/v1?key=1", "http://h/v1#x", "http://u:sesame@h/v1", "http://sesame@h", "http://169.254.169.254/v1",
                                   "http://[fe80::1]/v1", "http://h\n/v1", "http://[::1/v1"])
def test_what_is_no_address_is_refused_without_repeating_a_password(typed):
    with pytest.raises(ModelError) as error:
        checked(typed)
    assert error.value.failure.do and "sesame" not in str(error.value)


def test_the_labs_key_belongs_to_this_machine_or_to_the_address_it_is_bound_to(monkeypatch):
    assert key_for("http://127.0.0.1:1/v1") is None
    monkeypatch.setenv("LAB_ENDPOINT_KEY", SECRET)
    for own in ("http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:9/v1", "https://127.0.0.2/v1"):
        assert key_for(own).value == SECRET
    for other in ("https://elsewhere.example/v1", "https://127.0.0.1.example/v1", "https://localhost.example/v1"):
        assert key_for(other) is None and "LAB_ENDPOINT_ADDRESS" in key_status(other)
    monkeypatch.setenv("LAB_ENDPOINT_ADDRESS", "https://gpu.example/v1")
    assert key_for("https://gpu.example/other").value == SECRET
    for other in ("http://127.0.0.1:1/v1", "https://gpu.example:444/v1", "https://gpu.example.evil/v1"):
        assert key_for(other) is None


def test_openais_key_goes_to_openai_alone_or_to_the_address_it_is_bound_to(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert key_for("https://api.openai.com/v1").value == SECRET
    assert key_for("http://127.0.0.1:1/v1") is None and key_for("https://evil.example/v1") is None
    monkeypatch.setenv("OPENAI_BASE_URL", "https://other.example/v1")
    assert key_for("https://other.example/v1").value == SECRET and key_for("https://api.openai.com/v1") is None


def test_a_key_never_travels_unencrypted_and_never_shows(monkeypatch):
    monkeypatch.setenv("LAB_ENDPOINT_KEY", SECRET)
    monkeypatch.setenv("LAB_ENDPOINT_ADDRESS", "http://gpu.example/v1")
    with pytest.raises(AccessError) as error:
        Client("http://gpu.example/v1", "m")
    said = [str(error.value), key_status("http://gpu.example/v1"), key_status("https://gpu.example/v1")]
    monkeypatch.setenv("LAB_ENDPOINT_ADDRESS", "https://gpu.example/v1")
    said += [repr(key_for("https://gpu.example/v1")), key_status("https://gpu.example/v1"), repr(vars(Client("https://gpu.example/v1", "m")))]
    assert "unencrypted" in said[0] and "LAB_ENDPOINT_KEY is sent" in said[4].replace("The key in ", "")
    assert not [each for each in said if SECRET in each]
