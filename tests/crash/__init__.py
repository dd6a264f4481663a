"""The crash matrix: burstd dies at every step of every effect, and the world is looked at afterwards."""
