"""Reader and checker of ISO 20022 CAMT.053 bank statements; needs nothing but the standard library."""

NAME = "bank-statement"
VERSION = "1.0.0"
