"""Forms read while they arrive, in whatever pieces."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.entrypoints.http.uploads.form_errors import FormException
from s3py_helper.entrypoints.http.uploads.form_reader import MAX_PARTS, MAX_UNUSED_BYTES, FormReader
from s3py_helper.entrypoints.http.uploads.part_head import MAX_HEAD_BYTES, PartHead

TYPE = "multipart/form-data; boundary=edge"
END = b"--edge--\r\n"


def _part(field: str, content: bytes, *, file_name: bytes | None = None, more: bytes = b"") -> bytes:
    named = b"" if file_name is None else b'; filename="%b"' % file_name
    return b'--edge\r\nContent-Disposition: form-data; name="%b"%b\r\n%b\r\n%b\r\n' % (
        field.encode(),
        named,
        more,
        content,
    )


async def _in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


async def _read(body: bytes, *, content_type: str | None = TYPE, piece: int = 65536) -> list[tuple[PartHead, bytes]]:
    form = FormReader(content_type, _in_pieces(body, piece))
    parts: list[tuple[PartHead, bytes]] = []
    while (head := await form.next_part()) is not None:
        parts.append((head, b"".join([chunk async for chunk in form.content()])))
    assert await form.next_part() is None
    return parts


# Everything that could be taken for a boundary.
_TRICKY = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n--", b"\r\n--edge", b"edge", b"\r\n--edgy", b"x"]))


@given(contents=st.lists(st.binary(max_size=200) | _TRICKY.map(b"".join), max_size=4), piece=st.integers(1, 300))
async def test_contents_come_out_as_they_went_in(contents: list[bytes], piece: int) -> None:
    contents = [content for content in contents if b"\r\n--edge" not in b"\r\n" + content]
    body = b"".join(_part(f"f{n}", content, file_name=b"n") for n, content in enumerate(contents)) + END
    parts = await _read(body, piece=piece)
    assert [(head.field, content) for head, content in parts] == [(f"f{n}", c) for n, c in enumerate(contents)]


@pytest.mark.parametrize("piece", [1, 2, 7, 65536])
async def test_heads_tell_name_and_type(piece: int) -> None:
    body = _part("file", b"x", file_name="Größe.txt".encode(), more=b"CONTENT-type:  text/plain \r\n") + _part(
        "n", b"1"
    )
    heads = [head for head, _ in await _read(body + END, piece=piece)]
    assert heads == [PartHead("file", "Größe.txt", "text/plain"), PartHead("n", None, None)]


async def test_a_quotation_mark_is_unescaped_whichever_way_it_was_escaped() -> None:
    body = _part("a", b"", file_name=rb"say \"hi\"") + _part("b", b"", file_name=b"say %22hi%22") + END
    assert [head.file_name for head, _ in await _read(body)] == ['say "hi"', 'say "hi"']


async def test_what_is_not_read_is_passed_over() -> None:
    form = FormReader(TYPE, _in_pieces(_part("a", bytes(1000)) + _part("b", b"wanted") + END, 10))
    assert (await form.next_part(), await form.next_part()) == (PartHead("a", None, None), PartHead("b", None, None))
    assert [chunk async for chunk in form.content()]


async def test_bytes_are_asked_for_one_piece_at_a_time() -> None:
    given_out = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal given_out
        for piece in (_part("file", b"")[:-2], b"one", b"two", b"three\r\n" + END):
            given_out += 1
            yield piece

    form = FormReader(TYPE, body())
    await form.next_part()
    assert given_out == 1
    chunks = form.content()
    await anext(chunks)
    assert given_out == 2


async def test_an_empty_form_has_no_parts() -> None:
    assert await _read(END) == []


@pytest.mark.parametrize("piece", [1, 7, 65536])
@pytest.mark.parametrize("epilogue", [b"", b"\r\n", b"epilogue", b"\r\n--edge\r\n", b"\r\n--edge--\r\n", bytes(5000)])
async def test_what_follows_the_form_is_passed_over(epilogue: bytes, piece: int) -> None:
    body = _part("file", b"content") + b"--edge--" + epilogue
    assert [content for _, content in await _read(body, piece=piece)] == [b"content"]


async def test_the_form_ends_only_with_the_body() -> None:
    given_out: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        for piece in (_part("file", b"content") + END, b"more", b"and more"):
            given_out.append(piece)
            yield piece

    form = FormReader(TYPE, body())
    await form.next_part()
    assert [chunk async for chunk in form.content()] == [b"content"]
    assert len(given_out) == 1
    assert await form.next_part() is None
    assert given_out[-1] == b"and more"
    assert await form.next_part() is None


@pytest.mark.parametrize(
    ("content_type", "body", "told"),
    [
        ("application/json", b"{}", "expected a body of type multipart/form-data, got 'application/json'"),
        (None, b"", "multipart/form-data, got None"),
        ("multipart/form-data", b"x", "names no boundary"),
        ("multipart/form-data; boundary=" + "b" * 300, b"x", "invalid form"),
        (TYPE, b"", "ends before its closing boundary"),
        (TYPE, b"no form at all", "invalid form"),
        (TYPE, _part("file", b"cut short"), "ends before its closing boundary"),
        (TYPE, b"--edge\r\n\r\ncontent\r\n" + END, "no valid header 'Content-Disposition"),
        (
            TYPE,
            b"--edge\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n" + END,
            "no valid header 'Content-Disposition",
        ),
        (TYPE, _part("x", b"") * (MAX_PARTS + 1) + END, f"{MAX_PARTS} parts"),
        (TYPE, _part("file", b"x", more=b"A: %b\r\n" % (b"b" * 4000) * 6) + END, f"{MAX_HEAD_BYTES} bytes of headers"),
        (TYPE, _part("file", b"x", file_name=b"x" * 20000) + END, "invalid form|bytes of headers"),
        (TYPE, _part("file", b"x", more=b"A: b\r\n" * 5000) + END, "invalid form|bytes of headers"),
        (TYPE, _part("file", b"x", file_name=b"\xff") + END, "file name in the form is not UTF-8"),
        (TYPE, _part("file", b"x").replace(b'"file"', b'"\xff"') + END, "a field name in the form is not UTF-8"),
        (TYPE, _part("file", b"eA==", more=b"Content-Transfer-Encoding: base64\r\n") + END, "'base64'"),
    ],
    ids=range(16),
)
@pytest.mark.parametrize("piece", [1, 65536])
async def test_a_malformed_form_is_refused_with_the_reason(
    content_type: str | None, body: bytes, told: str, piece: int
) -> None:
    with pytest.raises(FormException, match=told):
        await _read(body, content_type=content_type, piece=piece)


async def test_what_has_just_the_size_allowed_is_taken() -> None:
    assert len(await _read(_part("x", b"") * MAX_PARTS + END)) == MAX_PARTS
    form = FormReader(TYPE, _in_pieces(_part("comment", bytes(MAX_UNUSED_BYTES)) + _part("file", b"a") + END, 65536))
    await form.next_part()
    head = await form.next_part()
    assert head is not None
    assert head.field == "file"
    lines = b'Content-Disposition: form-data; name="x"\r\n'
    for more in (b"A: %b\r\n" % (b"b" * (4096 - 5)), b"%b: b\r\n" % (b"a" * (4096 - 5))):
        head_ = more * 3 + b"C: %b\r\n" % (b"d" * (4096 - len(lines) - 5))
        assert len(head_ + lines) == MAX_HEAD_BYTES
        assert len(await _read(_part("x", b"", more=head_) + END)) == 1
        with pytest.raises(FormException, match=f"more than {MAX_HEAD_BYTES} bytes of headers"):
            await _read(_part("xy", b"", more=head_) + END)


@pytest.mark.parametrize("encoding", [b"7bit", b" Binary ", b"8BIT", b""])
async def test_encodings_that_change_nothing_are_taken(encoding: bytes) -> None:
    [(_, content)] = await _read(_part("file", b"eA==", more=b"Content-Transfer-Encoding: %b\r\n" % encoding) + END)
    assert content == b"eA=="


async def test_bytes_that_nobody_wants_are_bounded() -> None:
    form = FormReader(TYPE, _in_pieces(_part("comment", bytes(MAX_UNUSED_BYTES + 1)) + END, 65536))
    await form.next_part()
    with pytest.raises(FormException, match=f"more than {MAX_UNUSED_BYTES} bytes"):
        await form.next_part()


async def test_what_follows_the_form_is_bounded() -> None:
    form = FormReader(TYPE, _in_pieces(END + bytes(MAX_UNUSED_BYTES + 65536), 65536))
    with pytest.raises(FormException, match=f"more than {MAX_UNUSED_BYTES} bytes"):
        await form.next_part()
