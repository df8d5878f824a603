"""Mail (SMTP, IMAP)."""
