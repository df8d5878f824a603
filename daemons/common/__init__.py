"""What all daemons share: start, name lock, signals, waiting, and the loop that survives the loss of the database."""
