"""What the program prints: results, their formats and error documents."""
