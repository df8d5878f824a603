"""What every measurement needs: an installation of its own, processes to watch, rows in bulk, a report."""
