"""The executor: runs jobs and keeps their results."""
