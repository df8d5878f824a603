"""AbraFlexi."""
