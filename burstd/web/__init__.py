"""What burstd tells over HTTP: health, an API for programs, one page for people. It changes nothing."""
