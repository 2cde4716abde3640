"""The named protocols: their names, weights and preprocessing."""

import urllib.error
import urllib.request

import pytest

from ganjax.errors import UsageError
from ganjax.evaluation.features import Features
from ganjax.pretrained import inception, protocols, vit


FEATURES = Features("any", lambda images: images)
every_protocol = pytest.mark.parametrize(
    "protocol", protocols.PROTOCOLS, ids=lambda protocol: protocol.name
)


def test_the_names_are_those_of_the_command_line():
    names = [protocol.name for protocol in protocols.PROTOCOLS]
    assert names == [
        *("nvidia", "pytorch-fid", "clean-fid", "torch-fidelity", "adm"),
        *("dgm-eval", "edm2"),
    ]


@every_protocol
def test_the_digest_of_the_published_file_is_checked(protocol, monkeypatch, tmp_path):
    assert len(protocol.sha256) == 64 and protocol.address.startswith("https://")
    asked = []

    def read(where, sha256="", part=""):
        asked.append((where, sha256))
        raise UsageError("stop")

    monkeypatch.setattr(inception.tensors, "read", read)
    for where in (protocol.address, "converted.safetensors"):
        with pytest.raises(UsageError, match="stop"):
            protocol.features(where)
    assert asked == [
        (protocol.address, protocol.sha256),
        ("converted.safetensors", ""),
    ]


@every_protocol
def test_features_have_the_networks_name_and_the_preprocessings(protocol, monkeypatch):
    made = []
    for module in (inception, vit):
        monkeypatch.setattr(module.tensors, "read", lambda *args: {})
        monkeypatch.setattr(module, "load", lambda *args: {"fc": {"kernel": 0}})
        monkeypatch.setattr(
            module,
            "feature_network",
            lambda *args, **more: made.append(args) or FEATURES,
        )
    protocol.features("weights.safetensors")
    ((name, *args),) = made
    on_dinov2 = protocol.name in ("dgm-eval", "edm2")
    assert name == ("dinov2-l" if on_dinov2 else "inception")
    assert args[2] is protocol.preprocessing
    assert protocol.preprocessing.size == (224 if on_dinov2 else 299)
    # Only Inception's features are a classifier's.
    assert not (on_dinov2 and (protocol.splits or protocol.split_size))


@every_protocol
def test_weights_that_are_absent_give_one_sentence(protocol, monkeypatch, tmp_path):
    with pytest.raises(UsageError, match=r"^There is no file .*: give the path or URL"):
        protocol.features(str(tmp_path / "absent.pth"))

    def urlopen(url, timeout):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    said = r"could not be fetched .*no route to host.*: give the path of a copy\.$"
    with pytest.raises(UsageError, match=said):
        protocol.features(protocol.address)


def test_no_two_protocols_are_alike():
    told = [
        (x.preprocessing.name, x.address, x.real, x.fake, x.splits, x.split_size)
        for x in protocols.PROTOCOLS
    ]
    assert len(set(told)) == len(told)
    notes = [x.note for x in protocols.PROTOCOLS]
    assert all(note.endswith(".") for note in notes) and len(set(notes)) == len(notes)
