"""What feature networks make of drawn weights and images, for the tests to compare with.

`python tools/fixtures_feature_networks.py CHECKOUT` takes a checkout of
facebookresearch/dinov2 and writes the tests' fixtures feature_inception.npz,
feature_vgg.npz and feature_vit.npz. Needs PyTorch, torchvision, timm, pytorch-fid and
torch-fidelity.
"""

from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from fixtures_preprocessing import rgb
from torch_side import Args, keep, nchw, released
from weights import Shape, by_fan_in, drawn, fill, he, mixed_images

from ganjax.run import command


IMAGES = 8  # of mixed sizes, of which every
EVERY = 16  # feature is kept
# Small networks as timm makes them, and the side of their images.
SMALL = {"embed_dim": 48, "depth": 3, "num_heads": 3, "num_classes": 0}
TIMM = {
    "dinov2": ("vit_small_patch14_dinov2", 70, {}),
    "dinov2_giant": ("vit_giant_patch14_dinov2", 70, {}),
    "clip": ("vit_base_patch16_clip_quickgelu_224", 64, {"num_classes": 20}),
    "mae": ("vit_base_patch16_224", 64, {}),
    "siglip": ("vit_base_patch16_siglip_224", 64, {}),
}


def with_weights(net: Any, size: Any) -> Any:
    """The network with drawn weights."""
    shapes: dict[str, Shape] = {
        name: tuple(x.shape)
        for name, x in net.state_dict().items()
        if x.dtype == torch.float32
    }
    weights = fill(shapes, size)
    found = {name: torch.from_numpy(np.asarray(x)) for name, x in weights.items()}
    net.load_state_dict(found, strict=False)
    return net.eval()


def fid_inception() -> Any:
    """pytorch-fid's network with drawn weights, without the download of its own."""
    import pytorch_fid.inception as program
    import torchvision

    load = torchvision.models.Inception3.load_state_dict
    program.load_state_dict_from_url = lambda *args, **kwargs: None
    torchvision.models.Inception3.load_state_dict = lambda self, state: None
    net = program.fid_inception_v3()
    torchvision.models.Inception3.load_state_dict = load
    return with_weights(net, he)


def pytorch_fid(net: Any) -> Any:
    """pytorch-fid's function of one uint8 image."""
    import pytorch_fid.inception as program

    program.fid_inception_v3 = lambda: net
    pool = program.InceptionV3([3]).eval()
    return lambda image: pool(nchw(np.float32(image[None]) / 255))[0][:, :, 0, 0]


def torch_fidelity(net: Any, layers: list[str]) -> Any:
    """torch-fidelity's function of one uint8 image, with the same weights."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    with TemporaryDirectory() as folder:
        torch.save(net.state_dict(), f"{folder}/weights.pth")
        extractor = FeatureExtractorInceptionV3(
            "inception", layers, feature_extractor_weights_path=f"{folder}/weights.pth"
        )
    return lambda image: extractor(nchw(image[None]))


def vgg16() -> Any:
    """torch-fidelity's function of one uint8 image, for VGG-16."""
    import torchvision
    from torch_fidelity.feature_extractor_vgg16 import FeatureExtractorVGG16

    with TemporaryDirectory() as folder:
        state = with_weights(torchvision.models.vgg16(), he).state_dict()
        torch.save(state, f"{folder}/weights.pth")
        extractor = FeatureExtractorVGG16(
            "vgg16",
            ["fc2_relu"],
            feature_extractor_weights_path=f"{folder}/weights.pth",
        )
    return lambda image: extractor(nchw(image[None]))[0]


def openai_clip() -> tuple[Any, int]:
    """OpenAI's image tower, as torch-fidelity copies it, and the side of its images."""
    from torch_fidelity.feature_extractor_clip import CLIPVisual

    return with_weights(CLIPVisual(20, 64, 3, 128, 16), by_fan_in), 64


def main(args: Args) -> None:
    import timm

    images = [rgb(image) for image in mixed_images(IMAGES)]
    net = fid_inception()
    fid = pytorch_fid(net)
    fidelity = torch_fidelity(net, ["2048", "logits_unbiased"])
    both = [fidelity(image) for image in images]
    keep(
        args.out,
        "feature_inception",
        pytorch_fid=torch.cat([fid(image) for image in images])[:, ::EVERY],
        torch_fidelity=torch.cat([x for x, _ in both])[:, ::EVERY],
        probabilities=torch.cat([y.double().softmax(1) for _, y in both])[:, ::EVERY],
    )
    vgg = vgg16()
    found = torch.cat([vgg(image) for image in images])
    keep(args.out, "feature_vgg", fc2=found[:, ::EVERY])

    vectors = {}
    for name, (model, side, more) in TIMM.items():
        vit = timm.create_model(model, img_size=side, **SMALL | more)
        image = nchw(drawn("image", (3, side, side, 3)))
        vectors[name] = with_weights(vit, by_fan_in)(image)
    clip, side = openai_clip()
    vectors["openai"] = clip.visual(nchw(drawn("image", (3, side, side, 3))))
    # The authors' DINOv2 at another size than that of its positions.
    program = released(args.checkout, "dinov2.models.vision_transformer")
    own = program.DinoVisionTransformer(
        img_size=70,
        patch_size=14,
        embed_dim=48,
        depth=3,
        num_heads=3,
        init_values=1.0,
        block_chunks=0,
        interpolate_antialias=False,
        interpolate_offset=0.1,
    )
    vit = with_weights(own, by_fan_in)
    for name, side in (("dinov2_smaller", 42), ("dinov2_larger", 112)):
        vectors[name] = vit(nchw(drawn("image", (3, side, side, 3))))
    keep(args.out, "feature_vit", **vectors)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    command(main)
