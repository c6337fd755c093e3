"""The server that the tests use: a real one, whose address GROKBOX_ADDRESS has."""

import os
import unittest

import grokbox

SMALL = {"preset": "grokking", "modulus": 7, "width": 16}


class ServerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = grokbox.connect(os.environ["GROKBOX_ADDRESS"])
        cls.addClassCleanup(cls.box.close)

    def start(self, **options):
        session = self.box.start(**{**SMALL, **options})
        self.addCleanup(self._delete, session)
        return session

    def _delete(self, session):
        try:
            session.delete()
        except grokbox.GrokboxError as error:
            if error.reason != "SESSION_NOT_FOUND":
                raise
