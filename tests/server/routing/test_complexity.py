from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.routing.complexity import MAX_BYTES, Shape, complexity_of, newest
from llmgateway_server.tokens import estimate_text

CODE = """\
def settle(self, lease: Lease, usage: Usage | None) -> None:
    held = self._held.pop(lease.id, None)
    if held is None:
        raise LeaseUnknown(f"{lease.id!r} was settled before")
    cost = self._prices.cost(usage) if usage is not None else held.bound
    self._ledger.append(Row(lease.scope, cost, source="provider" if usage else "bound"))
    self._remaining[lease.scope] += held.bound - cost

"""


def score(*texts: str, **shape: int | bool) -> float:
    """Score texts as they would be scored in a request, the newest first."""
    tokens = sum(4 + estimate_text(text) for text in texts)
    return complexity_of(Shape(token_count=tokens, **{"turn_count": 1, **shape}), texts)


# From what any model can do to what few can. Each is at least as complex as the one before it.
LADDER: dict[str, float] = {
    "small talk": score("Hi"),
    "a fact, in Arabic": score("ما هي عاصمة اليابان؟"),
    "a translation, in German": score(
        "Bitte übersetze ins Englische: Wir freuen uns sehr, Sie am kommenden Donnerstag in unserem neuen Büro begrüßen "
        "zu dürfen. Für das leibliche Wohl ist gesorgt, und ein Parkplatz ist für Sie reserviert."
    ),
    "a letter to shorten, in Chinese": score(
        "请把下面这封信缩短到三句话：\n尊敬的客户，感谢您一直以来对我们公司的支持与信任。\n由于系统升级，我们的服务将在本周六凌晨两点至六点"
        "暂停。\n在此期间您将无法登录账户或进行付款。\n给您带来的不便，我们深表歉意。\n如有任何问题，请随时与客服联系。"
    ),
    "three questions, in English": score(
        "I am planning a trip with two children. Which month is the best for Norway? How much should we budget for a "
        "week? Do we need a car, or are trains enough? Please explain your reasons briefly."
    ),
    "a sum, in German": score(
        "Ein Kredit von 240.000 € läuft 25 Jahre, Zins 3,85 % p. a., Tilgung 2 %, Sondertilgung 5.000 € je 01.01.\n"
        "Rate = 240000 * (0,0385 + 0,02) / 12 = 1170,00; Restschuld nach 10 Jahren?\n"
        "2026: 12 x 1170,00 = 14040,00\n2027: 12 x 1170,00 + 5000,00 = 19040,00\n2028: 19040,00\n2029: 19040,00\n"
    ),
    "one call of one tool with a schema": score("Buche mir einen Tisch für zwei.", tool_count=3, has_schema=True),
    "a function to explain": score(f"What does this do?\n```python\n{CODE}```"),
    "a page of code to review, in Chinese": score(f"请审查下面的代码，找出并发问题，并写出测试。\n```python\n{CODE * 6}```"),
    "a long agreement to compare": score(
        "\n".join(f"§ {n} Der Auftragnehmer haftet für Schäden nach Absatz {n + 1} nur im Umfang der Nummer {n * 7}."
                  for n in range(150)) + "\nWelche Absätze widersprechen sich? Welche fehlen? Warum?"
    ),
    "an agent in the middle of its work": score(
        "Run the tests again.", f"```python\n{CODE * 8}```", tool_count=6, turn_count=9
    ),
    "a refactoring over several files, with tools": score(
        "Split the ledger from the leases in all of these files, keep the public names, and add the missing tests.",
        *(f"```python title=store/file_{n}.py\n{CODE.replace('held', f'held_{n}') * 6}```" for n in range(12)),
        tool_count=8, turn_count=3, asks_for_reasoning=True,
    ),
}  # fmt: skip

LETTERS = (
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψω",
    "的一是在不了有和人这中大为上个국어말글ひらがな",
)
TEXTS = st.text(alphabet="".join(LETTERS) + " \n\t0123٣∑(){}=`-?؟.,", max_size=400)
SHAPES = st.builds(
    Shape,
    token_count=st.integers(0, 2**31),
    tool_count=st.integers(0, 2_000),
    turn_count=st.integers(0, 10_000),
    media_kind_count=st.integers(0, 4),
    has_schema=st.booleans(),
    asks_for_reasoning=st.booleans(),
)


