"""Log-probabilities of continuations whose beginnings are shared: the options of one question, questions behind the same shots.

Rows are laid out as trees: what they begin alike with is read once, and every token sees its own ancestors alone, at its own place.
Trees of similar length are read in one pass. A model whose layers do not look at every earlier token (sliding windows, recurrent
layers) is read row by row instead; the numbers are the same either way.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Callable, Iterator, Sequence
from weakref import WeakKeyDictionary

import torch

from lab.engine.generate import batches
from lab.engine.last_layer import predicting
from lab.engine.likelihood import answer_logits, padded
from lab.engine.load import Loaded

LONGEST_TREE = 384  # tokens
TOKENS = {"cpu": 512, "cuda": 16_384}  # read at once, in trees of similar length; a CPU is fastest where they fit its caches
HELD = {"cpu": 1 << 26, "cuda": 1 << 29}  # logits in memory at once
TOLERANCE = {torch.float32: 1e-3}  # of a log-probability; sums in half precision differ more
ROUGH = 0.2
TREES: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()  # by model: whether a tree is read as its rows are

Row = tuple[list[int], list[int]]


@dataclass(frozen=True)
class Reading:
    """A continuation's summed log-probability (natural logarithm), its number of tokens, and whether greedy decoding would write it."""

    total: float
    tokens: int
    greedy: bool


@torch.inference_mode()
def read_choices(loaded: Loaded, rows: Sequence[Row], told: Callable[[int], None] = lambda done: None) -> list[Reading]:
    """Each row's continuation, in order. rows: token ids of (what stands before, what is read); what stands before must not be empty.

    `told` is called before each pass with the number of rows that are done; it may raise to stop.
    """
    read, done = (_in_trees if reads_trees(loaded) else _row_by_row), 0
    found: list[Reading] = [Reading(0.0, 0, True)] * len(rows)
    told(done)
    for places, readings in read(loaded, rows):
        for place, reading in zip(places, readings):
            found[place] = reading
        done += len(places)
        told(done)
    return found


def reads_trees(loaded: Loaded) -> bool:
    """Whether this model's answers do not change when rows are laid out as a tree: tried once on a small one, unless the model says no."""
    if loaded.model not in TREES:
        TREES[loaded.model] = _sees_everything(loaded.model) and _agrees(loaded)
    return TREES[loaded.model]


def _sees_everything(model: torch.nn.Module) -> bool:
    config = model.config.get_text_config()
    body = model.get_base_model() if hasattr(model, "get_base_model") else model
    kinds = set(getattr(config, "layer_types", None) or ())
    windows = getattr(config, "sliding_window", None) is not None and kinds != {"full_attention"}
    masked = getattr(config, "_attn_implementation", "") in ("sdpa", "eager")  # the others take no mask of our own
    return masked and "position_ids" in inspect.signature(body.forward).parameters and kinds <= {"full_attention"} and not windows


@torch.inference_mode()
def _agrees(loaded: Loaded) -> bool:
    size = loaded.model.config.get_text_config().vocab_size
    a, b, c, d, e = (7 * number % size for number in (3, 5, 11, 17, 23))
    rows = [([a, b, c], [d, e]), ([a, b, c], [e, a, b]), ([c, d], [a, a]), ([a, b], [c, e, d])]
    slack = TOLERANCE.get(loaded.model.dtype, ROUGH)
    alone, together = (sorted((place, reading.total) for places, found in read(loaded, rows) for place, reading in zip(places, found))
                       for read in (_row_by_row, _in_trees))
    return all(abs(one[1] - other[1]) < slack for one, other in zip(alone, together))


# one row after another, padded --------------------------------------------------------------------------------------------------


def _row_by_row(loaded: Loaded, rows: Sequence[Row]) -> Iterator[tuple[list[int], list[Reading]]]:
    for group in batches([len(before) + len(text) for before, text in rows]):
        batch, keep = padded([rows[place] for place in group], loaded.pad, loaded.device)
        logits = answer_logits(loaded.model, batch, keep)
        labels = batch["labels"][:, -keep:]
        read = labels != -100
        picked = logits.gather(2, labels.clamp(min=0).unsqueeze(2)).squeeze(2) - logits.logsumexp(2)
        greedy = ((logits.argmax(2) == labels) | ~read).all(1)
        yield group, [Reading(*one) for one in zip((picked * read).sum(1).tolist(), read.sum(1).tolist(), greedy.tolist())]


# trees -------------------------------------------------------------------------------------------------------------------------


