"""SSH, SFTP."""
