"""Credential providers: what a kind of credential needs, what it gives to a job, and whether it can be used now."""
