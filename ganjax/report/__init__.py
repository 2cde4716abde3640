"""The report of a run: one HTML page of its scores, curves, pictures and settings.

`record` reads the folder of the run, and `report` lays out the page, with the HTML elements
of `page` and the charts of `chart`.
"""

from ganjax.report.report import write_report


__all__ = ["write_report"]
