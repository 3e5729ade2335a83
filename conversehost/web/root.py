"""The root of the site: what has a name of its own there, and a folder of the operator's for everything else."""

from __future__ import annotations

from typing import cast

from twisted.web.resource import IResource
from twisted.web.server import Request

from conversehost.web.resource import Problem, SiteResource
from conversehost.web.static import Folder

GIVES_WAY = frozenset((b"", b"form", b"favicon.ico"))
"""Pages of ours that are only there to show something: a file of the operator's with that name takes their place."""


class Root(SiteResource):
    """`folder`: the operator's own site (`--site`), or None when there is only ours."""

    def __init__(self, problem: Problem, folder: Folder | None) -> None:
        super().__init__(problem)
        self._folder = folder

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """One of ours; a name that we don't have, or that gives way, is the folder's."""
        folder = self._folder
        if folder is not None:
            names = [path, *(request.postpath or [])]
            if path not in self.children or (path in GIVES_WAY and folder.has(names)):
                request.postpath = names
                cast(list[bytes], request.prepath).pop()
                return folder
        return super().getChildWithDefault(path, request)
