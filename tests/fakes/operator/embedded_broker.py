"""Runs the embedded instance so that it ends as Flux's broker does: with 1 when its lead sends it away."""

import logging
import sys

from burstd.lead.embedded.__main__ import main


class Dismissal(logging.Handler):
    """Notices that the lead, started again, wants nothing to do with this broker."""

    seen = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        sent_away = "sent disconnect control message" in text and "the lead shuts down" not in text
        self.seen = self.seen or sent_away


if __name__ == "__main__":
    dismissal = Dismissal()
    logging.getLogger("burstd.embedded").addHandler(dismissal)
    sys.exit(main() or int(dismissal.seen))
