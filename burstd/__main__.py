"""`python -m burstd` is `burstd`."""

from burstd.cli import main

if __name__ == "__main__":
    main()
