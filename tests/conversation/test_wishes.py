import pytest

from idol_protocol.channels import GESTURES
from idol_runtime.conversation.wishes import Wish, wished
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import Doing, Emote, Gesture, PlacedCue

ASKED = {
    "wave": """
Please wave at me
Wave!
wave to the camera please
Can you wave at me?
Hi Hoshi, could you wave?
Hoshi, wave for me!
I want you to wave
give me a wave
Give us a big wave, please
Would you mind waving at my friend?
ok now wave goodbye
Wave your hand
I'd love to see you wave
One more wave please
That was cute. Wave again!
手を振ってください
请给我挥挥手
Saluda a la cámara, por favor
""",
    "bow": """
Bow
Take a bow!
Could you bow for us?
please do a little curtsy
Bow deeply, then.
You should bow to the audience
Let me see you bow
お辞儀してください
""",
    "nod": """
Nod if you understand
Please nod
can you nod your head for me
Give me a nod
Nod twice
Just nod.
""",
    "clap": """
Clap your hands!
clap for me please
Can you clap?
Give her a round of applause
Could you please applaud?
How about clapping along?
拍手して
""",
    "cheer": """
Cheer for me!
Raise your arms!
Can you cheer with us?
Throw your hands up in the air
""",
    "shrug": """
Shrug
Shrug for me
Could you shrug, please?
""",
    "shake": """
Shake your head
Please shake your head
can you shake your head?
""",
    "heart": """
Make a heart
Show me a heart with your hands
Can you make a heart for my mom?
do a finger heart
give me a little heart
Please make a heart sign
比个心
""",
    "point": """
Point at the moon
Can you point to the left?
please point up
""",
    "think": """
Strike a thinking pose
Show me your thinking face
""",
    "dance": """
Dance for me!
Dance
Please dance
Can you dance?
Will you dance with me?
Do a little dance
Show me your moves
I want to see you dance
Hey Hoshi, dance for us
Let's dance!
Start dancing
How about dancing a bit?
Would you dance with us tonight?
why don't you dance
Hello! Could you dance please
踊ってください
请跳个舞吧
¡Baila para mí!
""",
}
NOT_ASKED = """
Don't wave at me
Please don't dance
Stop clapping
Never bow to anyone
Do not nod
Why do you wave so much?
Do you dance?
Do you like to dance?
I love to dance
I waved at my neighbour today
My sister dances every Friday
She can dance really well
What is a wave function?
The waves were high today
Wave energy is the future
I went to a dance class
Dance is my life
Who taught you to dance?
How do I bow properly?
Should I bow when I meet him?
What does it mean to nod?
My boss nodded at me
I clapped until my hands hurt
Cheer me up, please
Please cheer up
Cheers!
Can you cheer me up?
My heart is broken
He had a heart attack
Tell me about the heart
That is a good point
What is the point?
Point taken
Could you point out my mistake?
I think you are right
What do you think?
Think about it
Shake it off
Let's shake hands
I need a milkshake
They shook my hand
I don't want you to dance
No need to clap
You danced so well yesterday
Tell me a story about a dancing bear
Play Dance Monkey
What song do you dance to?
It is hard to shrug off
I got a bow and arrow
My bow tie is crooked
The bow of the ship broke
He gave me a nod yesterday
I nod off in class
Where can I learn to dance?
Do you know how to wave?
What happens if you wave?
The crowd was cheering
Is your heart made of stars?
I am waving at you
Would you rather bow or sing?
Have you ever danced in the rain?
You shouldn't clap there
How much is the sword?
Hello!
My dog died
Can we talk about dance music?
Mi hermana baila muy bien
不要挥手
踊らないで
"""


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize(
    ("said", "name"), [(said, name) for name, text in ASKED.items() for said in lines_of(text)]
)
def test_what_is_asked_for_is_understood(said: str, name: str) -> None:
    assert wished(said) == (Doing(name) if name == "dance" else Gesture(name))


@pytest.mark.parametrize("said", lines_of(NOT_ASKED))
def test_what_is_only_spoken_of_is_not_done(said: str) -> None:
    assert wished(said) is None


def test_there_are_enough_lines_of_each() -> None:
    assert sum(len(lines_of(text)) for text in ASKED.values()) >= 60
    assert len(lines_of(NOT_ASKED)) >= 60


def test_the_first_clause_does_it_and_no_other_does_it_again() -> None:
    wave, happy = Gesture("wave"), PlacedCue(Emote("happy"), 0)
    wish = Wish("Please wave!", GESTURES)
    first = wish.granted(Line("Hi there!", (happy, PlacedCue(wave, 9))))
    assert first == Line("Hi there!", (PlacedCue(wave, 0), happy))
    second = wish.granted(Line("See you.", (PlacedCue(wave, 0), PlacedCue(Gesture("nod"), 0))))
    assert second == Line("See you.", (PlacedCue(Gesture("nod"), 0),))


def test_a_body_that_cannot_does_not() -> None:
    line = Line("Hi there!")
    assert Wish("Please wave!", ("nod",)).granted(line) == line
    assert Wish("How are you?", GESTURES).granted(line) == line
