"""A lead as one daemon has it."""

from __future__ import annotations

from crash.lead import ModelLead


class Connection:
    """A lead as one daemon has it: the name that it registers is freed when it dies."""

    def __init__(self, lead: ModelLead) -> None:
        self._lead = lead
        self._name = ""

    def __getattr__(self, name: str) -> object:
        return getattr(self._lead, name)

    def register(self, name: str) -> bool:
        self._name = name
        return self._lead.services.setdefault(name, self) is self

    def registered(self) -> bool:
        return self._lead.services.get(self._name) is self

    def close(self) -> None:
        if self.registered():
            del self._lead.services[self._name]
