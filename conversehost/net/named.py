"""What the operator names in Python: `package.module:name`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from conversehost.errors import ConfigError


def find(spec: str, what: str) -> Callable[..., Any]:
    """A class or a function; `what` is what the operator wrote. Raises ConfigError."""
    module_name, _, name = spec.partition(":")
    found = getattr(_module(module_name, what), name, None)
    if not callable(found):
        raise ConfigError(f"{what}: {module_name} has no class or function {name}")
    called: Callable[..., Any] = found
    return called


def _module(name: str, what: str) -> ModuleType:
    """From the folder where one is, too, as `python -m` does it."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(f"{what}: there is no module {name}, here or where Python looks") from None
        raise ConfigError(f"{what}: {name} can't be imported: {error}") from None
    except Exception as error:
        raise ConfigError(f"{what}: {name} can't be imported: {type(error).__name__}: {error}") from None
