"""A pet register by connexion, as its example "methodresolver": the document leads, connexion routes and validates.

    python app.py PORT

serves openapi.yaml on 127.0.0.1, validating requests strictly, and its own answers.
"""

import sys
from pathlib import Path

import uvicorn
from connexion import AsyncApp, FlaskApp
from connexion.resolver import MethodResolver

# FlaskApp is what most users have; "async" as second argument takes the other.
App = AsyncApp if sys.argv[2:] == ["async"] else FlaskApp
app = App(__name__, specification_dir=Path(__file__).parent)
app.add_api(
    "openapi.yaml", resolver=MethodResolver("pets"), strict_validation=True, validate_responses=True
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
