"""`/traffic/export`: what was recorded, for other programs, and to be played again."""

from __future__ import annotations

from collections.abc import Mapping

from conversehost.testbed.carriers import is_seen
from conversehost.testbed.fields import Choice, Fields, Flag
from conversehost.testbed.har import archive
from conversehost.testbed.noun import JSON, Noun, Reply, Verb
from conversehost.testbed.retelling import Retelling, as_test
from conversehost.testbed.shapes import Shape, anything

FORMATS = ("har", "dialogue", "pytest")
TEXT = "text/plain"
ARCHIVE = Shape("Archive", "An HTTP archive, HAR 1.2.", {"log": anything("as HAR 1.2 describes it")})


class Export(Noun):
    """GET tells it."""

    def verbs(self) -> Mapping[str, Verb]:
        form = Choice("format", "har unless given; dialogue: docs/dialogues.md", words=FORMATS, example="har")
        secrets = Flag("secrets", "leave passwords, tokens and cookies in an archive")
        return {"GET": Verb(self.export, query=(form, secrets), answer=ARCHIVE, media=(JSON, TEXT))}

    def export(self, query: Fields, body: Fields) -> Reply:
        """What was recorded, as a HAR file with WebSocket messages; or retold, as text: a dialogue that `conversehost
        play` plays, or a test for pytest.
        """
        form = query.text("format") or "har"
        if form == "har":
            found = (each for each in self.world.wire.exchanges if is_seen(self.world, each))
            return Reply(archive(found, secrets=query.flag("secrets")))
        dialogue = self._dialogue()
        return Reply(text=dialogue if form == "dialogue" else as_test(dialogue))

    def _dialogue(self) -> str:
        passwords = {
            jid.bare: password for host in self.world.hosts.values() for jid, password in host.accounts.of(host.domain)
        }
        records = list(self.world.traffic.since())
        streams = {each.stream: None for each in records}
        return Retelling(passwords).tell(records, [each for each in streams if each.end])
