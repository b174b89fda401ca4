"""Tokens of an identity provider: taken with its keys, and every forgery refused. The provider is on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from schemas.ids import user_id_of
from schemas.roles import Role
from tests.flow.identity_provider import (
    AUDIENCE,
    EC_KEY,
    RSA_KEY,
    IdentityProvider,
    identity_provider,
    public_pem,
    rsa_key,
)
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Stage, stage
from tests.flow.signing_in import an_account, bearer, close_code_of_hello, said_hello, tokens_of
from ws_edge.clocks import Clocks
from ws_edge.sign_in import NotSignedIn, SignInUnavailable
from ws_edge.signing_in.jwks import MIN_SECONDS, REFRESH_SECONDS, STALE_SECONDS, Jwks
from ws_edge.signing_in.jwks_fetching import KeySource
from ws_edge.signing_in.oidc import OidcSignIn
from ws_edge.signing_in.oidc_settings import OidcSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")


def settings_for(provider: IdentityProvider, **other: Any) -> OidcSettings:
    return OidcSettings(oidc_issuer=provider.issuer, oidc_audience=AUDIENCE, **other)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[IdentityProvider]:
    async with identity_provider() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    oidc = settings_for(provider, oidc_role_claim="realm_access.roles", oidc_admin_value="boss")
    async with stage(tmp_path_factory.mktemp("edge"), desk={"oidc": oidc}) as running:
        yield running


async def test_a_token_of_the_provider_works_everywhere_and_names_its_user(
    scene: Stage, provider: IdentityProvider
) -> None:
    for token in (provider.token(), provider.token("two", EC_KEY, "ES256"), provider.token(aud=["other", AUDIENCE])):
        person = await said_hello(scene, token)
        assert person.user_id == user_id_of(provider.issuer, "asha")
        await person.socket.close()
        async with scene.http(None) as http:
            who = (await http.get("/v1/session", headers=bearer(token))).json()
            assert (who["user_id"], who["role"]) == (person.user_id, "user")
            assert (await http.post("/v1/ws-tickets", headers=bearer(token))).status_code == 200
            signed_in = await http.post("/v1/session", headers=bearer(token))
            assert signed_in.json()["user_id"] == person.user_id


@pytest.mark.parametrize(("roles", "status"), [({"roles": ["x", "boss"]}, 200), ({"roles": "boss"}, 200),
    ({"roles": ["bosses"]}, 404), ({}, 404), ("boss", 404), (None, 404)])  # fmt: skip
async def test_the_providers_admins_are_admins(
    scene: Stage, provider: IdentityProvider, roles: object, status: int
) -> None:
    async with scene.http(None) as http:
        token = bearer(provider.token(realm_access=roles))
        assert (await http.get("/v1/admin/users", headers=token)).status_code == status


def forgeries(provider: IdentityProvider) -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    pem = public_pem()
    return {
        "expired": provider.token(exp=now - 31),
        "not yet good": provider.token(nbf=now + 60),
        "for others": provider.token(aud="other"),
        "for nobody": provider.token(aud=None),
        "of another issuer": provider.token(iss="https://id.example"),
        "of no issuer": provider.token(iss=None),
        "of the issuer with a slash": provider.token(iss=provider.issuer + "/"),
        "without an end": provider.token(exp=None),
        "without a subject": provider.token(sub=None),
        "with an empty subject": provider.token(sub=""),
        "unsigned": provider.token(key=None, algorithm="none"),
        "signed with the public key as a secret": hmac_with(provider, pem),
        "signed by a stranger": provider.token(key=stranger),
        "signed with another of its keys": provider.token("two"),
        "of an algorithm that is not allowed": provider.token(algorithm="RS512"),
        "of an unknown key": provider.token("nobody's"),
        "changed": provider.token()[:-4] + "AAAA",
    }


def hmac_with(provider: IdentityProvider, secret: bytes) -> str:
    """By hand: PyJWT refuses to make such a token."""
    import base64
    import hashlib
    import hmac
    import json

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "asha", "exp": int(time.time()) + 300}
    signed = part({"alg": "HS256", "typ": "JWT", "kid": "one"}) + b"." + part(claims)
    signature = base64.urlsafe_b64encode(hmac.digest(secret, signed, hashlib.sha256)).rstrip(b"=")
    return (signed + b"." + signature).decode()


async def test_every_forgery_is_refused(scene: Stage, provider: IdentityProvider) -> None:
    async with scene.http(None) as http:
        for what, token in forgeries(provider).items():
            response = await http.get("/v1/session", headers=bearer(token))
            assert response.status_code == 401, what
            assert await close_code_of_hello(scene, token) == 4401, what
        assert (await http.get("/v1/session", headers=bearer(provider.token()))).status_code == 200


async def test_another_users_token_does_not_renew_a_session(scene: Stage, provider: IdentityProvider) -> None:
    person = await said_hello(scene, provider.token())
    await person.say(type="hello", token=provider.token())
    await person.hear("ready")
    await person.say(type="hello", token=provider.token(sub="ravi"))
    assert await person.close_code() == 4401


async def test_accounts_of_this_installation_stand_beside_the_provider(scene: Stage) -> None:
    await an_account(scene, "asha")
    assert (await tokens_of(scene, "asha"))["user_id"] == user_id_of("local", "asha")


class Case:
    """Keys of a provider under a test's clock."""

    def __init__(self, provider: IdentityProvider, **other: Any) -> None:
        self.now = 1000.0
        settings = settings_for(provider, **other)
        self.keys = Jwks(KeySource(settings), lambda: self.now)
        self.sign_in = OidcSignIn(settings, self.keys)


