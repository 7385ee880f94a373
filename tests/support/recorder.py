"""An observer that remembers."""

from s3py_helper.application.ports.observer import Event


class Recorder:
    """Attributes:
    events: Everything that was reported, in order.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event) -> None:
        self.events.append(event)

    def of[Kind](self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]
