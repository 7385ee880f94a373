"""The settings of links of FastDFS' nginx module."""

from typing import Annotated, Self

from pydantic import AfterValidator, ByteSize, Field, model_validator

from s3py_helper.application.fastdfs_links import FastdfsLinkRules
from s3py_helper.domain.fastdfs_token import DEFAULT_TTL
from s3py_helper.domain.settings_model import PathSetting, SettingsModel

_GROUP = r"^[A-Za-z0-9._-]{1,16}$"
_HEADER_VALUE = r"^[!-~]([ -~]*[!-~])?$"
_LOCATION = r"^/([A-Za-z0-9._~-]+/)+$"


def _not_blank(secret: str) -> str:
    if not secret.strip():
        raise ValueError("it is blank: give the secret, or leave the setting out")
    return secret


class FastdfsLinksConfig(SettingsModel, defer_build=True):
    """How links such as `/group1/M00/00/00/wKgB....jpg?token=...` are answered and made; see docs/old-links.md."""

    enabled: bool = False
    """Whether the service answers them."""
    secret: Annotated[str, AfterValidator(_not_blank)] | None = Field(default=None, repr=False)
    """The `secret_key` of http.conf. With it links need a token, and are made with one."""
    ttl: int = Field(default=int(DEFAULT_TTL.total_seconds()), ge=0)
    """`token_ttl` of http.conf: seconds for which a link works from the moment on that it carries."""
    group_in_path: bool = True
    """`url_have_group_name` of mod_fastdfs.conf: whether paths begin with the group."""
    default_group: str | None = Field(default=None, pattern=_GROUP)
    """The group of paths that name none."""
    deny_page: PathSetting | None = None
    """`token_check_fail` of http.conf: a file, mostly a picture, that is sent where a token is wrong."""
    strict: bool = False
    """Answer ranges, file names and wrong tokens as the module does, where programs may rely on its deviations."""
    cache_control: str | None = Field(default=None, pattern=_HEADER_VALUE)
    """The header `Cache-Control` of files; none by default, as from the module."""
    redirect_above: ByteSize | None = Field(default=None, ge=0)
    """Bytes above which a file in S3 is left to S3: the client gets a presigned URL."""
    accel_location: str | None = Field(default=None, pattern=_LOCATION)
    """An internal location of an nginx in front (`/_s3/`), which then fetches such files itself."""

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if not self.group_in_path and self.default_group is None:
            raise ValueError("without the group in the path a default_group is needed")
        if self.deny_page is not None and self.secret is None:
            raise ValueError("a deny_page is for wrong tokens, which there are with a secret only")
        if self.accel_location is not None and self.redirect_above is None:
            raise ValueError("an accel_location is for files over a size: set redirect_above")
        return self


def rules_of(config: FastdfsLinksConfig) -> FastdfsLinkRules:
    """What links mean, and how they are made, as a deployment says."""
    return FastdfsLinkRules(
        secret=config.secret,
        ttl=config.ttl,
        group_in_path=config.group_in_path,
        default_group=config.default_group,
        strict=config.strict,
    )
