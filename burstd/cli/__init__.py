"""The command line: `burstd` itself runs the daemon. Nothing else in the project prints."""

from burstd.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line and leave with its exit code."""
    app(prog_name="burstd")