@pytest_asyncio.fixture(loop_scope="module")
async def fresh() -> AsyncIterator[IdentityProvider]:
    async with identity_provider() as running:
        yield running


async def test_keys_are_fetched_once_for_all_who_wait_for_them(fresh: IdentityProvider) -> None:
    case = Case(fresh)
    identities = await asyncio.gather(*(case.sign_in.check(fresh.token()) for _ in range(20)))
    assert ({each.role for each in identities}, fresh.asked) == ({Role.USER}, 1)


async def test_a_flood_of_unknown_keys_fetches_no_more_than_once_in_ten_seconds(fresh: IdentityProvider) -> None:
    case = Case(fresh, oidc_jwks_url=fresh.jwks_url)
    await case.sign_in.check(fresh.token())
    for n in range(50):
        with pytest.raises(NotSignedIn):
            await case.sign_in.check(fresh.token(f"unknown {n}"))
    assert fresh.asked == 1
    fresh.keys.append(rsa_key("new"))
    case.now += MIN_SECONDS
    assert (await case.sign_in.check(fresh.token("new"))).user_id == user_id_of(fresh.issuer, "asha")
    assert fresh.asked == 2


async def test_a_provider_that_is_away_ends_nothing_until_its_keys_are_a_day_old(fresh: IdentityProvider) -> None:
    case = Case(fresh)
    await case.sign_in.check(fresh.token())
    fresh.status = 500
    case.now += REFRESH_SECONDS + 1
    await case.sign_in.check(fresh.token())
    case.now += STALE_SECONDS
    with pytest.raises(SignInUnavailable):
        await case.sign_in.check(fresh.token())
    fresh.status = 200
    case.now += MIN_SECONDS
    await case.sign_in.check(fresh.token())


async def test_nobody_waits_while_known_keys_are_fetched_again(fresh: IdentityProvider) -> None:
    case = Case(fresh)
    await case.sign_in.check(fresh.token())
    fresh.let_through.clear()
    case.now += REFRESH_SECONDS + 1
    async with asyncio.timeout(1):
        await case.sign_in.check(fresh.token())
    await case.keys.close()
    fresh.let_through.set()


async def test_a_provider_that_never_answered_is_not_the_users_fault(fresh: IdentityProvider, tmp_path: Path) -> None:
    fresh.status = 503
    async with stage(tmp_path, desk={"oidc": settings_for(fresh)}) as scene, scene.http(None) as http:
        refused = await http.get("/v1/session", headers=bearer(fresh.token()))
        assert_error(refused, 503, "sign_in_unavailable")
        assert await close_code_of_hello(scene, fresh.token()) == 1013


async def test_an_unknown_key_is_not_called_bad_while_the_provider_is_away(fresh: IdentityProvider) -> None:
    case = Case(fresh, oidc_jwks_url=fresh.jwks_url)
    await case.sign_in.check(fresh.token())
    fresh.keys.append(rsa_key("new"))
    fresh.status = 500
    case.now += MIN_SECONDS
    for n in range(50):
        with pytest.raises(SignInUnavailable):
            await case.sign_in.check(fresh.token("new" if n % 2 else f"unknown {n}"))
    assert fresh.asked == 2
    assert (await case.sign_in.check(fresh.token())).role is Role.USER, "keys that are known stay good"
    fresh.status = 200
    case.now += MIN_SECONDS
    await case.sign_in.check(fresh.token("new"))
    with pytest.raises(NotSignedIn):
        await case.sign_in.check(fresh.token("unknown"))
    assert fresh.asked == 3


async def test_a_token_of_an_unknown_key_is_to_come_back_later(fresh: IdentityProvider, tmp_path: Path) -> None:
    clocks_on = [0.0]
    desk = {"oidc": settings_for(fresh), "clocks": Clocks(now=lambda: time.monotonic() + clocks_on[0])}
    async with stage(tmp_path, desk=desk) as scene, scene.http(None) as http:
        assert (await http.get("/v1/session", headers=bearer(fresh.token()))).status_code == 200
        fresh.status = 500
        clocks_on[0] += MIN_SECONDS
        refused = await http.get("/v1/session", headers=bearer(fresh.token("new")))
        assert_error(refused, 503, "sign_in_unavailable")
        assert "retry-after" in refused.headers
        assert await close_code_of_hello(scene, fresh.token("new")) == 1013


async def test_an_answer_without_end_is_no_key_set(fresh: IdentityProvider) -> None:
    fresh.padding = "x" * 600_000
    with pytest.raises(SignInUnavailable):
        await Case(fresh).sign_in.check(fresh.token())


@pytest.mark.parametrize("elsewhere", ["http://id.example/keys", "file:///etc/passwd", "ftp://127.0.0.1/x"])
async def test_a_provider_leads_to_no_unsafe_address(fresh: IdentityProvider, elsewhere: str) -> None:
    fresh.jwks_url = elsewhere
    with pytest.raises(SignInUnavailable):
        await Case(fresh).sign_in.check(fresh.token())
    assert fresh.asked == 0


async def test_a_key_for_another_use_or_algorithm_signs_nobody_in(fresh: IdentityProvider) -> None:
    fresh.keys = [
        rsa_key("one", use="enc"),
        rsa_key("two", alg="RS512"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "three"},
        {"kty": "new", "kid": "four"},
        7,  # type: ignore[list-item]
        rsa_key("good", use="sig", alg="RS256"),
    ]
    case = Case(fresh)
    for key_id in ("one", "two", "three", "four"):
        with pytest.raises(NotSignedIn):
            await case.sign_in.check(fresh.token(key_id))
    assert (await case.sign_in.check(fresh.token("good", RSA_KEY))).user_id == user_id_of(fresh.issuer, "asha")
