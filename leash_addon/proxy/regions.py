"""Which names a certificate authority must be allowed to sign for a provider's host pattern.

X.509 name constraints know exact names and whole subtrees, no wildcards. An exact host becomes
itself; ``*.openai.azure.com`` becomes the subtree ``openai.azure.com``, where every name is a
customer's own. A pattern with the wildcard elsewhere (``bedrock-runtime.*.amazonaws.com``,
``*-aiplatform.googleapis.com``) would need a subtree that covers a whole cloud, so it is spelled
out over the regions that the cloud has; a region that is not listed gets no leaf and no forgery.
"""

from collections.abc import Collection, Iterable

_AWS = (
    "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 "
    "ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 "
    "ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 "
    "eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 "
    "me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 "
    "us-gov-west-1 us-west-1 us-west-2"
)
"""https://docs.aws.amazon.com/general/latest/gr/bedrock.html (2025-11)"""

_GOOGLE = (
    "africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 "
    "asia-south1 asia-south2 asia-southeast1 asia-southeast2 australia-southeast1 "
    "australia-southeast2 europe-central2 europe-north1 europe-southwest1 europe-west1 "
    "europe-west12 europe-west2 europe-west3 europe-west4 europe-west6 europe-west8 "
    "europe-west9 me-central1 me-central2 me-west1 northamerica-northeast1 "
    "northamerica-northeast2 southamerica-east1 southamerica-west1 us-central1 us-east1 "
    "us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4 global us eu"
)
"""https://cloud.google.com/vertex-ai/docs/general/locations (2025-11)"""

_VOLCENGINE = ("cn-beijing",)
"""https://volcengine.com/docs/82379/1302013 (2024-12); name the host of another in leash.toml"""

_BYTEPLUS = ("ap-southeast",)
"""https://docs.byteplus.com/en/docs/ModelArk (2025-11); name the host of another in leash.toml"""

_CLOUDS = (
    (".amazonaws.com", tuple(_AWS.split())),
    (".api.aws", tuple(_AWS.split())),
    (".googleapis.com", tuple(_GOOGLE.split())),
    (".volces.com", _VOLCENGINE),
    (".bytepluses.com", _BYTEPLUS),
)

_TOO_WIDE = frozenset(
    {
        *(suffix.removeprefix(".") for suffix, _ in _CLOUDS),
        *("azure.com", "windows.net", "cloudapp.net", "azurewebsites.net", "openai.com"),
        *("google.com", "cloud.google.com", "run.app", "appspot.com", "cloudfront.net"),
    }
)
"""Names under which a whole cloud lives, or more than models: never permitted, whoever asks."""


def constraint_names(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the DNS names to permit, sorted, each once; addresses and bare ``*`` give none."""
    found: set[str] = set()
    for pattern in patterns:
        found.update(_expand(pattern.lower().partition(":")[0].rstrip(".")))
    return tuple(sorted(name for name in found - _TOO_WIDE if _is_dns_name(name)))


def _expand(pattern: str) -> Iterable[str]:
    if "*" not in pattern:
        return (pattern,)
    for suffix, regions in _CLOUDS:
        if pattern == "*" + suffix:
            return ()  # a region as a whole is a cloud as a whole
        if pattern.endswith(suffix):
            return (pattern.replace("*", region) for region in regions)
    subtree = pattern
    while subtree.startswith("*."):
        subtree = subtree.removeprefix("*.")
    return () if "*" in subtree or "." not in subtree else (subtree,)


def _is_dns_name(name: str) -> bool:
    labels = name.split(".")
    return not labels[-1].isdigit() and all(
        label and label.replace("-", "").replace("_", "").isalnum() for label in labels
    )


def permits(constraints: Collection[str], host: str) -> bool:
    """Tell whether a host is one of the permitted names or below one."""
    name = host.lower().rstrip(".")
    while name not in constraints:
        _, _, name = name.partition(".")
        if not name:
            return False
    return True
