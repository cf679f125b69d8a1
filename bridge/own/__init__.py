"""Sound and pictures of our own: prompts, warning tones, slates. docs/media.md tells when they come.

speech    numbers, money and minutes as a sequence of clips
words     what there is, as closed words, and the sentences
draw      a slate as a picture
studio    files and drawings become packets' payloads in a line's codec; cached for the whole process
player    payloads go out on a line, at the pace of the shared timer
stage     what one visit plays and shows in place of the far side
"""

from bridge.own.speech import Spoken, SpokenDigits, SpokenMinutes, SpokenMoney
from bridge.own.words import LANGUAGES, Prompt, Slate

__all__ = ["Prompt", "Slate", "Spoken", "SpokenDigits", "SpokenMinutes", "SpokenMoney", "LANGUAGES"]
