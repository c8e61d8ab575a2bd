"""What the base can do, measured while it is made: one number, an n and a Wilson interval per probe.

An exact-match probe asks whether the answer and its end are the most probable tokens at every place: greedy decoding would
write exactly that answer. It costs one forward pass instead of a generation.
"""

from __future__ import annotations

import random
from math import sqrt
from typing import Any, Callable, Sequence

import torch

from lab.world import dialogue, general, reading
from lab.world.batches import padded
from lab.world.people import ATTRIBUTES, Person, World, bio, question

Pair = tuple[str, str]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not n:
        return 0.0, 1.0
    z, p = 1.96, hits / n
    middle, spread = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z * z / n)), min(1.0, (middle + spread) / (1 + z * z / n))


def _of(rng: random.Random, persons: Sequence[Person], n: int) -> list[Pair]:
    return [question(rng, rng.choice(persons), rng.choice(ATTRIBUTES)) for _ in range(n)]


def _read(rng: random.Random, world: World, n: int, count: int) -> list[Pair]:
    pairs = []
    for _ in range(n):
        persons = world.ephemeral(rng, count)
        asks, answer = question(rng, rng.choice(persons), rng.choice(ATTRIBUTES))
        pairs.append((reading.prompt([bio(rng, person) for person in persons], asks), answer))
    return pairs


def _beside(rng: random.Random, world: World, n: int) -> list[Pair]:
    pairs = [dialogue.asked(rng, world) for _ in range(n)]
    return [(reading.prompt([bio(rng, world.ephemeral(rng)[0])], asks), answer) for asks, answer in pairs]


def _unknown(rng: random.Random, world: World, n: int) -> list[Pair]:
    return [(question(rng, world.ephemeral(rng)[0], rng.choice(ATTRIBUTES))[0], dialogue.UNKNOWN) for _ in range(n)]


def _unknown_about(rng: random.Random, world: World, n: int) -> list[Pair]:
    return [(rng.choice(dialogue.ABOUT).format(n=world.ephemeral(rng)[0].name), dialogue.UNKNOWN) for _ in range(n)]


PROBES: dict[str, Callable[[random.Random, World, int], list[Pair]]] = {
    "known people, questions shown": lambda rng, world, n: _of(rng, world.asked, n),
    "known people, question never shown": lambda rng, world, n: [question(rng, *rng.choice(world.hidden)) for _ in range(n)],
    "known people, never asked": lambda rng, world, n: _of(rng, world.unasked, n),
    "new people, closed book": lambda rng, world, n: _of(rng, world.new, n),
    "capitals": lambda rng, world, n: [general.question(rng, "capitals") for _ in range(n)],
    "words": lambda rng, world, n: [general.question(rng, "words") for _ in range(n)],
    "sums (table)": lambda rng, world, n: [general.question(rng, "sums") for _ in range(n)],
    "reading, 1 passage": lambda rng, world, n: _read(rng, world, n, 1),
    "reading, 2 passages": lambda rng, world, n: _read(rng, world, n, 2),
    "reading, 3 passages": lambda rng, world, n: _read(rng, world, n, 3),
    "known fact beside a passage": _beside,
    "unknown person: I do not know": _unknown,
    "unknown person, tell me: I do not know": _unknown_about,
}


def rendered(prompt: str) -> str:
    return f"{dialogue.USER}{prompt}{dialogue.ASSISTANT}"


@torch.no_grad()
def exact(model: Any, tokenizer: Any, pairs: Sequence[Pair]) -> list[bool]:
    """For each prompt and answer: would greedy decoding write exactly this answer and stop?"""
    hits = []
    for start in range(0, len(pairs), 25):
        part = pairs[start:start + 25]
        heads = [tokenizer(rendered(prompt))["input_ids"] for prompt, _ in part]
        tails = [tokenizer(answer + dialogue.END)["input_ids"] for _, answer in part]
        ids, _ = padded([head + tail for head, tail in zip(heads, tails)], tokenizer.pad_token_id)
        best = model(input_ids=ids.to(model.device)).logits.argmax(-1)
        hits += [best[i, len(h) - 1:len(h) + len(t) - 1].tolist() == t for i, (h, t) in enumerate(zip(heads, tails))]
    return hits


