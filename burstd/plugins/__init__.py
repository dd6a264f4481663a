"""Providers: what makes sites. A provider is found by its entry point in `burstd.providers`."""
