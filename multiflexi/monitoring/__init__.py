"""What the platform tells the outside about itself."""
