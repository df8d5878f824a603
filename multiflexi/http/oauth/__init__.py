"""OAuth2: what its library is told, which clients there are, and what their tokens are worth."""
