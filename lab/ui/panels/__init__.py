"""Pieces of pages: each draws one thing from values it is handed. No page's decision is made here."""

from lab.ui.panels.board import overview_panel, watts_input
from lab.ui.panels.controls import controls, damaged, empty, failure_panel, log_panel, problem
from lab.ui.panels.cost import cost_panel, health_panel, pairs_panel
from lab.ui.panels.curves import overlay_panel, run_curves
from lab.ui.panels.evidence import distance_panel, labels_panel, plane_panel, source_panel, verdict_panel
from lab.ui.panels.forgetting import forgetting_panel, items_panel, margin_input
from lab.ui.panels.matrix import difference_panel, matrix_panel
from lab.ui.panels.numbers import numbers, table
from lab.ui.panels.outputs import outputs_panel
from lab.ui.panels.paths import paths_panel
from lab.ui.panels.pretraining import pretraining_panel
from lab.ui.panels.preview import model_view, pairs_table, rows_table, split_counts, task_card
from lab.ui.panels.runs import progress_line, run_table, waiting_panel
from lab.ui.panels.sidebar import ICON, sidebar
from lab.ui.panels.trust import changed_panel, contamination_panel, cut_panel, deciding_panel, flagged, missing_panel, no_task

__all__ = ["ICON", "changed_panel", "contamination_panel", "controls", "cost_panel", "cut_panel", "damaged", "deciding_panel", "difference_panel",
           "distance_panel", "empty", "failure_panel", "flagged", "forgetting_panel", "health_panel", "items_panel", "labels_panel", "log_panel",
           "margin_input", "matrix_panel", "missing_panel", "model_view", "no_task", "numbers", "outputs_panel", "overlay_panel", "overview_panel",
           "pairs_panel", "pairs_table", "paths_panel", "plane_panel", "pretraining_panel", "problem", "progress_line", "rows_table", "run_curves", "run_table",
           "sidebar", "source_panel", "split_counts", "table", "task_card", "verdict_panel", "waiting_panel", "watts_input"]
