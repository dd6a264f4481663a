"""`python -m burstd.lead.embedded`: one broker, lead or leaf by its place in the hosts."""

from __future__ import annotations

import logging
import sys

from burstd.core.errors import BurstdError, CertificateError
from burstd.join import curve
from burstd.lead.embedded.settings import Argv, BrokerFile, read_argv, read_broker_file

log = logging.getLogger("burstd.embedded")


def main() -> int:
    """Run one broker until it is told to end; 1 with a line in the log when it cannot start."""
    try:
        argv = read_argv(sys.argv[1:])
        _open_log(argv)
        file = read_broker_file(argv.config_path)
        rank = file.rank(argv.hostname)
        log.info("this is burstd's embedded instance, not a Flux: rank %d (%s)", rank, argv.hostname)
        _run(rank, argv, file)
    except (BurstdError, OSError) as exc:
        logging.basicConfig(format="%(message)s")
        log.error("broker.err: %s", exc)
        return 1
    return 0


def _run(rank: int, argv: Argv, file: BrokerFile) -> None:
    try:
        certificate = curve.read(file.curve_cert)
    except CertificateError as exc:
        raise CertificateError(f"Error loading certificate: {exc}") from exc
    argv.rundir.mkdir(parents=True, exist_ok=True)
    if rank == 0:
        from burstd.lead.embedded.instance import Instance
        from burstd.lead.embedded.topics import serve

        Instance(argv, file, certificate).run(serve)
    else:
        from burstd.lead.embedded.leaf import Leaf

        Leaf(argv, file, certificate).run()


def _open_log(argv: Argv) -> None:
    target = {"filename": argv.log_filename} if argv.log_filename else {"stream": sys.stderr}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", **target)


if __name__ == "__main__":
    sys.exit(main())