@dataclass
class Tree:
    """Rows that begin alike, in one sequence: token ids with each token's place in its own text, and each row's way down."""

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    ways: list[list[int]] = field(default_factory=list)

    def add(self, place: int, whole: list[int], shared: int) -> None:
        """A row of which the first `shared` tokens are those of the row before."""
        new = range(len(self.ids), len(self.ids) + len(whole) - shared)
        self.ways.append([*(self.ways[-1][:shared] if shared else ()), *new])
        self.places.append(place)
        self.ids += whole[shared:]
        self.positions += range(shared, len(whole))


def plant(rows: Sequence[Row], most: int = LONGEST_TREE) -> list[Tree]:
    """Every row once, beside those that it shares at least half of its tokens with; no tree much longer than `most` tokens, as attention
    grows with the square. The last token of a continuation is left out: nothing behind it is predicted."""
    found: list[Tree] = []
    before: list[int] = []
    inputs = [start + text[:-1] for start, text in rows]
    for place in sorted(range(len(rows)), key=lambda place: inputs[place]):
        whole = inputs[place]
        shared = _shared(before, whole)
        if not found or 2 * shared < len(whole) or len(found[-1].ids) + len(whole) - shared > max(most, 2 * len(whole)):
            found.append(Tree())
            shared = 0
        found[-1].add(place, whole, shared)
        before = whole
    return found


def _shared(one: list[int], other: list[int]) -> int:
    most = min(len(one), len(other))
    return next((place for place in range(most) if one[place] != other[place]), most)


def _in_trees(loaded: Loaded, rows: Sequence[Row]) -> Iterator[tuple[list[int], list[Reading]]]:
    kind, size = loaded.device.type, loaded.model.config.get_text_config().vocab_size
    tokens = min(TOKENS.get(kind, TOKENS["cpu"]), max(64, HELD.get(kind, HELD["cpu"]) // size))
    trees = plant(rows)
    for group in batches([len(tree.ids) for tree in trees], rows=tokens, tokens=tokens):
        chosen = [trees[number] for number in group]
        places = [place for tree in chosen for place in tree.places]
        yield places, _read(loaded, chosen, [rows[place] for place in places])


def _read(loaded: Loaded, trees: list[Tree], rows: list[Row]) -> list[Reading]:
    """The trees as one padded batch. rows: those of the trees, in their order."""
    width = max(len(tree.ids) for tree in trees)
    ways = [[number * width + node for node in way] for number, tree in enumerate(trees) for way in tree.ways]
    reading = [way[len(start) - 1:] if text else [] for way, (start, text) in zip(ways, rows)]  # the tokens whose prediction is read
    sizes = [len(nodes) for nodes in reading]
    if not any(sizes):
        return [Reading(0.0, 0, True) for _ in rows]
    ids = torch.tensor([tree.ids + [loaded.pad] * (width - len(tree.ids)) for tree in trees])
    positions = torch.tensor([tree.positions + [0] * (width - len(tree.ids)) for tree in trees])
    flat = torch.tensor([node for nodes in reading for node in nodes])
    written = torch.tensor([token for _, text in rows for token in text], device=loaded.device)
    kept = torch.zeros(ids.numel(), dtype=torch.bool)
    kept[flat] = True
    column = (kept.cumsum(0) - 1)[flat].to(loaded.device)  # each token's place among those that are kept
    kept = kept.view(ids.shape).to(loaded.device)
    with predicting(loaded.model, kept):
        logits = loaded.model(input_ids=ids.to(loaded.device), position_ids=positions.to(loaded.device), use_cache=False,
                              attention_mask=_ancestors(trees, width, loaded.model.dtype).to(loaded.device), logits_to_keep=kept).logits.float()
    logits = logits.view(-1, logits.shape[-1])
    logps = (logits[column, written] - logits.logsumexp(1)[column]).double().cpu()
    right = (logits.argmax(1)[column] == written).cpu()
    return [Reading(one.sum().item(), count, bool(hit.all())) for one, hit, count in zip(logps.split(sizes), right.split(sizes), sizes)]


def _ancestors(trees: list[Tree], width: int, dtype: torch.dtype) -> torch.Tensor:
    """What each token sees (trees, 1, tokens, tokens), to be added to attention scores: nothing for itself and its ancestors, the lowest
    number elsewhere."""
    seen = torch.eye(width, dtype=torch.bool).repeat(len(trees), 1, 1)
    for number, tree in enumerate(trees):
        for way in tree.ways:
            nodes = torch.tensor(way)
            seen[number, nodes.unsqueeze(1), nodes] |= torch.ones(len(way), len(way), dtype=torch.bool).tril()
    return torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min).unsqueeze(1)
