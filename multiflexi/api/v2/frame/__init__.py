"""What all resources of this surface share: lists, records, errors, conditions and their description."""
