"""Decides. Pure: no clock, socket, file, logger or SDK."""
