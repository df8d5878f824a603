"""Members of each record type in their order, as plain values; surfaces decide how times and booleans look."""
