"""Names of the data keys."""

DEFAULT = "default"
CREDENTIALS = "credentials"
PERSONAL_DATA = "personal_data"
AUDIT = "audit"

COMPANY_NAMES = (DEFAULT, CREDENTIALS, PERSONAL_DATA)
INSTALLATION_NAMES = (*COMPANY_NAMES, AUDIT)
