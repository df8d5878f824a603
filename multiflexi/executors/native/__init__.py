"""Native executor: the application as a process of this host."""
