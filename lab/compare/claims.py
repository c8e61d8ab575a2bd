"""The claims that the base's evidence decides, written down before any run: the field's sentence, what is measured, the threshold.

Knows words and numbers only. Where a measure needs Systems, it names them as the grid does (a test holds the two together). To add a
claim, add a row; a measure of a new kind is one function in lab/compare/evidence.py.
"""

from __future__ import annotations

from typing import Literal

from lab.core import Value

Group = Literal["form", "facts", "tone", "forgetting", "compound", "labels"]
GROUPS: dict[str, str] = {"form": "Form", "facts": "New facts", "tone": "Tone", "forgetting": "Forgetting", "compound": "Compound system",
                          "labels": "Label efficiency"}
SOURCES = {"S0": "an essay on the paradigm shift", "S1": "an explainer of the stages and levers", "S2": "a lesson on pretraining and fine-tuning",
           "S3": "a glossary entry on pretraining"}

BASE, SHOTS, RAG, SFT, DPO, BOTH = "base", "3 shots", "RAG", "SFT", "DPO", "RAG + SFT"
ONE, SEVERAL, PAIRS = "SFT, one wording", "SFT, several wordings", "SFT, wordings and questions"
HIGH, LOW = "full, high rate", "full, low rate"
REPLAY_5, REPLAY_20, EWC = "full, high rate, replay 5 %", "full, high rate, replay 20 %", "full, high rate, EWC"
WORLD = ("capitals", "words")
ABILITIES = ("capitals", "words", "known_people", "sums", "grammar", "reading")
COMMON = ("capitals", "words", "known_people")  # asked of every System of every group, so that their runs can be put side by side
EQUAL = 0.05  # task scores whose difference lies within five points, interval and all, count as equal
NEAR = 0.10  # where the score of two runs is mixed to meet another's and half of the items are left, five cannot be shown


class Claim(Value):
    """One sentence of the field and the quantity that decides it. `arms` are Systems with their weights in the quantity."""

    id: str
    group: Group
    sentence: str
    source: str
    literature: str = ""
    quantity: str
    direction: Literal[">=", "<=", ">"] = ">="
    threshold: float
    unit: Literal["points", "share", "rank"] = "points"
    margin: float = 0.0
    task: str
    measure: Literal["weighed", "kept", "best", "least", "own_best", "matched", "rank"] = "weighed"
    arms: tuple[tuple[str, float], ...] = ()
    suites: tuple[str, ...] = ()
    metric: str = ""
    predictor: Literal["", "kl_task", "kl_text", "text_rise"] = ""

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.arms)


def _gain(task: str, id: str, sentence: str, source: str, arm: str, against: str, words: str, direction: str, threshold: float,
          literature: str = "", **more) -> Claim:
    """The score of one System minus that of another on the task's test items."""
    return Claim(id=f"{more.get('group', task)}-{id}", sentence=sentence, source=source, quantity=words, direction=direction, threshold=threshold,
                 task=task, literature=literature, arms=((arm, 1.0), (against, -1.0)), **({"group": task} | more))


def _cure(id: str, name: str, arm: str, source: str, literature: str) -> Claim:
    return Claim(id=f"forgetting-{id}", group="forgetting", sentence=f"{name} halves what full fine-tuning forgets, at an equal task score.",
                 source=source, literature=literature, task="form", margin=EQUAL, threshold=0.0, suites=WORLD,
                 quantity=f"half of the drop of full tuning at the high rate minus the drop with {name} (capitals and words); only where the JSON "
                          "scores of the two are equal within 5 points",
                 arms=((arm, 1.0), (HIGH, -0.5), (BASE, -0.5)))


def _predicts(id: str, name: str, predictor: str, literature: str) -> Claim:
    return Claim(id=f"forgetting-{id}", group="forgetting", sentence=f"{name} predicts how much was forgotten.", source="S0 (G10)", task="form",
                 literature=literature, measure="rank", predictor=predictor, unit="rank", threshold=0.7, suites=COMMON,
                 quantity="Spearman's rank correlation with the mean drop on capitals, words and known people, over all trained runs (at least 20)")


