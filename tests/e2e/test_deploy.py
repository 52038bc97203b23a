"""The README's deploy part: what of it can be checked without a cluster, an image or a boot."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.e2e.nursery import Nursery

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOKEN = "leash_" + "d" * 43


def block(language: str) -> str:
    """Return the README's one block of a language that starts as the deploy part's does."""
    found = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return str(found[-1])


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their arguments."""
    lines = [line for line in block("dockerfile").splitlines() if line]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


@pytest.mark.parametrize(
    "manifest",
    list(yaml.safe_load_all(block("yaml"))),
    ids=lambda found: f"{found['kind']} {found['metadata']['name']}",
)
def test_a_manifest_fits_the_schema_of_its_kind(manifest: dict[str, object]) -> None:
    """Kubernetes' own schemas allow it, and know every key of it."""
    kubernetes_validate.validate(manifest, "1.31", strict=True)


def test_the_deployment_asks_the_probes_that_there_are() -> None:
    """Probes and ports of the manifest are those of the image's entry point."""
    (deployment, *_) = yaml.safe_load_all(block("yaml"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    words = json.loads(dict(instructions())["ENTRYPOINT"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert words[words.index("--listen") + 1].endswith(f":{ports['proxy']}")
    assert words[words.index("--admin") + 1].endswith(f":{ports['admin']}")
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_image_starts_and_tells_its_health(tmp_path: Path, nursery: Nursery) -> None:
    """Its entry point, with the deployment's arguments, serves, and its health check passes."""
    found = dict(instructions())
    (deployment, *_) = yaml.safe_load_all(block("yaml"))
    more = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    words = [
        word.replace("0.0.0.0:8088", "127.0.0.1:0") for word in json.loads(found["ENTRYPOINT"])
    ]
    words = [word.replace("0.0.0.0:9090", "127.0.0.1:0") for word in words]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LEASH_AUTH_TOKEN": TOKEN}
    env["PYTHONPATH"] = str(ROOT)
    process = nursery.popen(
        (*words[1:], *more),
        cwd=tmp_path,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = ""
    while "serving on" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    admin = re.search(r"admin on (\S+)", said)
    assert admin is not None
    check = json.loads(found["HEALTHCHECK"].partition("CMD ")[2])
    url = f"http://{admin[1]}/readyz"
    health = nursery.popen((*check[1:], "--url", url), cwd=tmp_path, env=env)
    assert health.wait(60) == 0
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_image_copies_what_exists_and_runs_as_nobody_special() -> None:
    """The sources are those of a checkout, the user is no root, and the home is a volume."""
    found = instructions()
    sources = [rest.split()[0] for word, rest in found if word == "COPY" and "--from" not in rest]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [rest for word, rest in found if word == "USER"] == ["10001"]
    assert dict(found)["VOLUME"] in dict(found)["ENV"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """``systemd-analyze verify`` finds nothing to say about the unit."""
    unit = tmp_path / "leash.service"
    unit.write_text(block("ini").replace("/opt/leash/bin/leash", "/bin/true"))
    words = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "leash.service" in line]
    assert (done.returncode, ours) == (0, [])
