"""What the API says and is told: pydantic models, of which its answers and its OpenAPI document are made."""
