"""The choice of a storage mode."""

from s3py_helper.domain.routing import StorageMode
from s3py_helper.domain.settings_model import SettingsModel


class StorageModeConfig(SettingsModel, defer_build=True):
    """Which backends to use; `hybrid` unless something else is said.

    | mode         | new files go to | ids served         | needs                           |
    |--------------|-----------------|--------------------|---------------------------------|
    | `hybrid`     | S3              | S3 and FastDFS     | `s3_config` and `fastdfs_config` |
    | `s3`         | S3              | S3                 | `s3_config`                     |
    | `fastdfs`    | FastDFS         | FastDFS            | `fastdfs_config`                |
    | `filesystem` | the local disk  | the local disk's   | `filesystem_config`             |
    """

    mode: StorageMode = StorageMode.HYBRID
    """The storage mode."""
