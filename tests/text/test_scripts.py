from __future__ import annotations

import pytest

from showtell.text.scripts import blank_between, characters, full_stop_after
from showtell.text.sentence import sentence
from showtell.text.tokenizer import tokenize, tokenize_lines
from showtell.text.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("一只狗在草地上。", ["一", "只", "狗", "在", "草", "地", "上", "。"]),
        ("子供がビーチで遊ぶ", ["子", "供", "が", "ビー", "チ", "で", "遊", "ぶ"]),
        (
            "ที่นี่มีหมาวิ่งเล่นอยู่บนหญ้า",
            ["ที่", "นี่", "มี", "ห", "ม", "า", "วิ่", "ง", "เ", "ล่", "น", "อ", "ยู่", "บ", "น", "ห", "ญ้", "า"],
        ),
        ("穿T恤的人在海边冲浪, 2个", ["穿", "t", "恤", "的", "人", "在", "海", "边", "冲", "浪", "2", "个"]),
        ("一只 狗 在 草地 上", ["一只", "狗", "在", "草地", "上"]),
        ("スケートボード に 乗る 人", ["スケートボード", "に", "乗る", "人"]),
        ("หมา วิ่ง บน สนามหญ้า", ["หมา", "วิ่ง", "บน", "สนามหญ้า"]),
        ("a dog über 한국어 собака", ["a", "dog", "über", "한국어", "собака"]),
    ],
)
def test_where_no_blanks_are_written_a_character_is_a_word(caption, words) -> None:
    assert tokenize(caption) == words
    assert tokenize_lines([caption, "a cat"]) == [" ".join(words), "a cat"]


def test_the_characters_of_a_word_are_all_of_it() -> None:
    for word in ("", "dog", "狗dog狗", "กำลัง", "-lrb-", "ー狗"):
        assert "".join(characters(word)) == word


def test_they_stand_side_by_side_again() -> None:
    captions = ["一只狗，在草地上。", "หมาวิ่งเล่นอยู่บนสนามหญ้า", "a dog, 狗 and 猫"]
    vocabulary = Vocabulary.build(captions, 1)
    assert [vocabulary.decode(vocabulary.encode(caption)) for caption in captions] == [
        "一只狗，在草地上。",
        "หมาวิ่งเล่นอยู่บนสนามหญ้า",
        "a dog 狗 and 猫",
    ]
    assert blank_between("狗", "dog") == blank_between("dog", "狗") == " "


def test_a_sentence_ends_as_its_script_ends_it() -> None:
    assert sentence("一只狗") == sentence("一只狗。") == "一只狗。"
    assert sentence("หมาวิ่ง") == "หมาวิ่ง"
    assert sentence("a dog") == "A dog."
    assert full_stop_after("a 狗") == "。"
