"""Jobs: their life, queue, environment, command, output and artifacts."""
