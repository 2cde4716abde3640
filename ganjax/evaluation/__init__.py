"""How good, how varied and how original samples are, without downloaded networks."""

from ganjax.evaluation.benefit import Gain, balanced, gain, verdict
from ganjax.evaluation.classifier import Classifier, Settings, train as train_classifier
from ganjax.evaluation.copying import Copies, closest, copies
from ganjax.evaluation.discernible import IDS, discriminative_scores
from ganjax.evaluation.distances import Nearest, Rows, nearest
from ganjax.evaluation.features import Features, pca, pixels, points, see
from ganjax.evaluation.frechet import frechet_distance
from ganjax.evaluation.kernel import kernel_distance
from ganjax.evaluation.likeness import edge_iou, edges, hole_l1, psnr, ssim
from ganjax.evaluation.modes import Modes, Spread, modes, spread
from ganjax.evaluation.prdc import PRDC, prdc
from ganjax.evaluation.reader import Reader, reader
from ganjax.evaluation.scores import (
    Reference,
    class_balance,
    evaluate,
    evaluate_real,
    reference,
    score,
    score_real,
)
from ganjax.evaluation.scratch import Gathering, Kept, gather


__all__ = [
    "IDS",
    "PRDC",
    "Classifier",
    "Copies",
    "Features",
    "Gain",
    "Gathering",
    "Kept",
    "Modes",
    "Nearest",
    "Reader",
    "Reference",
    "Rows",
    "Settings",
    "Spread",
    "balanced",
    "class_balance",
    "closest",
    "copies",
    "discriminative_scores",
    "edge_iou",
    "edges",
    "evaluate",
    "evaluate_real",
    "frechet_distance",
    "gain",
    "gather",
    "hole_l1",
    "kernel_distance",
    "modes",
    "nearest",
    "pca",
    "pixels",
    "points",
    "prdc",
    "psnr",
    "reader",
    "reference",
    "score",
    "score_real",
    "see",
    "spread",
    "ssim",
    "train_classifier",
    "verdict",
]
