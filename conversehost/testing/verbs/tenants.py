"""Virtual hosts of a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from conversehost.testing.calls import Call, Door, Steps, TestBedError
from conversehost.testing.verbs import verb


class TenantVerbs:
    """Make one; a bed that is one can be closed."""

    _door: Door
    _ready: Mapping[str, Any]

    @property
    def is_tenant(self) -> bool:
        """It was made by `tenant`: a part of a server."""
        return "tenant" in self._ready

    @verb
    def tenant(self, name: str | None = None, *, empty: bool = False, fork: str | None = None) -> Steps[Self]:
        """A bed of one's own within this server: a virtual host with the scenario's people, or with nobody (`empty`),
        or a copy of all that another domain has (`fork`). It ends with `close`, or at the end of a `with` block.

        All verbs of it are about it alone, and a name is that of one of its accounts. The clock is everybody's:
        docs/tenants.md.
        """
        given = {"name": name, "empty": empty or None, "fork": fork}
        made = yield Call("POST", "tenants", {key: value for key, value in given.items() if value is not None})
        ready = {**self._ready, **made, "api": f"{self._door.api}/tenants/{made['name']}"}
        return type(self)(ready, token=self._door.token)  # type: ignore[call-arg]  # as all flavours are made

    @verb
    def close(self) -> Steps[None]:
        """Delete the tenant, with all that it has. Raises TestBedError for a bed that is a whole server."""
        if not self.is_tenant:
            raise TestBedError("this is no tenant, but a whole server: stop ends it")
        yield Call("DELETE", "")
