"""VGG-16's tensors; its parity is tested elsewhere."""

import pytest

from ganjax.errors import UsageError
from ganjax.evaluation.preprocessing import pil
from ganjax.pretrained import vgg
from ganjax.pretrained.conversion import released_shape


def test_the_network_has_torchvisions_tensors_but_for_the_classifiers():
    shapes = vgg.variable_shapes()
    table = vgg.table()
    assert sorted(leaf.path for leaf in table.values()) == sorted(shapes)
    theirs = {
        name: released_shape(leaf, shapes[leaf.path].shape)
        for name, leaf in table.items()
    }
    assert len(theirs) == 2 * (13 + 2)
    assert theirs["features.28.weight"] == (512, 512, 3, 3)
    assert theirs["classifier.0.weight"] == (4096, 25088)
    assert theirs["classifier.3.bias"] == (4096,)


def test_another_size_of_images_is_refused():
    with pytest.raises(UsageError, match="sees images of 224 pixels.* makes them 299"):
        vgg.features("absent.pth", pil(299))
