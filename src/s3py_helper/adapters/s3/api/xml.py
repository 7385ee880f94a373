"""Responses whose body is XML."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring

from s3py_helper.adapters.s3.api.error_response import parse_error_response
from s3py_helper.adapters.s3.http.client import Response

_LARGEST: Final = 8 * 1024 * 1024
"""Bytes; a page of 1000 uploads with the longest keys has a quarter of that."""


class NotXml(Exception):
    """The response's body is not the XML that is expected."""


@dataclass(frozen=True, slots=True)
class XmlDocument:
    """A response that was read as a whole.

    Attributes:
        root: Its XML.
        headers: By name in lower case.
    """

    root: Element
    headers: Mapping[str, str]

    def text_of(self, name: str) -> str:
        """The text of an element below the root, in whatever namespace; empty where there is none."""
        return self.root.findtext(f"{{*}}{name}", "")


async def read_xml(response: Response, must_have: str | None = None) -> XmlDocument:
    """Read a response's body.

    Args:
        response: The response; it is read to its end, or an error is raised.
        must_have: An element below the root that must be there and have text.

    Raises:
        ErrorResponse: The body is an error although the status is not: the server began to respond before it knew
            (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
        NotXml: It is not XML, too large, or lacks the element that it must have.
    """
    body = b""
    while chunk := await response.read():
        body += chunk
        if len(body) > _LARGEST:
            raise NotXml(f"a response of more than {_LARGEST} bytes")
    try:
        # Servers send blanks in front to keep the connection alive while they work.
        root = fromstring(body.strip())  # noqa: S314 - the server is the configured one; expat bounds entities
    except ParseError as error:
        raise NotXml(str(error)) from None
    name = root.tag.rpartition("}")[2]
    if name == "Error":
        raise parse_error_response(response.status, response.headers, body)
    if not name.endswith(("Result", "Response", "Tagging", "Configuration")):
        # All roots expected here end like this, other servers' too; that of a well-formed web page does not.
        raise NotXml(f"a document called {name}")
    xml = XmlDocument(root, response.headers)
    if must_have is not None and not xml.text_of(must_have):
        raise NotXml(f"a response without {must_have}")
    return xml
