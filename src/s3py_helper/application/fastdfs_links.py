"""Old links, as FastDFS' nginx module serves them: parsing those of requests, and making new ones."""

from dataclasses import dataclass, field
from datetime import timedelta
from time import time

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.fastdfs_link import LinkPath, LinkQuery, link_path
from s3py_helper.domain.fastdfs_token import DEFAULT_TTL, TokenVerdict, check_fastdfs_token, fastdfs_token, moment_for
from s3py_helper.domain.file_id import Backend, FileId


@dataclass(frozen=True, slots=True)
class FastdfsLinkRules:
    """How one deployment reads and makes old links.

    Attributes:
        secret: The shared secret of tokens; `None` where links have none.
        ttl: Seconds for which a token works, from the time in it on.
        group_in_path: Whether paths begin with the group.
        default_group: The group that paths leave out.
        strict: Whether paths of the other form are refused.
    """

    secret: str | None = field(default=None, repr=False)
    ttl: int = int(DEFAULT_TTL.total_seconds())
    group_in_path: bool = True
    default_group: str | None = None
    strict: bool = False

    def file_id_of(self, link: LinkPath) -> str:
        """The id of the file that a link names.

        Raises:
            InvalidArgumentException: It does not have the form of a link.
            FileNotFoundException: It has, but no such file can exist.
        """
        if self.strict and (link.group is not None) is not self.group_in_path:
            expected = "begins" if self.group_in_path else "does not begin"
            raise InvalidArgumentException(f"the path of a link {expected} with the group", operation="download")
        return link.file_id(self.default_group)

    def verdict_on(self, link: LinkPath, query: LinkQuery, now: float) -> TokenVerdict:
        """Whether a link's token is right; without a secret every one is.

        Args:
            link: The path.
            query: The query.
            now: The current time in Unix seconds.
        """
        if self.secret is None:
            return TokenVerdict.VALID
        return check_fastdfs_token(link.name, self.secret, query.token, query.ts, ttl=self.ttl, now=now)

    def link(self, file_id: FileId, expires_in: timedelta | None, file_name: str | None = None) -> str:
        """Path and query of a link.

        Args:
            file_id: A FastDFS id.
            expires_in: How long the link works; `None` for ever.
            file_name: Makes browsers save the file, under this name.

        Raises:
            InvalidArgumentException: No link can name the file, or last that long.
        """
        if file_id.backend != Backend.FASTDFS:
            raise InvalidArgumentException(f"links of FastDFS are for its ids only, not {file_id}", operation="link")
        LinkPath(file_id.bucket, file_id.key).file_id()
        if not self.group_in_path and file_id.bucket != self.default_group:
            raise InvalidArgumentException(
                f"links here name no group, and mean {self.default_group}: {file_id} has none", operation="link"
            )
        group = file_id.bucket if self.group_in_path else None
        return link_path(group, file_id.key, filename=file_name, token=self._token(file_id.key, expires_in))

    def _token(self, name: str, expires_in: timedelta | None) -> tuple[str, int] | None:
        if self.secret is None:
            if expires_in is not None:
                raise InvalidArgumentException(
                    "without a secret links have no token and never expire: set one, or pass expires_in=None",
                    operation="link",
                )
            return None
        moment = moment_for(expires_in, ttl=self.ttl, now=time())
        return fastdfs_token(name, self.secret, moment), moment
