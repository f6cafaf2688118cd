"""The deployment of docker-compose.yaml without Docker, put under stress: ``make distributed``."""
