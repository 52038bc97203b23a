"""Whether a request asks about more input than its bytes show: then they bound no cost.

A stored answer or conversation, a file or cache by its name, an address to fetch; and documents,
images and film in the body itself, which are billed by page, pixel and second. Where it is not
sure it says yes.
"""

from typing import Final

import re2

UNSEEN: Final = re2.compile(
    rb'"(?:previous_response_id|conversation|file_id|file_ids|file_uri|fileUri|file_url|cachedContent'
    rb"|cached_content|container|vector_store_ids|image_url|imageUrl|images|document_url)"
    rb'"[ \t\n\r]*:[ \t\n\r]*["{\[]'
    rb'|"(?:type)"[ \t\n\r]*:[ \t\n\r]*'
    rb'"(?:image|document|input_image|input_file|file|video|video_url)"'
    rb'|"(?:inlineData|inline_data|fileData|file_data)"[ \t\n\r]*:'
    rb'|"url"[ \t\n\r]*:[ \t\n\r]*"(?:https?|gs|s3|data):'
)
"""Members as they stand in JSON; inside a string their quotes would be escaped."""


def has_unseen_input(body: bytes) -> bool:
    """Tell whether input beyond the text of the body will be billed. Never raises."""
    return UNSEEN.search(body) is not None
