"""The only place with plotly. Frames in, figures out; a System has the same colour, dash and symbol in every figure.

A new chart is one function in a file here that takes a frame, `styles` (of `style_of`) and a `Look`, and is listed below.
"""

from lab.ui.charts.curves import Line, Panel, curves_chart, lines_of
from lab.ui.charts.forgetting import forgetting_chart
from lab.ui.charts.ladder import ability_styles, beside_chart, ladder_chart
from lab.ui.charts.matrix import matrix_chart
from lab.ui.charts.paths import paths_chart
from lab.ui.charts.plane import distance_chart, labels_chart, plane_chart
from lab.ui.charts.style import DASHES, SYMBOLS, Look, Style, palette, style_of

__all__ = ["DASHES", "Line", "Look", "Panel", "SYMBOLS", "Style", "ability_styles", "beside_chart", "curves_chart", "distance_chart", "forgetting_chart",
           "labels_chart", "ladder_chart", "lines_of", "matrix_chart", "palette", "paths_chart", "plane_chart", "style_of"]