def test_requests_come_in_the_order_of_what_they_ask_for() -> None:
    for (simple, low), (hard, high) in pairwise(LADDER.items()):
        assert low < high, f"{simple} before {hard}"


def test_small_talk_scores_low_and_work_on_several_files_high() -> None:
    assert LADDER["small talk"] < 0.2
    assert LADDER["a refactoring over several files, with tools"] > 0.6
    assert score(*[CODE * 20] * 6, tool_count=5) > 0.6


def test_the_examples_of_the_documentation_score_as_it_says() -> None:
    assert round(LADDER["small talk"], 2) == 0.01
    assert round(LADDER["a translation, in German"], 2) == 0.04
    assert round(LADDER["a page of code to review, in Chinese"], 2) == 0.35


def test_the_score_is_what_the_documented_table_adds_up_to() -> None:
    text = "a = [1]\n  b(2)\n\nc?\n"
    shape = Shape(token_count=64, tool_count=4, turn_count=9, media_kind_count=1, has_schema=True)
    signs = 5 - 0.02 * len(text) + 4  # "=", "[", "]", "(", ")"; one indented line
    figures = 2 - 0.05 * len(text)
    expected = (
        0.35 / 9
        + 0.25 * signs / (signs + 100)
        + 0.20 * 4 / (4 + 4)
        + 0.15 * 3 / (3 + 40)
        + 0.10 * 1 / (1 + 4)
        + 0.10 * figures / (figures + 50)
        + 0.10 * 8 / (8 + 8)
        + 0.10 * 1 / (1 + 1)
        + 0.10
    )
    assert abs(complexity_of(shape, [text]) - expected) < 1e-12


@given(SHAPES, st.lists(TEXTS, max_size=4))
def test_a_score_lies_between_0_and_1_and_is_always_the_same(shape: Shape, texts: list[str]) -> None:
    assert 0.0 <= complexity_of(shape, texts) <= 1.0
    assert complexity_of(shape, texts) == complexity_of(shape, iter(texts))


@given(SHAPES, TEXTS, st.sampled_from(["token_count", "tool_count", "turn_count", "media_kind_count"]), st.integers(1))
def test_more_of_what_is_counted_beside_the_text_never_scores_lower(
    shape: Shape, text: str, name: str, more: int
) -> None:
    larger = shape._replace(**{name: getattr(shape, name) + more})
    assert complexity_of(larger, [text]) >= complexity_of(shape, [text])


@given(SHAPES, TEXTS)
def test_a_schema_and_reasoning_never_score_lower(shape: Shape, text: str) -> None:
    for name in ("has_schema", "asks_for_reasoning"):
        without, with_it = shape._replace(**{name: False}), shape._replace(**{name: True})
        assert complexity_of(with_it, [text]) >= complexity_of(without, [text])


@given(SHAPES, st.lists(TEXTS, max_size=3), st.randoms(use_true_random=False))
def test_letters_replaced_one_to_one_by_letters_of_as_many_bytes_change_no_score(
    shape: Shape, texts: list[str], chance: random.Random
) -> None:
    table: dict[int, str] = {}
    for group in LETTERS:
        table |= str.maketrans(group, "".join(chance.sample(group, len(group))))
    assert complexity_of(shape, [text.translate(table) for text in texts]) == complexity_of(shape, texts)


def test_digits_and_question_marks_count_in_every_script() -> None:
    for digits, question in [
        ("0123456789", "?"),
        ("٠١٢٣٤٥٦٧٨٩", "؟"),
        ("०१२३४५६७८९", "？"),
        ("０１２３４５６７８９", "՞"),
    ]:
        assert complexity_of(Shape(), [digits]) > complexity_of(Shape(), ["ab" * 5]) + 0.01
        assert complexity_of(Shape(), [question]) == complexity_of(Shape(), ["x"]) + 0.02


def test_no_more_than_the_newest_64_kib_are_read() -> None:
    texts = iter(["a", "的" * MAX_BYTES, "older"])
    assert newest(texts) == b"a\n" + ("的" * MAX_BYTES).encode()[: MAX_BYTES - 1]
    assert list(texts) == ["older"]
    assert newest(["", "a", "", "b"]) == b"a\nb"