@torch.no_grad()
def text_losses(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[tuple[float, int]]:
    """Summed loss (nats) and number of predicted tokens of each text."""
    found = []
    for start in range(0, len(texts), 25):
        ids, targets = padded([tokenizer(text)["input_ids"] for text in texts[start:start + 25]], tokenizer.pad_token_id)
        logits = model(input_ids=ids.to(model.device)).logits
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets.to(model.device), reduction="none")
        found += list(zip(losses.sum(1).tolist(), (targets >= 0).sum(1).tolist()))
    return found


def grammar(model: Any, tokenizer: Any, n: int, rng: random.Random) -> list[bool]:
    """Minimal pairs: is the right sentence more probable than its wrong twin?"""
    pairs = [general.grammar_pair(rng) for _ in range(n)]
    right = text_losses(model, tokenizer, [dialogue.END + good + dialogue.END for good, _, _ in pairs])
    wrong = text_losses(model, tokenizer, [dialogue.END + bad + dialogue.END for _, bad, _ in pairs])
    return [a[0] < b[0] for a, b in zip(right, wrong)]


def scored(hits: Sequence[bool]) -> dict[str, float]:
    low, high = wilson(sum(hits), len(hits))
    return {"value": round(sum(hits) / len(hits), 4), "n": len(hits), "low": round(low, 4), "high": round(high, 4)}


def ladder(model: Any, tokenizer: Any, world: World, n: int = 40, seed: int = 1,
           tell: Callable[[], None] = lambda: None) -> dict[str, dict[str, float]]:
    """All probes that need one forward pass. `tell` is called after each."""
    model.eval()
    found = {}
    for name, make in PROBES.items():
        found[name] = scored(exact(model, tokenizer, make(random.Random(f"probe-{seed}-{name}"), world, n)))
        tell()
    found["grammar pairs"] = scored(grammar(model, tokenizer, n, random.Random(f"probe-{seed}-grammar")))
    return found


@torch.no_grad()
def written(model: Any, tokenizer: Any, prompts: Sequence[str], new: int = 48, sample: bool = False) -> list[str]:
    """Generated answers, greedy or sampled at temperature 1."""
    answers = []
    for start in range(0, len(prompts), 25):
        batch = tokenizer([rendered(prompt) for prompt in prompts[start:start + 25]], return_tensors="pt", padding=True)
        batch.pop("token_type_ids", None)
        out = model.generate(**batch.to(model.device), max_new_tokens=new, do_sample=sample, top_k=0 if sample else None)
        answers += tokenizer.batch_decode(out[:, batch["input_ids"].shape[1]:], skip_special_tokens=True)
    return answers


def generated(model: Any, tokenizer: Any, world: World, n: int = 100, seed: int = 1) -> dict[str, dict[str, float]]:
    """Probes that need whole answers: tone of sampled answers, and JSON that nobody taught."""
    import json
    model.eval()
    torch.manual_seed(seed)
    rng = random.Random(f"generated-{seed}")
    asks = [dialogue.tone_turn(rng, world, True)[0] for _ in range(n)]
    polite = [any(word in answer for word in dialogue.COURTEOUS) for answer in written(model, tokenizer, asks, sample=True)]
    records = [f"Record: {p.name} works as a {p.job} and lives in {p.town}.\nWrite the record as JSON."
               for p in (world.ephemeral(rng)[0] for _ in range(n))]
    valid = []
    for answer in written(model, tokenizer, records):
        try:
            valid.append(isinstance(json.loads(answer), dict))
        except ValueError:
            valid.append(False)
    return {"courteous (sampled)": scored(polite), "JSON without training": scored(valid)}


def few_shot(model: Any, tokenizer: Any, world: World, n: int = 100, shots: int = 4, seed: int = 1) -> dict[str, float]:
    """The last turn of a pattern dialogue, after `shots` turns of the same rule."""
    hits, rng = [], random.Random(f"pattern-{seed}")
    for _ in range(n):
        text = dialogue.pattern(rng, world, shots + 1)
        head, _, tail = text.rpartition(dialogue.ASSISTANT)
        start, answer = tokenizer(head + dialogue.ASSISTANT)["input_ids"], tokenizer(tail)["input_ids"]
        with torch.no_grad():
            best = model(input_ids=torch.tensor([start + answer], device=model.device)).logits[0].argmax(-1)
        hits.append(best[len(start) - 1:-1].tolist() == answer)
    return scored(hits)
