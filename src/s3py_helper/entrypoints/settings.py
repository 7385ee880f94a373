"""The settings of a deployment: variables `S3PY_...`, and the file `.env`."""

import os
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from s3py_helper.application.service_links import ServiceLinks
from s3py_helper.domain.checked_model import Location, problems_of
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.signed_link import MAX_LIFETIME, LinkKey, LinkKeys
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.container.config import (
    FastdfsConfig,
    FastdfsLinksConfig,
    FilesystemConfig,
    FileTypeConfig,
    FusionConfig,
    KitConfig,
    MigrationConfig,
    S3Config,
    StorageMode,
)
from s3py_helper.entrypoints.container.mounts import installed_mounts
from s3py_helper.entrypoints.env_file import EnvFile
from s3py_helper.entrypoints.setting_names import DELIMITER, PREFIX, misspelt_variables
from s3py_helper.entrypoints.setting_text import as_list, as_pairs, group_of, groups_of
from s3py_helper.entrypoints.token_config import TokenConfig

ENV_FILE: Final = ".env"
ANY: Final = "*"
DEFAULT_ROOT: Final = Path("data")


def _rooted(group: object) -> object:
    """The group with the default folder where it names none."""
    return {"root": DEFAULT_ROOT} | cast("dict[str, object]", group) if isinstance(group, dict) else group


def _port(value: object) -> object:
    if isinstance(value, str) and value.startswith("tcp://"):
        raise ValueError(
            "Kubernetes sets it for a service that is called s3py: "
            "set enableServiceLinks to false in the pod, or the variable to a port"
        )
    return value


def _header_value(text: str) -> str:
    if not text.strip() or not (text.isascii() and text.isprintable()):
        raise ValueError("it is the value of a header: printable ASCII, as in 'private, max-age=3600'")
    return text


def _not_blank(token: SecretStr | None) -> SecretStr | None:
    if token is not None and not token.get_secret_value().strip():
        raise ValueError("it is blank: give a token, or leave the variable out")
    return token


