"""Files in a FastAPI application: endpoints that are ready, and what endpoints of your own need.

```python
from fastapi import FastAPI, Request, Response, UploadFile

from s3py_helper.fastapi import Services, create_files_router, file_response, install_problem_handlers, storage_lifespan
from s3py_helper.storage import FilesystemConfig, StorageManager, StorageMode, StorageModeConfig

manager = StorageManager(
    StorageModeConfig(mode=StorageMode.FILESYSTEM), filesystem_config=FilesystemConfig(root="data")
)

app = FastAPI(lifespan=storage_lifespan(manager))
install_problem_handlers(app)
app.include_router(create_files_router())

photos: dict[str, str] = {}


@app.put("/members/{name}/photo")
async def store_photo(name: str, photo: UploadFile, services: Services) -> None:
    photos[name] = (await services.upload_service.upload_file(photo, folder="photos")).file_id


@app.get("/members/{name}/photo")
async def show_photo(name: str, request: Request, services: Services) -> Response:
    return await file_response(request, services, photos[name], inline=True)
```
"""

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.container.fastdfs_links import FastdfsLinksConfig
from s3py_helper.entrypoints.http.access.access import Authorize
from s3py_helper.entrypoints.http.app import create_app
from s3py_helper.entrypoints.http.browser.migration.routes import create_migration_page_router
from s3py_helper.entrypoints.http.downloads.delivery import DownloadOptions
from s3py_helper.entrypoints.http.endpoints.endpoint import Endpoint
from s3py_helper.entrypoints.http.endpoints.signed import create_signed_router
from s3py_helper.entrypoints.http.fastdfs_links.router import create_fastdfs_links_router
from s3py_helper.entrypoints.http.including import include_files
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.migration.router import create_migration_router
from s3py_helper.entrypoints.http.router import create_files_router
from s3py_helper.entrypoints.http.services import ServesFiles, ServesLinks, current_services
from s3py_helper.entrypoints.settings import Settings, load_settings
from s3py_helper.entrypoints.token_config import TokenConfig
from s3py_helper.fastapi.lifespan import Lifespan, Services, storage_lifespan
from s3py_helper.fastapi.problems import install_problem_handlers
from s3py_helper.fastapi.responses import file_response, zip_response

__all__ = [
    "Action",
    "Authorize",
    "DownloadOptions",
    "Endpoint",
    "FastdfsLinksConfig",
    "Lifespan",
    "Limits",
    "ServesFiles",
    "ServesLinks",
    "Services",
    "Settings",
    "TokenConfig",
    "create_app",
    "create_fastdfs_links_router",
    "create_files_router",
    "create_migration_page_router",
    "create_migration_router",
    "create_signed_router",
    "current_services",
    "file_response",
    "include_files",
    "install_problem_handlers",
    "load_settings",
    "storage_lifespan",
    "zip_response",
]
