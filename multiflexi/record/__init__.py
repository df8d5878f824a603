"""What happened: who acted, the audit trail, the history of jobs, deliveries to make."""
