"""Whether a request asks about more input than its bytes show: then they bound no cost.

A stored answer or conversation, a file or cache by its name, an address to fetch; and documents,
images and film in the body itself, which are billed by page, pixel and second. Where it is not
sure it says yes.
"""

from typing import Final

import re2

NAMES: Final = (
    "previous_response_id",
    "conversation",
    "file_id",
    "file_ids",
    "file_uri",
    "fileUri",
    "file_url",
    "cachedContent",
    "cached_content",
    "container",
    "vector_store_ids",
    "image_url",
    "imageUrl",
    "images",
    "document_url",
)
TYPES: Final = ("image", "document", "input_image", "input_file", "file", "video", "video_url")
INLINE: Final = ("inlineData", "inline_data", "fileData", "file_data")
ADDRESSES: Final = ("http:", "https:", "gs:", "s3:", "data:")


def _spelt(*names: str) -> str:
    """Match names as JSON may write them: any character may be an escape (RFC 8259, section 7)."""
    return f"(?:{'|'.join(''.join(map(_character, name)) for name in names)})"


def _character(of: str) -> str:
    digits = "".join(f"[{each}{each.upper()}]" for each in f"{ord(of):02x}")
    return rf"(?:{of}|\\u00{digits})"


COLON: Final = r"[ \t\n\r]*:[ \t\n\r]*"
UNSEEN: Final = re2.compile(
    "|".join(
        (
            f'"{_spelt(*NAMES)}"{COLON}["{{\\[]',
            f'"{_spelt("type")}"{COLON}"{_spelt(*TYPES)}"',
            f'"{_spelt(*INLINE)}"{COLON}',
            f'"{_spelt("url")}"{COLON}"{_spelt(*ADDRESSES)}',
        )
    ).encode()
)
"""Members as they stand in JSON; inside a string their quotes would be escaped."""


def has_unseen_input(body: bytes) -> bool:
    """Tell whether input beyond the text of the body will be billed. Never raises."""
    return UNSEEN.search(body) is not None
