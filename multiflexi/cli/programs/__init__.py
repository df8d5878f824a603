"""The programs beside `multiflexi-cli`, each a thin one over its commands and services."""
