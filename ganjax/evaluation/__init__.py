"""How good, how varied and how original samples are, without downloaded networks."""

from ganjax.evaluation.classifier import Classifier, Settings, train as train_classifier
from ganjax.evaluation.copying import Copies, closest, copies
from ganjax.evaluation.distances import Nearest, nearest
from ganjax.evaluation.features import Features, pca, pixels, points, see
from ganjax.evaluation.frechet import frechet_distance
from ganjax.evaluation.modes import Modes, modes
from ganjax.evaluation.prdc import PRDC, prdc
from ganjax.evaluation.scores import class_balance, evaluate, evaluate_real


__all__ = [
    "PRDC",
    "Classifier",
    "Copies",
    "Features",
    "Modes",
    "Nearest",
    "Settings",
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
    "see",
    "train_classifier",
]
