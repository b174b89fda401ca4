"""The rules of signing in: names, attempts, cookies, pages, secrets in addresses, what a notice ends, settings."""

from contextlib import suppress
from unittest import mock

import pytest
from pydantic import ValidationError

from schemas import codec
from schemas.edge_notices import SignedOut
from schemas.roles import Role
from store.sign_in_rows import SignInRow, UserRow
from ws_edge.client_address import client_address
from ws_edge.secrets_in_urls import has_secret
from ws_edge.sign_in import Identity, NotSignedIn
from ws_edge.signing_in import attempts as attempts_of_signing_in
from ws_edge.signing_in.attempts import Attempts, TooManyAttempts
from ws_edge.signing_in.cookies import cookie_set, secret_in
from ws_edge.signing_in.names import BadName, BadPassword, check_password, kept_name, local_user_id
from ws_edge.signing_in.oidc_settings import OidcSettings
from ws_edge.signing_in.origins import is_from_allowed_page, is_of_foreign_page, may_change_by_cookie
from ws_edge.signing_in.sign_ins import identity_of
from ws_edge.signing_in.signed_in_sockets import SignedInSockets, ends

ALLOWED = frozenset({"https://chat.example.org"})
FOREIGN = [
    None,
    "null",
    "https://evil.example",
    "https://sub.chat.example.org",
    "https://chat.example.org.evil.example",
    "http://chat.example.org",
    "https://chat.example.org:444",
    "https://CHAT.example.org",
    "",
]


def headers(**values: str | None) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in values.items() if value is not None]


@pytest.mark.parametrize(("typed", "kept"), [("Asha", "asha"), (" ＡＳＨＡ ", "asha"), ("STRASSE", "strasse"),
    ("straße", "strasse"), ("आशा", "आशा"), ("ﬁn", "fin")])  # fmt: skip
def test_one_name_in_all_its_spellings_is_one_account(typed: str, kept: str) -> None:
    assert kept_name(typed) == kept
    assert local_user_id(kept_name(typed)) == local_user_id(kept)


@pytest.mark.parametrize("typed", ["", "  ", "a\nb", "a\x00", "a" * 65, "\u202e", "\ud800", "ﷺ" * 20, "a" * 10_000])
def test_what_is_no_name_is_refused(typed: str) -> None:
    with pytest.raises(BadName):
        kept_name(typed)


def test_a_password_has_eight_characters_and_an_end() -> None:
    check_password("12345678")
    for bad in ("1234567", "x" * 1025):
        with pytest.raises(BadPassword):
            check_password(bad)


def test_an_address_that_may_be_everybodys_is_not_counted() -> None:
    attempts = Attempts(burst=1, seconds_each=30)
    for number in range(50):  # a proxy on this machine that nobody named
        attempts.take(f"name {number}", "127.0.0.1", now=0)
    for number in range(10):
        attempts.take(f"other {number}", "10.0.0.1", now=0)
    with pytest.raises(TooManyAttempts):
        attempts.take("one more", "10.0.0.1", now=0)


def test_attempts_that_are_refused_make_nobody_elses_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts_of_signing_in, "MAX_REMEMBERED", 30)
    attempts = Attempts(burst=1, seconds_each=30)
    attempts.take("asha", "10.0.0.2", now=0)
    for number in range(100):
        with suppress(TooManyAttempts):
            attempts.take(f"name {number}", "10.0.0.1", now=0)
    with pytest.raises(TooManyAttempts):
        attempts.take("asha", "10.0.0.2", now=0)


def test_wrong_passwords_for_a_name_use_up_its_attempts_and_time_gives_them_back() -> None:
    attempts = Attempts(burst=3, seconds_each=30)
    for _ in range(3):
        attempts.take("asha", "10.0.0.1", now=0)
    with pytest.raises(TooManyAttempts) as refused:
        attempts.take("asha", "10.0.0.2", now=10)
    assert refused.value.retry_after_seconds == pytest.approx(20)
    attempts.take("ravi", "10.0.0.1", now=10)
    attempts.take("asha", "10.0.0.2", now=30)


