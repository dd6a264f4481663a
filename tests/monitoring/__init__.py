"""What is in deploy/monitoring, held against a real Prometheus and the daemon's own metrics."""
