"""The indefinite article against words whose article is known."""

import pytest

from prompt_improver.domains.articles import article

AN = """
apple hour honest heir umbrella unimportant uninstalled 8-bit 11 18 18,000 80 8.5 x m LED RFID FPGA MRI FBI SVG HTML SSH
XML npm ER RNN LLM iOS IP ID NLP only
""".split()
A = """
user unit university unique European one-page once useful US UART UUID 1 10 100 118 1800 1,100 UI URL ROM RAM LAN SQL
JSON PDF CSV GUI Unix uniform ukulele
""".split()


@pytest.mark.parametrize("word", AN)
def test_an_before_a_vowel_sound(word):
    assert article(word) == "an"


@pytest.mark.parametrize("word", A)
def test_a_before_a_consonant_sound(word):
    assert article(word) == "a"


def test_quotation_marks_and_following_words_do_not_matter():
    assert article('"apple pie"') == article("(apple)") == "an"
