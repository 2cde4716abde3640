"""Metrics of generated samples: fidelity, diversity, memorization, usefulness.

Metrics of distributions compare feature vectors [n, f]: `frechet_distance`,
`kernel_distance`, `prdc` (precision, recall, density, coverage), `copies` (distance to the
training data) and `discriminative_scores`. Features come from a `Features`, which has a
name that scores carry: `pixels`, `points`, `pca`, the activations of a small classifier
that is trained on the data itself (`train_classifier`), or those of a random network
(`random_network`). None of these needs downloaded weights; networks such as Inception-v3
are in `ganjax.pretrained`. `preprocessing` resizes images for them as published programs
do, and `feature_network` makes features of a network of one's own.

Metrics of single images compare each with an original: `psnr`, `ssim`, `hole_l1`,
`edge_iou`. `modes` and `mode_coverage` are for data whose modes are known.
`paired_bootstrap` estimates whether generated training data improves a classifier.

A `Metric` says which direction of a score is better. `evaluate` computes a dictionary of
all scores on one `Features`; `Modality.evaluator` decides which metrics fit a data set. All
metrics are computed by NumPy in float64.
"""

from ganjax.evaluation.bootstrap import (
    BootstrapInterval,
    balanced_weights,
    paired_bootstrap,
    significance,
)
from ganjax.evaluation.buffer import RowBuffer, StoredImages, row_buffer
from ganjax.evaluation.channels import ChannelClassifier, channel_classifier
from ganjax.evaluation.classifier import (
    Classifier,
    Settings as ClassifierSettings,
    train as train_classifier,
)
from ganjax.evaluation.copying import Copies, closest_samples, copies
from ganjax.evaluation.discriminative import (
    DiscriminativeScores,
    discriminative_scores,
)
from ganjax.evaluation.distances import NearestNeighbors, Rows, nearest_neighbors
from ganjax.evaluation.features import (
    Features,
    extract_features,
    pca,
    pixels,
    points,
)
from ganjax.evaluation.frechet import frechet_distance
from ganjax.evaluation.image_similarity import edge_iou, edges, hole_l1, psnr, ssim
from ganjax.evaluation.kernel import kernel_distance
from ganjax.evaluation.metric import Direction, Metric
from ganjax.evaluation.modes import ModeCoverage, Modes, mode_coverage, modes
from ganjax.evaluation.prdc import PRDC, prdc
from ganjax.evaluation.scores import (
    Reference,
    class_balance,
    evaluate,
    evaluate_real,
    metrics_on,
    reference,
    score,
    score_real,
)


__all__ = [
    "PRDC",
    "BootstrapInterval",
    "ChannelClassifier",
    "Classifier",
    "ClassifierSettings",
    "Copies",
    "Direction",
    "DiscriminativeScores",
    "Features",
    "Metric",
    "ModeCoverage",
    "Modes",
    "NearestNeighbors",
    "Reference",
    "RowBuffer",
    "Rows",
    "StoredImages",
    "balanced_weights",
    "channel_classifier",
    "class_balance",
    "closest_samples",
    "copies",
    "discriminative_scores",
    "edge_iou",
    "edges",
    "evaluate",
    "evaluate_real",
    "extract_features",
    "frechet_distance",
    "hole_l1",
    "kernel_distance",
    "metrics_on",
    "mode_coverage",
    "modes",
    "nearest_neighbors",
    "paired_bootstrap",
    "pca",
    "pixels",
    "points",
    "prdc",
    "psnr",
    "reference",
    "row_buffer",
    "score",
    "score_real",
    "significance",
    "ssim",
    "train_classifier",
]
