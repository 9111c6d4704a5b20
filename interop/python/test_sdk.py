"""The official Python SDK, unchanged, against a running nudge: NUDGE_URL says where, NUDGE_ACCOUNT who."""

import datetime
import os
import re

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

SID, TOKEN = os.environ["NUDGE_ACCOUNT"].split(":")
SERVICE = "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
IDENTITY = "ff483d1ff591898a9942916050d2ca3f"
CHALLENGE = "YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def named(code):
    return f"YC{code:032d}"


def notifications(challenge=CHALLENGE, token=TOKEN):
    client = Client(SID, token)
    client.verify.base_url = os.environ["NUDGE_URL"]
    return client.verify.v2.services(SERVICE).entities(IDENTITY).challenges(challenge).notifications


@pytest.mark.parametrize(("params", "ttl"), [({"ttl": 150}, 150), ({}, 300), ({"ttl": 0}, 0)])
def test_creates_a_notification(params, ttl):
    n = notifications().create(**params)
    assert re.fullmatch("NT[0-9a-f]{32}", n.sid)
    assert n.ttl == ttl
    assert (n.account_sid, n.service_sid, n.challenge_sid) == (SID, SERVICE, CHALLENGE)
    assert (n.identity, n.priority) == (IDENTITY, "high")
    # Anything but whole seconds in UTC stays a string in this SDK.
    assert isinstance(n.date_created, datetime.datetime)


@pytest.mark.parametrize(
    ("create", "status", "code"),
    [
        (lambda: notifications().create(ttl=301), 400, 60200),
        (lambda: notifications(token="wrong0token").create(), 401, 20003),
        (lambda: notifications(named(20404)).create(), 404, 20404),
        (lambda: notifications(named(60323)).create(), 403, 60323),
        (lambda: notifications(named(60309)).create(), 429, 60309),
    ],
)
def test_gets_a_typed_error(create, status, code):
    with pytest.raises(TwilioRestException) as refused:
        create()
    assert (refused.value.status, refused.value.code) == (status, code)
