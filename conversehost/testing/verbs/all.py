"""All verbs together."""

from __future__ import annotations

from typing import Any, Generic

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import verb
from conversehost.testing.verbs.accounts import AccountVerbs
from conversehost.testing.verbs.bots import BotVerbs
from conversehost.testing.verbs.clock import ClockVerbs
from conversehost.testing.verbs.crowds import CrowdVerbs
from conversehost.testing.verbs.expectations import ExpectationVerbs, X
from conversehost.testing.verbs.faults import F, FaultVerbs
from conversehost.testing.verbs.health import HealthVerbs
from conversehost.testing.verbs.invitations import InvitationVerbs
from conversehost.testing.verbs.people import PeopleVerbs
from conversehost.testing.verbs.rooms import ArchiveVerbs, RoomVerbs
from conversehost.testing.verbs.sessions import SessionVerbs
from conversehost.testing.verbs.speech import SpeechVerbs
from conversehost.testing.verbs.state import StateVerbs
from conversehost.testing.verbs.tenants import TenantVerbs
from conversehost.testing.verbs.traffic import TrafficVerbs


class Verbs(
    AccountVerbs,
    PeopleVerbs,
    InvitationVerbs,
    BotVerbs,
    RoomVerbs,
    ArchiveVerbs,
    CrowdVerbs,
    SessionVerbs,
    SpeechVerbs,
    TrafficVerbs,
    HealthVerbs,
    ClockVerbs,
    StateVerbs,
    TenantVerbs,
    FaultVerbs[F],
    ExpectationVerbs[X],
    Generic[F, X],
):
    """What every flavour of `TestBed` can do."""

    @verb
    def call(self, method: str, path: str, /, **fields: Any) -> Steps[Any]:
        """Any call of the control API, such as `"POST", "clock", advance=70`: its answer as it came."""
        return (yield Call(method, path, fields or None))
