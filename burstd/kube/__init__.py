"""Kubernetes: what burstd puts on a cluster for a burst, and what a lead that is a MiniCluster needs."""
