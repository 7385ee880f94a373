"""REDbot asks for a resource in several ways and judges what it gets: a program that takes URLs and writes JSON."""

import json
import sys
from configparser import ConfigParser

import thor
from httplint.note import levels
from redbot.resource import HttpResource  # type: ignore[import-untyped]  # it ships no types


def main() -> None:
    """Write what is bad about each of the URLs."""
    config = ConfigParser()
    config.read_dict({"redbot": {"enable_local_access": "True"}})
    found: dict[str, list[str]] = {}

    def check(urls: list[str]) -> None:
        if not urls:
            thor.stop()
            return
        resource = HttpResource(config["redbot"])
        resource.set_request(urls[0])

        def judge() -> None:
            fetched = [resource, *resource.subreqs.values()]
            bad = [note for one in fetched for note in one.response.notes if note.level == levels.BAD]
            failed = [f"{one.check_name}: {one.fetch_error}" for one in fetched if one.fetch_error]
            found[urls[0]] = [*(f"{note.subject}: {note.summary}" for note in bad), *failed]
            check(urls[1:])

        resource.on("check_done", judge)
        resource.check()

    check(sys.argv[1:])
    thor.run()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
