"""The REST API: `v2` for new clients, `legacy` for those of the original."""