def _link_keys(secrets: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, secret in secrets.items():
        LinkKey(name, secret.get_secret_value())
    return secrets


def _root_path(path: str) -> str:
    trimmed = path.rstrip("/")
    if trimmed and not trimmed.startswith("/"):
        raise ValueError("it begins with a slash, as in /storage")
    return trimmed


class Settings(BaseSettings):
    """One deployment of service and command line; `docs/configuration.md` lists the variables.

    Attributes:
        mode: Which backends are used.
        s3: Connection to S3, needed in the modes `s3` and `hybrid`.
        fastdfs: Connection to FastDFS, needed in the modes `fastdfs` and `hybrid`.
        filesystem: The folder to use in the mode `filesystem`.
        fusion: What may still be done with files in FastDFS.
        file_types: Allowed and refused extensions.
        max_file_size: Largest file in bytes (`5GiB` is understood); `None` for no limit.
        buckets: Buckets served besides the default bucket; `*` for all that the credentials reach.
        groups: The only groups of FastDFS whose files are served, unless there are none.
        folders: The only folders that files are served from and stored in, unless there are none.
        migration: The migration from FastDFS that this deployment takes part in.
        mounts: Schemes of backends that installed packages offer, served beside the mode's own.
        new_files: The backend that takes new files, where it is not the mode's own: one of `mounts`.
        concurrent_files: How many files one call or command stores or fetches at a time.
        host: Address to listen on; any but a loopback address needs `api_token`.
        port: Port to listen on; 0 for any free one.
        api_token: A token that permits everything; clients send it as `Authorization: Bearer <token>`.
        tokens: Further tokens by name, each with its digest, scopes and perhaps a folder.
        link_keys: Secrets that sign links to the service, by name, the newest first.
        link_url: Where clients find the service, for links; without it they are paths on its host.
        link_lifetime: Seconds that a link works at most.
        allowed_hosts: Names besides `host` and loopback by which clients may address a service without a token; with a
            token, the only names, unless there are none; `*` for any.
        allowed_origins: Other origins (`https://app.example.com`) whose pages may use the service (CORS); `*` for any,
            with tokens only.
        concurrent_uploads: How many uploads the service stores at a time, and as many small ones; further ones wait.
        concurrent_downloads: How many larger files the service sends at a time; further ones wait.
        concurrent_archives: How many archives the service sends at a time; further ones wait.
        queue_timeout: Seconds that a request waits for its turn before it is refused with 503.
        client_share: The part of each of these limits that one client address may use, above 0 and up to 1.
        rate_limit: Requests per second that one token, or one address without, may send on average; 0 for any.
        rate_burst: Requests that it may send at once after a pause.
        list_memory: Bytes of memory for all lists of files for archives together (`256MiB` is understood).
        cache_control: `Cache-Control` of files; by default they may be kept, but are asked for each time.
        redirect_above: Bytes (`64MiB` is understood) above which `GET` of a file on S3 is answered with 307 and a link
            to S3; `None` sends all files through the service.
        idle_timeout: Seconds without a byte sent or taken after which a client is dropped.
        min_upload_rate: Bytes per second that a client has to send on average, over `idle_timeout` seconds; 0 for any.
        workers: How many processes serve; the limits hold over all of them.
        root_path: The path under which a proxy offers the service, e.g. `/storage`.
        metrics: Whether there is `GET /metrics`, where prometheus-client is installed.
        shutdown_delay: Seconds from SIGTERM until no new connection is taken; `/readyz` is false meanwhile.
        drain_seconds: Seconds that requests in progress have to finish when the service is stopped.
        page: Whether `/` is a page for people, and `/admin/migration` where there is a migration.
        docs: Whether `/docs` describes the interface to people, and `/openapi.json` to machines.
        log_format: How these lines are written: for people, or as JSON.
        log_level: Least level of the lines that the service writes; at `debug`, failed requests have tracebacks.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        # Lists and pairs are written as people write them; `setting_text` reads them.
        enable_decoding=False,
        # Other programs have variables in the same file; `load_settings` names those that have our prefix.
        extra="ignore",
        # A value may be a secret.
        hide_input_in_errors=True,
    )

    mode: StorageMode = StorageMode.FILESYSTEM
    s3: Annotated[S3Config | None, group_of(S3Config)] = None
    fastdfs: Annotated[FastdfsConfig | None, group_of(FastdfsConfig)] = None
    filesystem: Annotated[FilesystemConfig, BeforeValidator(_rooted)] = Field(
        default_factory=lambda: FilesystemConfig(root=DEFAULT_ROOT)
    )
    fusion: FusionConfig = Field(default_factory=FusionConfig)
    file_types: Annotated[FileTypeConfig, group_of(FileTypeConfig)] = Field(default_factory=FileTypeConfig)
    max_file_size: ByteSize | None = None
    buckets: Annotated[frozenset[str], BeforeValidator(as_list)] = frozenset()
    groups: Annotated[frozenset[str], BeforeValidator(as_list)] = frozenset()
    folders: Annotated[frozenset[str], BeforeValidator(as_list)] = frozenset()
    migration: MigrationConfig | None = None
    fastdfs_links: FastdfsLinksConfig = Field(default_factory=FastdfsLinksConfig)
    mounts: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    new_files: str | None = None
    concurrent_files: int = Field(default=16, ge=1)

    host: str = "127.0.0.1"
    port: Annotated[int, BeforeValidator(_port)] = Field(default=8000, ge=0, le=65535)
    api_token: Annotated[SecretStr | None, AfterValidator(_not_blank)] = None
    tokens: Annotated[dict[str, TokenConfig], groups_of(TokenConfig)] = Field(default_factory=dict)
    link_keys: Annotated[dict[str, SecretStr], BeforeValidator(as_pairs), AfterValidator(_link_keys)] = Field(
        default_factory=dict
    )
    link_url: str = ""
    link_lifetime: int = Field(default=int(MAX_LIFETIME.total_seconds()), ge=1)
    allowed_hosts: Annotated[frozenset[str], BeforeValidator(as_list)] = frozenset()
    allowed_origins: Annotated[frozenset[str], BeforeValidator(as_list)] = frozenset()
    concurrent_uploads: int = Field(default=32, ge=1)
    concurrent_downloads: int = Field(default=128, ge=1)
    concurrent_archives: int = Field(default=16, ge=1)
    queue_timeout: float = Field(default=20, ge=0)
    client_share: float = Field(default=0.5, gt=0, le=1)
    rate_limit: float = Field(default=0, ge=0)
    rate_burst: int = Field(default=100, ge=1)
    list_memory: ByteSize = Field(default=ByteSize(256 * 1024 * 1024), gt=0)
    cache_control: Annotated[str, AfterValidator(_header_value)] = "no-cache"
    redirect_above: ByteSize | None = None
    idle_timeout: float = Field(default=60, gt=0)
    min_upload_rate: float = Field(default=500, ge=0)
    workers: int = Field(default=1, ge=1)
    root_path: Annotated[str, AfterValidator(_root_path)] = ""
    metrics: bool = True
    shutdown_delay: float = Field(default=0, ge=0)
    drain_seconds: int = Field(default=30, ge=0)
    page: bool = True
    docs: bool = True
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _open_to_others_only_with_a_token(self) -> Self:
        if not self.has_tokens and not is_loopback(self.host):
            raise ValueError(
                f"{PREFIX}HOST={self.host} lets other machines in: set {PREFIX}API_TOKEN as well, or "
                f"{PREFIX}TOKENS__..., or use 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _links_where_fastdfs_ids_are_answered(self) -> Self:
        if self.fastdfs_links.enabled:
            without = self.mode is StorageMode.S3 and self.migration is None
            if without or self.mode in {StorageMode.FILESYSTEM, StorageMode.MOUNTED}:
                raise ValueError(
                    f"{PREFIX}FASTDFS_LINKS{DELIMITER}ENABLED needs ids of FastDFS: the mode fastdfs or hybrid, "
                    f"or s3 with the migration's settings ({PREFIX}MIGRATION{DELIMITER}LEDGER)"
                )
        return self

    @model_validator(mode="after")
    def _pages_of_all_origins_only_with_a_token(self) -> Self:
        if ANY in self.allowed_origins and not self.has_tokens:
            raise ValueError(
                f"{PREFIX}ALLOWED_ORIGINS=* lets every page of the web read and change files: set {PREFIX}API_TOKEN or "
                f"{PREFIX}TOKENS__... as well, or list the origins"
            )
        return self

    @property
    def has_tokens(self) -> bool:
        """Whether clients need a token."""
        return self.api_token is not None or bool(self.tokens)

    def kit_config(self) -> KitConfig:
        """The same for the container.

        Raises:
            InvalidArgumentException: The mode needs a backend whose settings are missing; the message names them.
        """
        return KitConfig(
            mode=self.mode,
            s3=self.s3,
            fastdfs=self.fastdfs,
            filesystem=self.filesystem,
            fusion=self.fusion,
            validator=FileValidatorImpl(self.file_types, self.max_file_size),
            buckets=self._buckets_served(),
            groups=self.groups or None,
            folders=self.folders or None,
            concurrent_files=self.concurrent_files,
            mounts=installed_mounts(self.mounts),
            new_files=self.new_files,
            migration=self.migration,
            service_links=self._service_links(),
            fastdfs_links=self.fastdfs_links,
        )

    def _service_links(self) -> ServiceLinks | None:
        if not self.link_keys:
            return None
        keys = [LinkKey(name, secret.get_secret_value()) for name, secret in self.link_keys.items()]
        lifetime = timedelta(seconds=self.link_lifetime)
        return ServiceLinks(LinkKeys(keys, max_lifetime=lifetime), self.link_url or self.root_path)

    def _buckets_served(self) -> frozenset[str] | None:
        """Anybody can write an id, and an id names its bucket: only the buckets of the deployment are served."""
        if ANY in self.buckets:
            return None
        if self.mode is StorageMode.FILESYSTEM:
            return self.buckets | {self.filesystem.default_bucket}
        return self.buckets if self.s3 is None else self.buckets | self.s3.all_buckets


def load_settings(**given: object) -> Settings:
    """Settings from the environment and `.env`; what is given goes before both.

    Raises:
        InvalidArgumentException: A setting is missing, wrong or misspelt, or a line of `.env` cannot be read. The
            message names all of them, and no value.
    """
    env_file = EnvFile.read(Path(ENV_FILE))
    names = dict.fromkeys([*(PREFIX + name for name in given), *env_file.names, *os.environ])
    problems = misspelt_variables(names, Settings)
    settings: Settings | None = None
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # checked by pydantic, like the variables
    except ValidationError as error:
        # Pydantic finds misspelt members of a group as well; the variables know more names that may have been meant.
        problems = {_variable(place): text for place, text in problems_of(error, Settings)} | problems
    if settings is None or problems or env_file.problems:
        named = (f"{variable}: {text}" if variable else text for variable, text in problems.items())
        raise InvalidArgumentException("; ".join([*env_file.problems, *named]))
    return settings


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to the address; no name but `localhost` is looked up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _variable(location: Location) -> str:
    """The variable of a place in the settings; empty for a rule about several of them."""
    name = DELIMITER.join(part.upper() for part in location if isinstance(part, str))
    return PREFIX + name if name else ""
