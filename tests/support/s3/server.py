"""What tests know of a running S3 server."""

from dataclasses import dataclass

from s3py_helper.adapters.s3.config import S3Config

DEFAULT_BUCKET = "tests"


@dataclass(frozen=True, slots=True)
class S3Server:
    name: str
    endpoint: str
    access_key: str
    secret_key: str

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    def config(self, **settings: object) -> S3Config:
        """How the adapter reaches this server; `settings` replace single values."""
        given = {
            "endpoint": self.endpoint,
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key,
            "default_bucket": DEFAULT_BUCKET,
        }
        return S3Config.model_validate(given | settings)
