"""The catalogue of endpoints, the routes and the table of what is left out, compared with each other."""

import re

from tests.practice.api.market_desk import Desk

from pretrade.kalshi.endpoints import ENDPOINTS, EndpointClass, Family
from pretrade.practice.api.dispatch import ROUTES, HttpRequest
from pretrade.practice.api.left_out import LEFT_OUT


def shape(method, path):
    return method, re.sub(r"\{[^}]*\}", "{}", path)


ROUTED = {shape(route.method, route.path) for route in ROUTES}
LEFT = {shape(row.method, row.path) for row in LEFT_OUT}
CATALOGUE = {
    shape(row.method, row.template): row
    for row in ENDPOINTS
    if row.family not in {Family.MARGIN, Family.KLEAR} and row.endpoint_class is not EndpointClass.WEBSOCKET
}


def test_every_operation_is_served_or_listed_with_a_reason():
    """Bug: an endpoint of the catalogue that was simply forgotten."""
    assert not set(CATALOGUE) - ROUTED - LEFT


def test_nothing_is_listed_that_is_served_or_unknown():
    assert not LEFT & ROUTED
    assert not LEFT - set(CATALOGUE)
    assert len(LEFT) == len(LEFT_OUT)
    assert all(row.reason for row in LEFT_OUT)


def test_nothing_is_served_that_the_exchange_does_not_have():
    assert not ROUTED - set(CATALOGUE)


def test_the_operations_have_the_catalogues_names():
    """Bug: a refusal that names another operation than the one that was called."""
    named = {shape(route.method, route.path): route.operation for route in ROUTES}
    assert {key: name for key, name in named.items() if CATALOGUE[key].operation != name} == {}


def test_what_is_left_out_is_answered_like_what_never_was():
    desk = Desk()
    answers = []
    for row in (*LEFT_OUT, LEFT_OUT[0]):
        path = re.sub(r"\{[^}]*\}", "x", row.path)
        reply = desk.dispatcher.answer_as(desk.key, HttpRequest(row.method, path, "", {}, b"{}"))
        answers.append((row.path, reply.status, reply.body))
    not_found = {"error": {"code": "not_found", "message": "not found"}}
    assert [answer for answer in answers if answer[1:] != (404, not_found)] == []
