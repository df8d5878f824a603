"""How pages and APIs are served: settings of web processes, addresses, WSGI and its server."""
