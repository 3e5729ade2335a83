"""Names and sentences that are made up, always the same for the same dice."""

from __future__ import annotations

from random import Random

GIVEN_NAMES = """
    Ada Agnes Ahmed Aiko Alan Amara Amir Ana Anton Asha Astrid Aziz Beatriz Ben Björn Bruno Carmen Celia Chen
    Clara Dalia Daniel Diego Dmitri Doris Eda Elif Elias Emeka Emil Erik Esther Eva Fatima Felix Fiona Frida
    Gita Greta Hana Hassan Helga Hugo Ida Igor Ines Ivan Jan Jarek Jin Joanna Jonas Kaito Karim Katya Kofi Lars
    Layla Lea Leo Lin Lola Lucía Luis Maja Malik Marco Maria Mei Milan Mina Miriam Nadia Nils Nina Noor Nora
    Oleg Olga Omar Oskar Paolo Paula Pavel Petra Priya Quentin Rafael Ravi Rosa Ruth Sami Sana Sara Selma Sofia
    Stefan Sven Tamar Tariq Tess Theo Tomás Uma Vera Viktor Wanda Xavier Yara Yusuf Zeynep Zoltán
"""
FAMILY_NAMES = """
    Abe Adeyemi Ahlgren Almeida Arslan Baker Banerjee Becker Berg Bianchi Blum Borg Castro Cohen Costa Dahl
    Demir Dubois Eriksen Farouk Fischer Fontaine Fujita Garcia Gupta Haas Haddad Hansen Herrera Horvat Ito
    Ivanova Jansen Jovanović Kaya Keller Khan Kim Kowalski Krause Kumar Lang Larsen Lindqvist Lopez Lund Mancini
    Martin Meyer Moreau Müller Nagy Nakamura Nguyen Novak Okafor Olsen Ortega Park Pereira Petrov Quist Rahman
    Reyes Rossi Sato Schmidt Silva Singh Sokolov Sørensen Suzuki Takahashi Tanaka Torres Ueda Varga Vogel Wagner
    Walsh Weber Wolf Yamamoto Yılmaz Zhang Ziegler
"""
FIRST, LAST = tuple(GIVEN_NAMES.split()), tuple(FAMILY_NAMES.split())
OPENERS = ("", "", "", "Well, ", "By the way, ", "Just so you know, ", "If you ask me, ", "As I said, ", "Honestly, ")
WHO = (
    *("the team", "somebody", "the neighbour", "our printer", "the new server", "the cat", "my sister", "everybody"),
    *("the night train", "the coffee machine", "nobody", "the customer", "the weather", "that old laptop"),
)
DID = (
    *("forgot", "found", "is waiting for", "wants", "broke", "mended", "keeps talking about", "lost", "is looking at"),
    *("has finished", "is late with", "likes", "ordered", "can't see", "sent me", "has read"),
)
WHAT = (
    *("the report", "the keys", "a second cup of tea", "the release", "last week's numbers", "the garden"),
    *("the photos from Lisbon", "a very small bug", "the whole thing", "my bicycle", "the minutes", "the new design"),
    *("chapter seven", "an answer", "the umbrella", "two tickets"),
)
ENDS = (".", ".", ".", "!", "?", " again.", ", and that is fine.", " \N{SLIGHTLY SMILING FACE}", "...")
SHORT = ("ok", "yes", "no, why?", "haha", "see you later", "thanks!", "one moment", "\N{THUMBS UP SIGN}", "on my way")


def name(dice: Random) -> str:
    """Of a person."""
    return f"{dice.choice(FIRST)} {dice.choice(LAST)}"


def sentence(dice: Random) -> str:
    """What people say in a chat: mostly a sentence, sometimes two or only a word."""
    if dice.random() < 0.2:
        return dice.choice(SHORT)
    said = [_sentence(dice) for _ in range(1 if dice.random() < 0.85 else 2)]
    return ("\n" if dice.random() < 0.3 else " ").join(said)


def _sentence(dice: Random) -> str:
    opener, who = dice.choice(OPENERS), dice.choice(WHO)
    start = opener + who if opener else who[0].upper() + who[1:]
    return f"{start} {dice.choice(DID)} {dice.choice(WHAT)}{dice.choice(ENDS)}"


def moments(dice: Random, count: int, begin: float, end: float) -> list[float]:
    """So many points in time between two, in order, to the millisecond; people talk in bursts."""
    found: list[float] = []
    while len(found) < count:
        at = dice.uniform(begin, end)
        for _ in range(min(dice.randint(1, 12), count - len(found))):
            found.append(round(min(at, end), 3))
            at += dice.uniform(2, 90)
    return sorted(found)
