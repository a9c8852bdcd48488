"""Lines that say something of their speaker, and lines that do not: written for this test."""

from typing import Final

from idol_runtime.mind.memory.facts import FactKind

TOLD: Final[tuple[tuple[str, FactKind, str], ...]] = (
    # names
    ("Hi, I'm Sam.", "name", "Sam"),
    ("My name is Priya, nice to meet you!", "name", "Priya"),
    ("call me Max", "name", "Max"),
    ("hey! my name's olga", "name", "Olga"),
    ("You can call me Captain Ray.", "name", "Captain Ray"),
    ("I am Jean-Luc.", "name", "Jean-Luc"),
    ("Everyone calls me Bea.", "name", "Bea"),
    ("No, it's Tom, not Sam.", "name", "Tom"),
    ("Actually my name is Tamara", "name", "Tamara"),
    ("I'm called Ffion, it's Welsh.", "name", "Ffion"),
    ("this is marco, how are you?", "name", "Marco"),
    ("My friends call me Zed.", "name", "Zed"),
    ("Oh, I forgot to introduce myself. I'm Noor.", "name", "Noor"),
    ("hello i'm lena and i'm new here", "name", "Lena"),
    ("My full name is Anna Maria Keller.", "name", "Anna Maria Keller"),
    ("I go by Kit.", "name", "Kit"),
    ("Sam here! How was your show?", "name", "Sam"),
    ("I'm Wren, what's your name?", "name", "Wren"),
    ("MY NAME IS BORIS", "name", "Boris"),
    ("The name's Ellis.", "name", "Ellis"),
    ("Please call me Dr. Patel.", "name", "Patel"),
    ("Sorry, I said Mona, not Nora.", "name", "Mona"),
    ("私の名前はユウキです。", "name", "ユウキ"),
    ("田中と申します。", "name", "田中"),
    ("我叫小明。", "name", "小明"),
    ("Hola, me llamo Lucía.", "name", "Lucía"),
    ("Mi nombre es Mateo", "name", "Mateo"),
    ("Ich heiße Jürgen.", "name", "Jürgen"),
    # places
    ("I live in Oslo.", "place", "Oslo"),
    ("i live in new york", "place", "New York"),
    ("We moved to Berlin last year.", "place", "Berlin"),
    ("I'm from Buenos Aires.", "place", "Buenos Aires"),
    ("I just moved to a little village near Bergen.", "place", "village"),
    ("I come from Scotland, you know.", "place", "Scotland"),
    ("I'm based in Toronto these days.", "place", "Toronto"),
    ("I was born in Nairobi.", "place", "Nairobi"),
    ("I grew up in Osaka, but now I live in Kyoto.", "place", "Kyoto"),
    ("My hometown is Lyon.", "place", "Lyon"),
    ("I'm living in Cape Town with my brother.", "place", "Cape Town"),
    ("i'm from texas", "place", "Texas"),
    ("I live in the Netherlands.", "place", "the Netherlands"),
    ("I live in a small house by the sea.", "place", "house by the sea"),
    ("Well, I actually live in St. Louis.", "place", "St Louis"),
    ("I've just moved from Madrid to Porto!", "place", "Porto"),
    # ages and birthdays
    ("I'm 25 years old.", "age", "25"),
    ("i'm 14", "age", "14"),
    ("I am thirty-two.", "age", "32"),
    ("I just turned 40 last week!", "age", "40"),
    ("I'm seventeen years old and I go to school.", "age", "17"),
    ("My birthday is on May 4th.", "birthday", "May 4th"),
    ("my birthday is in november", "birthday", "November"),
    ("I was born on 3 June 1990.", "birthday", "3 June"),
    ("It's my birthday today!", "birthday", "2 March"),
    ("Tomorrow is my birthday.", "birthday", "3 March"),
    ("My birthday's July 19.", "birthday", "July 19"),
    # jobs and studies
    ("I'm a baker.", "job", "baker"),
    ("I work as a nurse at the hospital.", "job", "nurse"),
    ("I work as a baker, so I get up at three.", "job", "baker"),
    ("I'm an electrical engineer.", "job", "engineer"),
    ("my job is teaching kids to swim", "job", "teaching kids"),
    ("I work at a bookshop.", "job", "bookshop"),
    ("I drive trucks for a living.", "job", "drives trucks"),
    ("I'm studying biology.", "job", "biology"),
    ("I study law at the university.", "job", "law"),
    ("I'm a student.", "job", "student"),
    ("I've been a fisherman for thirty years.", "job", "fisherman"),
    ("I just became a paramedic.", "job", "paramedic"),
    ("I work for a small film company.", "job", "film company"),
    ("I'm a freelance translator, mostly from home.", "job", "translator"),
    ("I work from home.", "job", "from home"),
    ("My job is a lighthouse keeper.", "job", "keeper"),
    ("I'm retired.", "job", "retired"),
    # likes
    ("I love cats.", "like", "cats"),
    ("I really like strawberry ice cream.", "like", "strawberry ice cream"),
    ("i'm really into jazz", "like", "jazz"),
    ("My favourite colour is green.", "like", "green"),
    ("My favorite food is ramen!", "like", "ramen"),
    ("I enjoy hiking in the mountains.", "like", "hiking in the mountains"),
    ("I like to swim in the sea.", "like", "swim in the sea"),
    ("I'm a big fan of Queen.", "like", "Queen"),
    ("I'm crazy about old trains.", "like", "old trains"),
    ("Pizza is my favourite.", "like", "Pizza"),
    ("I adore rainy days.", "like", "rainy days"),
    ("I prefer tea.", "like", "tea"),
    ("I can't live without coffee.", "like", "coffee"),
    ("I love rock and roll.", "like", "rock and roll"),
    ("I like cats, dogs and parrots.", "like", "parrots"),
    ("I've always loved the stars.", "like", "the stars"),
    ("I'm fond of spicy food.", "like", "spicy food"),
    ("Honestly, I love dancing in the rain.", "like", "dancing in the rain"),
    ("I love my grandmother's soup.", "like", "their grandmother's soup"),
    ("My favourite season is autumn because of the leaves.", "like", "autumn"),
    # dislikes
    ("I hate mushrooms.", "dislike", "mushrooms"),
    ("I don't like cats any more.", "dislike", "cats"),
    ("I can't stand loud music.", "dislike", "loud music"),
    ("I'm not a fan of horror films.", "dislike", "horror films"),
    ("I do not like Mondays at all.", "dislike", "Mondays"),
    ("I'm afraid of spiders.", "dislike", "spiders"),
    ("i really dislike the cold", "dislike", "cold"),
    ("I'm not really into football.", "dislike", "football"),
    ("I no longer like techno.", "dislike", "techno"),
    ("I've stopped eating meat.", "dislike", "meat"),
    ("I'm scared of heights.", "dislike", "heights"),
    ("My least favourite vegetable is kale.", "dislike", "kale"),
    # pets
    ("I have a dog named Rex.", "pet", "Rex"),
    ("i have two cats", "pet", "cats"),
    ("My dog's name is Biscuit.", "pet", "Biscuit"),
    ("my cat is called mia", "pet", "Mia"),
    ("We just adopted a kitten!", "pet", "kitten"),
    ("I've got a hamster.", "pet", "hamster"),
    ("I have a parrot called Kiko, he talks all day.", "pet", "Kiko"),
    ("My dog Bruno loves snow.", "pet", "Bruno"),
    ("I own three horses.", "pet", "horses"),
    ("I have a black cat.", "pet", "black cat"),
    ("I don't have any pets.", "pet", "no pets"),
    ("I have a little dog, his name is Pip.", "pet", "dog"),
    # family
    ("I have a sister.", "family", "sister"),
    ("My brother's name is Leo.", "family", "Leo"),
    ("My wife is a doctor.", "family", "doctor"),
    ("I have two kids, Ida and Emil.", "family", "Ida and Emil"),
    ("my mom lives in spain", "family", "lives in"),
    ("I'm married to Julia.", "family", "Julia"),
    ("My best friend is Oskar.", "family", "Oskar"),
    ("My daughter Lily just started school.", "family", "Lily"),
    ("I live with my grandmother.", "family", "grandmother"),
    ("I have three older brothers.", "family", "three older brothers"),
    ("My husband works at the airport.", "family", "airport"),
    ("my girlfriend is called Sofie", "family", "Sofie"),
    ("I've got a twin sister named Nele.", "family", "Nele"),
    ("I'm the father of two girls, but I have one son too.", "family", "son"),
    # plans
    ("I'm going to Paris next week.", "plan", "Paris"),
    ("I have an exam tomorrow.", "plan", "exam on Tuesday, 3 March"),
    ("I'm planning to open a café.", "plan", "open a café"),
    ("I want to become a pilot.", "plan", "become a pilot"),
    ("Tomorrow I'm flying to Rome.", "plan", "Rome"),
    ("We're getting married in June!", "plan", "married"),
    ("I have a job interview on Monday.", "plan", "interview"),
    ("My dream is to see the northern lights.", "plan", "northern lights"),
    ("I'm thinking of buying a boat.", "plan", "boat"),
    ("I hope to visit Japan one day.", "plan", "Japan"),
    ("This weekend I'm going to paint my room.", "plan", "paint their room"),
    ("I'll start my new job next Monday.", "plan", "new job"),
    ("I'm visiting my aunt in Malta this summer.", "plan", "Malta"),
    # promises
    ("I promise I'll come back tomorrow.", "promise", "come back"),
    ("I promise to practise every day.", "promise", "practise every day"),
    ("I'll bring you strawberries next time.", "promise", "strawberries"),
    ("I'll tell you the rest of the story later.", "promise", "rest of the story"),
    # what happened
    ("I passed my driving test!", "event", "passed their driving test"),
    ("I won the chess tournament yesterday.", "event", "chess tournament"),
    ("My dog died.", "event", "dog"),
    ("I broke up with my boyfriend.", "event", "boyfriend"),
    ("I just got a new guitar.", "event", "new guitar"),
    ("Yesterday I saw a fox in the garden.", "event", "fox"),
    ("I lost my keys on the train.", "event", "lost their keys"),
    ("I finally finished my book.", "event", "finished their book"),
    ("I got promoted!", "event", "promoted"),
    ("Last night we went to a concert.", "event", "concert"),
    ("I broke my arm skiing.", "event", "broke their arm"),
    ("I was robbed last week.", "event", "robbed"),
    ("I baked my first bread today.", "event", "first bread"),
    # other
    ("I'm allergic to peanuts.", "other", "peanuts"),
    ("I play the violin.", "other", "violin"),
    ("I speak Finnish and a little Dutch.", "other", "Finnish"),
    ("I'm a vegetarian.", "other", "vegetarian"),
    ("My lucky number is seven.", "other", "seven"),
    ("I'm learning to knit.", "other", "knit"),
    ("I collect old stamps.", "other", "stamps"),
    ("I'm left-handed.", "other", "left-handed"),
    ("I'm a night owl.", "other", "night owl"),
    ("I'm Norwegian.", "other", "Norwegian"),
    ("My car is a red Volvo.", "other", "red Volvo"),
    ("I can play the piano a bit.", "other", "piano"),
)  # fmt: skip
"""A line, the kind of fact in it, and words of the fact. Said on Monday, 2 March 2026."""