def test_right_passwords_cost_nothing_and_one_address_may_try_ten_times_as_many_names() -> None:
    attempts = Attempts(burst=2, seconds_each=30)
    for _ in range(50):
        attempts.take("asha", "10.0.0.1", now=0)
        attempts.give_back("asha", "10.0.0.1")
    for n in range(20):
        attempts.take(f"name {n}", "10.0.0.1", now=0)
    with pytest.raises(TooManyAttempts):
        attempts.take("another", "10.0.0.1", now=0)
    attempts.take("another", "10.0.0.2", now=0)


def test_a_cookie_is_secure_and_of_this_host_alone_but_on_loopback() -> None:
    sent = cookie_set(headers(host="chat.example.org"), "abc", 60)
    assert sent == "__Host-samvad-sign-in=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure"
    here = cookie_set(headers(host="127.0.0.1:8000"), "abc", 60)
    assert here == "samvad-sign-in=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"
    assert "Secure" in cookie_set(headers(host="127.0.0.1.evil.example"), "abc", 60)
    assert "Secure" in cookie_set([], "abc", 60)


def test_a_cookie_is_read_beside_others_and_none_without_its_prefix_counts_beyond_loopback() -> None:
    others = 'broken cookie; x="a;b"; __Host-samvad-sign-in=abc; y=1'
    assert secret_in(headers(host="chat.example.org", cookie=others)) == "abc"
    assert secret_in(headers(host="chat.example.org", cookie="samvad-sign-in=tossed")) is None
    assert secret_in(headers(host="localhost:8000", cookie="samvad-sign-in=abc")) == "abc"
    assert secret_in(headers(host="localhost", cookie="samvad-sign-in=")) is None
    assert secret_in(headers(host="localhost")) is None


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_cookie_from_another_page_opens_no_socket_and_changes_nothing(origin: str | None) -> None:
    asked = headers(origin=origin, sec_fetch_site="same-site")
    assert not is_from_allowed_page(asked, ALLOWED)
    for method in ("POST", "PATCH", "DELETE", "PUT"):
        assert not may_change_by_cookie(method, asked, ALLOWED)
    assert may_change_by_cookie("GET", asked, ALLOWED)


def test_our_own_page_may_change_things_by_its_origin_or_by_what_the_browser_says_of_it() -> None:
    assert may_change_by_cookie("POST", headers(origin="https://chat.example.org"), ALLOWED)
    assert may_change_by_cookie("POST", headers(sec_fetch_site="same-origin"), ALLOWED)
    assert not may_change_by_cookie("POST", headers(), ALLOWED)
    twice = [*headers(origin="https://chat.example.org"), *headers(origin="https://evil.example")]
    assert not is_from_allowed_page(twice, ALLOWED)


def test_a_foreign_page_may_not_sign_anybody_in_and_a_program_may() -> None:
    assert is_of_foreign_page(headers(origin="https://evil.example"), ALLOWED)
    assert is_of_foreign_page(headers(sec_fetch_site="cross-site"), ALLOWED)
    assert not is_of_foreign_page(headers(origin="https://chat.example.org"), ALLOWED)
    assert not is_of_foreign_page(headers(), ALLOWED)


@pytest.mark.parametrize("query", [b"token=x", b"a=1&access_token=", b"TICKET=1", b"api%5Fkey=1", b"a;key=1", b"token",
    b"limit=1&%74oken=x", b"to%6ben=x", b"+token=x"])  # fmt: skip
def test_a_secret_in_an_address_is_seen_in_any_spelling(query: bytes) -> None:
    assert has_secret(query)


@pytest.mark.parametrize("query", [b"", b"limit=5&before=x", b"tokens=1", b"monkey=1", b"q=token", b"\xff\xfe=%zz"])
def test_other_parameters_are_no_secrets(query: bytes) -> None:
    assert not has_secret(query)


