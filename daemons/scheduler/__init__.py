"""The scheduler: turns due run templates into jobs."""
