"""mitmproxy's package of addons without its thirty addons, until somebody asks for them.

``mitmproxy.addons`` imports every stock addon, and with them flask, ldap3 and werkzeug: a third of
a second at each start, for four modules that leash uses. ``trim`` puts a package in its place that
loads those alone; whoever looks for anything else in it gets the whole package, as it stands.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

NAME = "mitmproxy.addons"


class Trimmed(ModuleType):
    """The package: its own ``__init__`` runs when something is looked for that is no module."""

    def __init__(self, spec: ModuleSpec) -> None:
        """Stand for the package that ``spec`` describes."""
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__loader__ = spec.loader
        self.__file__ = spec.origin
        self.__package__ = spec.name
        self.__path__ = list(spec.submodule_search_locations or ())
        self._whole = False

    def __getattr__(self, name: str) -> object:
        """Find one of the addons' modules, or load the package for what it is."""
        if name.startswith("__"):
            raise AttributeError(name)
        if find_spec(f"{NAME}.{name}") is not None:
            return importlib.import_module(f"{NAME}.{name}")
        if not self._whole and self.__spec__ is not None and self.__spec__.loader is not None:
            self._whole = True
            self.__spec__.loader.exec_module(self)
            return getattr(self, name)
        msg = f"module {NAME!r} has no attribute {name!r}"
        raise AttributeError(msg)


def trim() -> None:
    """Put the trimmed package in place, unless mitmproxy has loaded its own already."""
    if NAME in sys.modules:
        return
    spec = find_spec(NAME)
    if spec is not None:
        sys.modules[NAME] = Trimmed(spec)
        importlib.import_module("mitmproxy").__dict__["addons"] = sys.modules[NAME]
