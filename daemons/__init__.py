"""The long-running processes: loops only."""
