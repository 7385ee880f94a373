"""The service on FastAPI: the application, and its endpoints for yours."""

from s3py_helper.entrypoints.http.app import create_app
from s3py_helper.entrypoints.http.router import create_files_router
from s3py_helper.entrypoints.http.services import ServesFiles

__all__ = ["ServesFiles", "create_app", "create_files_router"]
