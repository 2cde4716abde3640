"""How good, how varied and how original samples are, without downloaded networks."""

from ganjax.evaluation.classifier import Classifier, Settings, train as train_classifier
from ganjax.evaluation.copying import Copies, closest, copies
from ganjax.evaluation.distances import Nearest, nearest
from ganjax.evaluation.features import Features, pca, pixels, points, see
from ganjax.evaluation.frechet import frechet_distance
from ganjax.evaluation.modes import Modes, Spread, modes, spread
from ganjax.evaluation.prdc import PRDC, prdc
from ganjax.evaluation.reader import Reader, reader
from ganjax.evaluation.scores import class_balance, evaluate, evaluate_real


__all__ = [
    "PRDC",
    "Classifier",
    "Copies",
    "Features",
    "Modes",
    "Nearest",
    "Reader",
    "Settings",
    "Spread",
    "class_balance",
    "closest",
    "copies",
    "evaluate",
    "evaluate_real",
    "frechet_distance",
    "modes",
    "nearest",
    "pca",
    "pixels",
    "points",
    "prdc",
    "reader",
    "see",
    "spread",
    "train_classifier",
]
