"""Metrics of generated samples: fidelity, diversity, memorization, usefulness.

Metrics of distributions compare feature vectors [n, f]. `score_features` computes all that
two sets have; each is a function, too: the Fréchet distance and its ratio to that of real
data (`frechet_distance`, `frechet_ratio`), kernel distances (`kid`, `kad`, `cmmd`), sliced
transport (`mind`), `prdc` (precision, recall, density, coverage) and `clipped_scores`,
`inception_score`, and of memorization `copies`, `authenticity`, `c_t` and
`feature_likelihood`. `update_moments` keeps a running mean and covariance. Features come
from a `Features`, which has a name that scores carry: `pixels`, `points`, `pca`, the
activations of a small classifier that is trained on the data itself (`train_classifier`),
or those of a random network (`random_network`). None of these needs downloaded weights;
networks such as Inception-v3 are in `ganjax.pretrained`. `preprocessing` resizes images for
them as published programs do, and `feature_network` makes features of a network of one's
own.

Metrics of single images compare each with an original: `psnr`, `ssim`, `ms_ssim`,
`hole_l1`, `edge_iou`; `mean_over_pairs` compares samples with each other.
`perceptual_path_length` needs the generator. `modes` and `mode_coverage` are for data whose
modes are known. `classification_accuracy` trains a classifier on samples, and
`paired_bootstrap` estimates whether samples improve one that real data trains.

`score_interval`, `over_seeds` and `compare_over_seeds` say how sure a score is.

A `Metric` says which direction of a score is better. `evaluate` computes a dictionary of
all scores on one `Features`; `Modality.evaluator` decides which metrics fit a data set. All
metrics are computed by NumPy in float64.
"""

from ganjax.evaluation.bootstrap import (
    balanced_weights,
    paired_bootstrap,
    significance,
)
from ganjax.evaluation.buffer import RowBuffer, StoredImages, row_buffer
from ganjax.evaluation.channels import ChannelClassifier, channel_classifier
from ganjax.evaluation.classification_accuracy import (
    ClassificationAccuracy,
    classification_accuracy,
)
from ganjax.evaluation.classifier import (
    Classifier,
    LabeledImages,
    Settings as ClassifierSettings,
    contents as contents_of_images,
    load_or_train as load_or_train_classifier,
    train as train_classifier,
)
from ganjax.evaluation.clipped import ClippedScores, clipped_scores
from ganjax.evaluation.copying import Copies, closest_samples, copies
from ganjax.evaluation.discriminative import (
    DiscriminativeScores,
    discriminative_scores,
)
from ganjax.evaluation.distances import NearestNeighbors, Rows, nearest_neighbors
from ganjax.evaluation.diversity import PairScore, mean_over_pairs
from ganjax.evaluation.feature_metric import (
    FeatureMetric,
    FeatureMetrics,
    FeatureSet,
)
from ganjax.evaluation.features import (
    Features,
    extract_features,
    pca,
    pixels,
    points,
)
from ganjax.evaluation.frechet import (
    frechet_distance,
    frechet_from_moments,
    frechet_ratio,
    intra_class_frechet,
)
from ganjax.evaluation.image_similarity import (
    edge_iou,
    edges,
    hole_l1,
    ms_ssim,
    psnr,
    ssim,
)
from ganjax.evaluation.inception import InceptionScore, inception_score
from ganjax.evaluation.kernel import KID, cmmd, kad, kernel_distance, kid
from ganjax.evaluation.likelihood import Likelihood, feature_likelihood
from ganjax.evaluation.memorization import authenticity, c_t, mann_whitney_copying
from ganjax.evaluation.metric import Direction, Metric
from ganjax.evaluation.modes import ModeCoverage, Modes, mode_coverage, modes
from ganjax.evaluation.moments import (
    Moments,
    empty_moments,
    mean_and_covariance,
    merge_moments,
    merge_stacked_moments,
    update_moments,
)
from ganjax.evaluation.path_length import perceptual_path_length
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
from ganjax.evaluation.suite import SUITE, WHILE_TRAINING, metrics_of, score_features
from ganjax.evaluation.uncertainty import (
    Comparison,
    Interval,
    OverSeeds,
    bootstrap_interval,
    compare_over_seeds,
    expected_best,
    over_seeds,
    samples_needed,
    score_interval,
    seeds_needed,
)
from ganjax.evaluation.wasserstein import mind


__all__ = [
    "KID",
    "PRDC",
    "SUITE",
    "WHILE_TRAINING",
    "ChannelClassifier",
    "ClassificationAccuracy",
    "Classifier",
    "ClassifierSettings",
    "ClippedScores",
    "Comparison",
    "Copies",
    "Direction",
    "DiscriminativeScores",
    "FeatureMetric",
    "FeatureMetrics",
    "FeatureSet",
    "Features",
    "InceptionScore",
    "Interval",
    "Likelihood",
    "Metric",
    "ModeCoverage",
    "Modes",
    "Moments",
    "NearestNeighbors",
    "OverSeeds",
    "PairScore",
    "Reference",
    "RowBuffer",
    "Rows",
    "StoredImages",
    "authenticity",
    "balanced_weights",
    "bootstrap_interval",
    "c_t",
    "channel_classifier",
    "class_balance",
    "classification_accuracy",
    "clipped_scores",
    "closest_samples",
    "cmmd",
    "compare_over_seeds",
    "copies",
    "discriminative_scores",
    "edge_iou",
    "edges",
    "empty_moments",
    "evaluate",
    "evaluate_real",
    "expected_best",
    "extract_features",
    "feature_likelihood",
    "frechet_distance",
    "frechet_from_moments",
    "frechet_ratio",
    "hole_l1",
    "inception_score",
    "intra_class_frechet",
    "kad",
    "kernel_distance",
    "kid",
    "mann_whitney_copying",
    "mean_and_covariance",
    "mean_over_pairs",
    "merge_moments",
    "merge_stacked_moments",
    "metrics_of",
    "metrics_on",
    "mind",
    "mode_coverage",
    "modes",
    "ms_ssim",
    "nearest_neighbors",
    "over_seeds",
    "paired_bootstrap",
    "pca",
    "perceptual_path_length",
    "pixels",
    "points",
    "prdc",
    "psnr",
    "reference",
    "row_buffer",
    "samples_needed",
    "score",
    "score_features",
    "score_interval",
    "score_real",
    "seeds_needed",
    "significance",
    "ssim",
    "contents_of_images",
    "load_or_train_classifier",
    "LabeledImages",
    "train_classifier",
    "update_moments",
]
