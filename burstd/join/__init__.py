"""What lets a remote broker in."""
