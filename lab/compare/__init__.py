"""Pure functions over values: statistics, scores and differences, forgetting, the board, curves, answers, health.

Nothing here reads a file or knows a screen; everything random comes from a seed. A number that is None was not measured.
"""

from lab.compare.answers import (
                                 Usage,
                                 answer_column,
                                 disagree,
                                 gained,
                                 holding,
                                 longest,
                                 lost,
                                 right,
                                 seconds_column,
                                 side_by_side,
                                 slowest,
                                 usage,
                                 usage_frame,
                                 value_column,
                                 word_differences,
                                 wrong,
)
from lab.compare.board import Cell, forgetting_frame, forgetting_json, over_seeds, scoreboard, scores_json, wide, wide_text
from lab.compare.claims import CLAIMS, GROUPS, Claim
from lab.compare.contamination import with_and_without
from lab.compare.curves import Curves, curve, curve_frame, differing_settings, smooth, spread, thin
from lab.compare.evidence import DECISIONS, RULE, Evidence, Verdict, decide, evidence_of
from lab.compare.evidence_text import SMALL, bar_text, decision_text, items_text, markdown, result_text, source_text
from lab.compare.experiment import base_of, cells, differences, drops, result_json
from lab.compare.exported import export_health, export_line
from lab.compare.forgetting import MARGIN, Drop, drop, forgetting_sentence, forgetting_verdict, mean_retention, pooled_drop, sentences, verdicts
from lab.compare.health import NOT_WHOLE, Finding, answers_health, curves_health, damaged, unlike_prompts, without_contradiction
from lab.compare.overview import COSTS, CPU_WATTS, Making, overview
from lab.compare.paths import paths
from lab.compare.points import FAMILIES, Point, family_of, points
from lab.compare.replicates import Replicated, replicated, replicated_difference
from lab.compare.scores import Difference, difference, family, higher_is_better, score
from lab.compare.slices import items_in, slice_columns, slice_scores
from lab.compare.stats import Interval, bootstrap_mean, holm, mcnemar, minimum_difference, sign_flip, wilson

__all__ = [name for name in dir() if not name.startswith("_")]