_NOT_TOLD: Final = """
I'm tired.
I'm so happy today!
I'm fine, thanks.
I'm Hoshi's fan.
I'm sorry.
I'm back!
I'm here.
I'm not sure what to say.
I'm bored
I'm just kidding.
I'm hungry, let's eat.
I'm going to bed.
I'm going to kill you!
I'm a bit sad.
I'm a mess today.
I'm an idiot.
I'm 100% sure.
I'm 5 minutes late.
I'm in love with you.
I'm in trouble.
I'm on my way.
I'm listening.
I'm waiting for you.
I'm done with this.
I'm so into you.
I'm OK.
I'm having a good time.
I'm glad you're here.
I'm looking for a song.
I'm talking to you!
What's my name?
Do you know my name?
What is your name?
Who are you?
Is your name Hoshi?
Do you remember me?
Where do I live?
Do you know where I live?
What do I like?
How old am I?
Do I have a dog?
Did I tell you my name?
Guess my name!
Say my name.
My name is hard to pronounce.
My name isn't important.
Call me later.
Call me when you're back.
Call me maybe!
Don't call me stupid.
You can call me anytime.
They call me names.
Her name is Anna.
His dog is called Rex.
The queen is called Titania.
Your name is pretty.
You live in an attic.
You are from Osaka.
You like cake.
You have a cat.
You're 17.
If I lived in Oslo, I'd be cold.
If I had a dog, I'd call him Rex.
I wish I had a dog.
I wish I lived by the sea.
Imagine I am a king.
Pretend I'm a pirate.
What if I were a cat?
Repeat after me: my name is Elena.
Say: I love cheese.
Let's say I'm a doctor.
She said "I'm Sam" and left.
"My name is Bond," said the man.
He told me he lives in Rome.
Sam lives in Oslo.
Anna has a dog.
My friend told me a joke.
People live in houses.
I live in fear.
I live in the moment.
I live for music.
I live alone in my head.
I love you!
I love your voice.
I like it.
I like that song you sang.
I like how you dance.
I love this.
I like talking to you.
I'd like some cake.
I'd like to hear a song.
I would love to.
I feel like pizza.
I like you more than anyone.
I love it when you sing.
I hate you.
I hate that.
I don't like this.
I don't like your tone.
I don't like it here.
I don't know.
I don't care.
I don't think so.
I don't understand.
I hate it when it rains?
I have a question.
I have an idea.
I have to go now.
I have no idea.
I have a headache.
I have a feeling you're right.
I have a lot to do.
I have seen it before.
I have the hot dog ready for you?
I got it.
I got you.
I see.
I saw that.
I lost you there.
I made a mistake.
I found it!
I met you yesterday.
I won't go.
I had a long day.
I heard you sing.
I forgot what you said.
I just wanted to say hi.
I was joking.
I was thinking about you.
I think you're great.
I guess so.
I mean it.
I hope you're well.
I hope to see you soon.
I want to hear a song.
I want you to dance.
I want to die.
I need help.
I need you.
I will kill you.
I'll be right back.
I'll think about it.
I'll be fine.
I'm going to try.
My head is killing me.
My day is going well.
My phone is dead.
My leg hurts.
My god!
My bad.
My password is hunter2.
My phone number is 555 123 4567.
My credit card number is 4111111111111111.
It's cold today.
It's me!
It's Friday!
It's nice here.
This is fun.
This is great!
That's Tom over there?
Tell me a story.
Sing for me.
Can you dance?
Wave at me, please.
Hello there!
Good morning!
Nice to meet you.
Thank you so much.
How are you today?
What is two plus two?
Where are you from?
The weather is lovely in Paris.
Paris is in France.
A dog is an animal.
Cats are funny.
Bakers get up early.
We should go to Rome.
Let's go to the beach.
Maybe I'm a robot.
Who cares that I like cats?
Why would I live in Oslo?
Am I a baker?
Have I told you that I love cats?
You know my sister?
Should I buy a dog?
I'm sick of this.
I'm proud of you.
I'm the best!
I'm your biggest fan.
I'm nobody.
Call the police!
I can't believe it.
I can't sleep.
I can see you.
I do.
I play along.
I read you loud and clear.
I speak for everyone.
I eat too much.
I do it every time.
"""
NOT_TOLD: Final = tuple(_NOT_TOLD.strip().splitlines())