MINE = Identity("u", 9e9, sign_in_id="s1", generation="g1")
KEY = Identity("u", 9e9, sign_in_id="k1", is_program=True)
BEARER = Identity("u", 9e9)


@pytest.mark.parametrize(
    ("notice", "ended"),
    [
        (SignedOut(sign_in_id="s1"), [MINE]),
        (SignedOut(sign_in_id="k1"), [KEY]),
        (SignedOut(sign_in_id="s2"), []),
        (SignedOut(generation="g2"), [MINE, BEARER]),
        (SignedOut(generation="g1"), [BEARER]),
        (SignedOut(generation="g2", with_keys=True), [MINE, KEY, BEARER]),
    ],
)
def test_a_notice_ends_what_it_names_and_what_began_after_it_stays(notice: SignedOut, ended: list[Identity]) -> None:
    assert [one for one in (MINE, KEY, BEARER) if ends(notice, one)] == ended
    assert not ends(notice, None)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"type":"signed_out","sign_in_id":7}', b'{"type":"other"}', b"\xff"]
)
def test_a_notice_that_cannot_be_read_ends_nothing_and_has_the_store_asked(raw: bytes) -> None:
    forgotten: list[str] = []
    SignedInSockets(forgotten.append, mock.Mock()).hear("u", raw)
    assert forgotten == ["u"]


def test_a_notice_is_no_frame_that_a_client_could_be_sent() -> None:
    raw = codec.encode(SignedOut(sign_in_id="s1"))
    assert codec.decode_signed_out(raw) == SignedOut(sign_in_id="s1")
    with pytest.raises(codec.Unreadable):
        codec.decode_server_frame(raw)


def a_row(**fields: object) -> SignInRow:
    row = {"sign_in_id": "s", "user_id": "u", "role": Role.ADMIN, "generation": "", "created_at_ms": 0}
    return SignInRow(**(row | {"expires_at_ms": 1000} | fields))


def test_a_local_accounts_role_is_the_accounts_own_and_others_keep_what_their_token_said() -> None:
    assert identity_of(a_row(), None).role is Role.ADMIN
    assert identity_of(a_row(), UserRow(user_id="u")).role is Role.ADMIN
    assert identity_of(a_row(), UserRow(user_id="u", name="asha")).role is Role.USER


@pytest.mark.parametrize(
    ("row", "user"),
    [(a_row(ended=True), None), (a_row(generation="old"), None), (a_row(), UserRow(user_id="u", generation="new")),
     (a_row(), UserRow(user_id="u", name="asha", disabled=True))],
)  # fmt: skip
def test_an_ended_or_outdated_sign_in_and_a_disabled_user_are_not_signed_in(row: SignInRow, user: UserRow) -> None:
    with pytest.raises(NotSignedIn):
        identity_of(row, user)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ISSUER": "https://id.example"}, "SAMVAD_OIDC_AUDIENCE is not"),
        ({"AUDIENCE": "samvad"}, "SAMVAD_OIDC_AUDIENCE would have no effect"),
        ({"ISSUER": "http://id.example", "AUDIENCE": "samvad"}, "must begin with https"),
        ({"ISSUER": "https://id.example", "AUDIENCE": "samvad", "ALGORITHMS": "RS256,HS256"}, "forged"),
        ({"ISSUER": "https://id.example", "AUDIENCE": "samvad", "ALGORITHMS": "none"}, "forged"),
    ],
)
def test_a_provider_that_would_let_anybody_in_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], said: str
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"SAMVAD_OIDC_{name}", value)
    with pytest.raises(ValidationError, match=said):
        OidcSettings()


def test_the_address_for_limits_is_the_peers() -> None:
    assert client_address({"client": ("10.0.0.1", 5)}) == "10.0.0.1"
    assert client_address({"client": None}) == "unknown"
