"""Configuration of the documentation: `make docs` builds it into `docs/_build/html`.

Pages that are made from the code are written to `docs/_generated` when the documentation is
built: the reference, the pages of the experiments and the drawing of the floors.

The build needs no network. With `GANJAX_DOCS_LINKS=1` names of JAX, Flax, Optax and NumPy
link to their documentation, for which Sphinx downloads the inventories.
"""

import os
import sys
from pathlib import Path


DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from docs.extensions import experiments, floors, reference  # noqa: E402


project = "ganjax"
author = "The ganjax authors"
copyright = "The ganjax authors"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docs.extensions.reference",
    "docs.extensions.results",
]
if os.environ.get("GANJAX_DOCS_LINKS"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "flax": ("https://flax.readthedocs.io/en/latest/", None),
        "jax": ("https://docs.jax.dev/en/latest/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "optax": ("https://optax.readthedocs.io/en/latest/", None),
    }

exclude_patterns = ["_build", "_generated/rooms.md", "extensions"]
html_theme = "furo"
html_title = "ganjax"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
templates_path: list[str] = []

# Docstrings write code in single backticks, as Markdown does.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# References from pages to the package are checked. Annotations are not: they name types of
# other libraries, and types under the names of the files that define them.
nitpicky = True
nitpick_ignore_regex = [(r"py:(class|data|exc|func|meth|attr)", r".*")]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
# Notebooks are stored without outputs, and the tests run them.
nb_execution_mode = "off"


def generate(folder: Path) -> None:
    """Writes the pages that are made from the code; unchanged ones are not written."""
    notebooks = sorted((DOCS.parent / "notebooks").glob("*.ipynb"))
    pages = {
        **{f"reference/{name}.md": text for name, text in reference.pages().items()},
        **{
            f"experiments/{each.name}.md": experiments.page(each)
            for each in experiments.experiments()
        },
        "floors.svg": floors.svg(floors.imports()),
        "rooms.md": floors.table(floors.imports()),
        **{f"notebooks/{path.name}": path.read_text() for path in notebooks},
    }
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


generate(DOCS / "_generated")
