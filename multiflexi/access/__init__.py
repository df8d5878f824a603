"""Who may do what: the rules of the one permission matrix, and the authority of a caller they are put to."""
