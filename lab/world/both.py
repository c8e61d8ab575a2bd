"""Probes that mean the same for both objectives, so that next token and masked token can be compared on one chart.

Filling a gap: the model is shown a statement without one of its words and names the word. A causal model sees what stands before the
gap, a masked one sees both sides and as many blanks as the word has tokens. A linear head: how much of a text's meaning lies open in
the frozen features, read by a ridge regression that learns from few labels. Writing an answer: only a causal model can.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, Callable, Mapping, Sequence

import torch

from lab.world import batches, dialogue, general, lexicon, task_labels
from lab.world.people import ATTRIBUTES, STATEMENTS, World, statement
from lab.world.probes import scored

Gap = tuple[str, str, str]  # what stands before the gap, the word, what stands behind it
Tell = Callable[[], None]
LABELS = (16, 64, 256)
RIDGE = 0.01  # weight of the penalty per label, on standardised features
PART = 25  # texts per forward pass
GENERAL = {"capitals": lexicon.CAPITALS, "words": lexicon.WORDS}
WRITES = "writes an answer"
CANNOT_WRITE = "a masked-token model fills gaps; it has no way to write an answer of its own"


def _split(wording: str, slot: str, **filled: str) -> Gap:
    """A statement taken apart at the word that fills its slot."""
    before, _, after = wording.partition("{" + slot + "}")
    return before.format(**filled), filled[slot], after.format(**filled)


def _at_the_end(rng: random.Random, world: World) -> Gap:
    """A known fact whose value comes last: a capital, a word or what is true of a known person."""
    if rng.random() < 0.5:
        kind = rng.choice(tuple(GENERAL))
        key = rng.choice(general.KEYS[kind])
        wording = rng.choice([text for text in general.STATEMENTS[kind] if text.endswith("{v}.")])
        return _split(wording, "v", k=key, v=GENERAL[kind][key])
    person, attribute = rng.choice(world.known), rng.choice(ATTRIBUTES)
    wording = rng.choice([text for text in STATEMENTS[attribute] if text.endswith("{v}.")])
    return _split(wording, "v", n=person.name, v=person.value(attribute))


def _before_the_end(rng: random.Random, world: World) -> Gap:
    """A known fact whose gap has text on both sides, or only behind it: the country of a capital, the capital before its country."""
    kind = rng.choice(tuple(GENERAL))
    key, wording = rng.choice(general.KEYS[kind]), rng.choice(general.STATEMENTS[kind])
    slot = "k" if wording.endswith("{v}.") else "v"
    return _split(wording, slot, k=key, v=GENERAL[kind][key])


GAPS: dict[str, Callable[[random.Random, World], Gap]] = {
    "gap at the end of a statement": _at_the_end,
    "gap before the end of a statement": _before_the_end,
}


@torch.no_grad()
def filled(model: Any, tokenizer: Any, gaps: Sequence[Gap]) -> list[bool]:
    """For each gap: are the word's tokens the most probable ones? The statement follows an end token, as half of the corpus does."""
    hits = []
    for start in range(0, len(gaps), PART):
        heads, words, tails = zip(*([tokenizer(text)["input_ids"] for text in (dialogue.END + before, word, after + dialogue.END)]
                                    for before, word, after in gaps[start:start + PART]))
        blank = tokenizer.mask_token_id
        shown = [head + (word if blank is None else [blank] * len(word)) + tail for head, word, tail in zip(heads, words, tails)]
        best = _forward(model, tokenizer, shown).logits.argmax(-1)
        ahead = 1 if blank is None else 0  # a causal place names the token behind it
        hits += [best[row, len(head) - ahead:len(head) - ahead + len(word)].tolist() == word
                 for row, (head, word) in enumerate(zip(heads, words))]
    return hits


def _forward(model: Any, tokenizer: Any, rows: Sequence[list[int]], **more: Any) -> Any:
    ids, _ = batches.padded(list(rows), tokenizer.pad_token_id)
    real = torch.arange(ids.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]
    return model(input_ids=ids.to(model.device), attention_mask=real.to(model.device), **more)


@torch.no_grad()
def features(model: Any, tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    """The mean over each text's tokens of the features half-way up the body: texts x width, float64 on the CPU.

    Half-way, because the last layer of a causal model has turned to the next token (iGPT, Chen et al. 2020, finds the best features in
    the middle; on the XS base a head on 256 labels reads 66 % there and 26 % at the top).
    """
    found, layer = [], model.config.num_hidden_layers // 2
    for start in range(0, len(texts), PART):
        rows = [tokenizer(dialogue.END + text + dialogue.END)["input_ids"] for text in texts[start:start + PART]]
        hidden = _forward(model.base_model, tokenizer, rows, output_hidden_states=True).hidden_states[layer]
        found += [hidden[number, :len(row)].double().mean(0).cpu() for number, row in enumerate(rows)]
    return torch.stack(found)


def labelled(world: World, count: int, seed: int) -> list[tuple[str, int]]:
    """A sentence about the job of a person made once, and the sector of that job. The sectors take turns, as in task 'labels'."""
    rng, sectors, found = random.Random(f"head-{seed}"), tuple(task_labels.SECTORS), []
    while len(found) < count:
        for sector in rng.sample(sectors, len(sectors)):
            person = replace(world.ephemeral(rng)[0], job=rng.choice(task_labels.SECTORS[sector]))
            found.append((statement(rng, person, "job"), sectors.index(sector)))
    return found[:count]


def ridge(train: torch.Tensor, labels: Sequence[int], test: torch.Tensor, classes: int) -> list[int]:
    """Class of each test row by ridge regression on one-hot labels, in closed form: W = (X'X + lambda n I)^-1 X'Y."""
    mean, spread = train.mean(0), train.std(0).clamp_min(1e-6)
    x, y = (train - mean) / spread, torch.nn.functional.one_hot(torch.tensor(labels), classes).double()
    middle = y.mean(0)
    weights = torch.linalg.solve(x.T @ x + RIDGE * len(train) * torch.eye(x.shape[1], dtype=torch.float64), x.T @ (y - middle))
    return (((test - mean) / spread) @ weights + middle).argmax(1).tolist()


def heads(model: Any, tokenizer: Any, world: World, n: int, seed: int) -> dict[str, dict[str, float]]:
    """Share of right sectors among 4 n new texts (chance: 20 %), for each number of labels."""
    rows = labelled(world, max(LABELS) + 4 * n, seed)
    found, labels = features(model, tokenizer, [text for text, _ in rows]), [label for _, label in rows]
    test, truth = found[max(LABELS):], labels[max(LABELS):]
    return {f"linear head, {count} labels": scored([guess == right for guess, right in
                                                    zip(ridge(found[:count], labels[:count], test, len(task_labels.SECTORS)), truth)])
            for count in LABELS}


def probe(model: Any, tokenizer: Any, world: World, n: int = 40, seed: int = 1, tell: Tell = lambda: None) -> dict[str, dict[str, float]]:
    """The gaps and the linear head. `tell` is called after each probe."""
    model.eval()
    found = {}
    for name, make in GAPS.items():
        rng = random.Random(f"gap-{seed}-{name}")
        found[name] = scored(filled(model, tokenizer, [make(rng, world) for _ in range(n)]))
        tell()
    found |= heads(model, tokenizer, world, n, seed)
    tell()
    return found


def writes(ladder: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Share of exact answers over all question probes of the ladder together."""
    hits = sum(round(score["value"] * score["n"]) for score in ladder.values())
    return scored([True] * hits + [False] * (sum(int(score["n"]) for score in ladder.values()) - hits))
