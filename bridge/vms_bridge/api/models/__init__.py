"""What the API says and is told: the models of which its answers, its reading of requests and its OpenAPI document are made."""