FORM = (
    _gain("form", "shots", "Fine-tuning teaches form better than examples in the prompt.", "S0 S1 (O6, L2)", SFT, SHOTS,
          "JSON exactly right: SFT minus 3 shots", ">=", 0.10),
    _gain("form", "zero", "Fine-tuning teaches form.", "S1 (O6)", SFT, BASE, "JSON exactly right: SFT minus the bare base", ">=", 0.10),
    Claim(id="form-exact", group="form", sentence="After fine-tuning the form holds.", source="S1 (O6)", task="form", unit="share", threshold=0.80,
          quantity="share of test records written as JSON exactly right after SFT", arms=((SFT, 1.0),)),
)
FACTS = (
    _gain("facts", "shots", "Prompting only reaches what pretraining put there.", "S0 S1 (L1, L3)", SHOTS, BASE,
          "answers on new people: 3 shots minus closed book", "<=", 0.10),
    _gain("facts", "rag", "Retrieval supplies new facts.", "S1 (L4)", RAG, BASE, "answers on new people: RAG minus closed book", ">=", 0.10,
          "Retrieval beat further training on new and on known knowledge (arXiv 2312.05934)."),
    _gain("facts", "one", "Fine-tuning does not inject facts (documents in one wording).", "S1 (E6)", ONE, BASE,
          "answers on new people: SFT on documents in one wording minus closed book", "<=", 0.10,
          "Low perplexity on the documents, few answers (arXiv 2402.12847, Llama-2-7B)."),
    _gain("facts", "several", "Fine-tuning does not inject facts (documents in several wordings).", "S1 (E6)", SEVERAL, BASE,
          "answers on new people: SFT on documents in several wordings minus closed book", "<=", 0.10,
          "Many paraphrases help fine-tuning (arXiv 2312.05934)."),
    _gain("facts", "pairs", "Fine-tuning does not inject facts (documents and questions with answers).", "S1 (E6)", PAIRS, BASE,
          "answers on new people who were never asked about: SFT on documents and on questions about others minus closed book", "<=", 0.10,
          "Questions beside the documents raise recall much (arXiv 2402.12847)."),
    Claim(id="facts-best", group="facts", sentence="For facts, retrieval beats fine-tuning.", source="S1 (L4)", task="facts", threshold=0.0,
          quantity="answers on new people: RAG minus the best of the three fine-tuned Systems", measure="best",
          arms=((RAG, 1.0), (ONE, -1.0), (SEVERAL, -1.0), (PAIRS, -1.0))),
)
TONE = (
    _gain("tone", "dpo", "DPO moves a preference by fifty points.", "S0 S1 (O9)", DPO, BASE, "courteous answers: DPO minus the bare base", ">=", 0.50,
          metric="rule"),
    Claim(id="tone-dpo-kept", group="tone", sentence="DPO moves the tone without touching the facts.", source="S0 S1 (O9)", task="tone", unit="share",
          quantity="of the facts that the base had right, the share still right after DPO", threshold=0.95, measure="kept",
          metric="contains_answer", arms=((BASE, 1.0), (DPO, 1.0)),
          literature="The probability of the preferred answer often falls, and content can break (arXiv 2410.08847)."),
    Claim(id="tone-sft-kept", group="tone", sentence="Fine-tuning on good answers sets the tone without touching the facts.", source="S1 (O6)",
          task="tone", unit="share", quantity="of the facts that the base had right, the share still right after SFT on the chosen answers",
          threshold=0.95, measure="kept", metric="contains_answer", arms=((BASE, 1.0), (SFT, 1.0))),
    _gain("tone", "dpo-sft", "For tone, DPO beats fine-tuning on the chosen answers.", "S0 S1 (O9)", DPO, SFT,
          "courteous answers: DPO minus SFT on the chosen answers", ">=", 0.0, metric="rule"),
    _gain("tone", "gentle", "DPO is gentler than SFT.", "S0 (O9)", DPO, SFT,
          "mean drop on capitals, words and known people: SFT on the chosen answers minus DPO", ">=", 0.0, suites=COMMON),
)
FORGETTING = (
    _gain("form", "high", "Aggressive fine-tuning makes a model forget.", "S1 S2 S3 (G1, G2)", BASE, HIGH,
          "mean drop on capitals and words after full tuning at the high rate", ">=", 0.20, group="forgetting", suites=WORLD,
          literature="General in 1-7B models (arXiv 2308.08747); the smallest models lose most (arXiv 2502.06042)."),
    _gain("form", "low", "A lower learning rate forgets less.", "S2 S3 (G3)", LOW, HIGH,
          "mean drop on capitals and words: full tuning at the high rate minus at the low rate", ">=", 0.05, group="forgetting", suites=WORLD),
    _cure("replay-5", "5 % replay", REPLAY_5, "S2 (G7)", "1 % was enough at 0.1B parameters and above (arXiv 2502.06042)."),
    _cure("replay-20", "20 % replay", REPLAY_20, "S2 (G7)", "5 % in the models released with arXiv 2403.08763."),
    _cure("ewc", "EWC", EWC, "S2 (G5)", "Kirkpatrick et al. 2017, PNAS 114(13)."),
    Claim(id="forgetting-lora-best", group="forgetting", sentence="LoRA forgets less than full fine-tuning (each at its own best rate).",
          source="S2 (G6)", task="form", threshold=0.0, measure="own_best", suites=ABILITIES,
          quantity="mean drop over six abilities: full tuning minus LoRA, each at the gentlest rate whose JSON score is within 2 points of its best; "
                   "chosen on the items at even places",
          literature="At 7B LoRA learned less and forgot less (arXiv 2405.09673)."),
    Claim(id="forgetting-lora-equal", group="forgetting", sentence="LoRA forgets less than full fine-tuning (at an equal task score).",
          source="S2 (G6)", task="form", threshold=0.0, margin=NEAR, measure="matched", suites=ABILITIES,
          quantity="mean drop over six abilities: full tuning minus LoRA, at the rate (between two runs where needed) at which both reach the lower of "
                   "their best JSON scores; chosen on the items at even places, held equal within 10 points on the others",
          literature="Both lie on one learning-forgetting curve for instruction tuning (arXiv 2405.09673)."),
    _predicts("kl-task", "KL to the base on the task's own answers", "kl_task", "R² 0.71 to 0.96, quadratic (arXiv 2509.04259)."),
    _predicts("kl-text", "KL to the base on general text", "kl_text", "Equal to forgetting in the sense of arXiv 2401.05605, up to a constant."),
    _predicts("text-rise", "The rise of the loss on general text", "text_rise", "Used as the measure of forgetting in arXiv 2403.08763."),
)
COMPOUND = (
    Claim(id="compound-above", group="compound", sentence="A compound system beats each single lever.", source="S1 (L5)", task="compound",
          direction=">", threshold=0.0, measure="least", arms=((BOTH, 1.0), (SHOTS, -1.0), (RAG, -1.0), (SFT, -1.0), (DPO, -1.0)),
          quantity="everything right at once: RAG + SFT minus the nearest single lever (3 shots, RAG, SFT, DPO); and McNemar's exact p below .05 "
                   "against each of them with every seed, Holm-adjusted"),
)
LABELS = (
    _gain("labels", "few", "A few labels are enough.", "S2 (V6)", "SFT, 2,048 labels", "SFT, 64 labels",
          "accuracy with 2,048 labels minus with 64", "<=", 0.10),
    _gain("labels", "some", "More labels still help.", "S2 (V6)", "SFT, 2,048 labels", "SFT, 16 labels",
          "accuracy with 2,048 labels minus with 16", ">=", 0.10),
)
CLAIMS: tuple[Claim, ...] = (*FORM, *FACTS, *TONE, *FORGETTING, *COMPOUND, *LABELS)
