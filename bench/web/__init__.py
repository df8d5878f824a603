"""Load on the web server: what B5 and B6 share."""
