"""A tool that is missing fails the tests that need it, unless whoever runs them asked for a skip."""

import shutil

import pytest

from tests.connected.proxies import HAPROXY, NGINX


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)


def test_a_missing_proxy_fails_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAMVAD_SKIP_CONNECTED", raising=False)
    with pytest.raises(pytest.fail.Exception, match=r"apt install haproxy.*SAMVAD_SKIP_CONNECTED=1"):
        HAPROXY.program()


def test_a_missing_proxy_is_a_skip_for_who_asked_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMVAD_SKIP_CONNECTED", "1")
    with pytest.raises(pytest.skip.Exception, match="apt install haproxy"):
        HAPROXY.program()


def test_a_proxy_of_our_documents_alone_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAMVAD_SKIP_CONNECTED", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt install nginx-light"):
        NGINX.program()
