"""How jobs come in: the clients, the HTTP API, and files of jobs."""
