"""Why a job or a run template runs, waits or did not start; data for every surface, from state and history."""
