"""More invented files to ask short questions about: mail with headers, pages, tables, contracts, a chat log.

They join the folder of `everyday.py`. Beside the facts stand questions that the very same files come close to
and do not answer, which is what most questions without an answer are like.
"""

from __future__ import annotations

from pathlib import Path

from engine.bench import everyday
from engine.bench.everyday import Dice, Fact, Shape

_TOWNS = (
    "Aspelund Birkwald Cederow Drosseln Ebbmoor Farnvik Gellin Haselby Immerow Juvik Kolmar Lerchenau Mossby "
    "Nesselin"
).split()

_FILLER = (
    "Nothing else was changed, and the old arrangement stays in force for everybody who joined before.",
    "Please keep this for your records; no reply is needed unless something is wrong.",
    "The weather will decide about the rest, as it does every year.",
)


def _policy(dice: Dice) -> tuple[str, str, list[Fact]]:
    clerk, holder, company = dice.person(), dice.person(), f"{dice.town()} Mutual"
    number = f"{dice.pick('HX', 'PK', 'TR')}-{dice.number(10_000, 99_999)}"
    excess, due = dice.number(100, 900), dice.date()
    text = (
        f"From: {clerk} <claims@example.org>\nTo: {holder} <{holder.split()[0].lower()}@example.org>\n"
        f"Subject: Your household cover with {company}\nDate: Mon, 3 Mar 2025 09:15:00 +0000\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
        f"Dear {holder},\n\nthank you for your patience. Your new contract carries the number {number}. In "
        f"case of damage you bear the first {excess} crowns yourself; we pay what is above. To withdraw, "
        f"write to us before {due}.\n\n{dice.pick(*_FILLER)}\n\nKind regards\n{clerk}\n\n"
        f"> Could you tell me when the papers will come?\n> {holder}\n"
    )
    return (
        f"cover {company}.eml",
        text,
        [
            Fact(
                f"What is the number of the contract with {company}?",
                (number,),
                said=f"The contract with {company} has the number {{}}.",
            ),
            Fact(
                f"How much of a damage do I pay myself at {company}?",
                (str(excess),),
                said=f"At {company} you bear the first {{}} crowns of a damage yourself.",
            ),
            Fact(
                f"Until when may {holder} withdraw from the {company} contract?",
                (due,),
                said=f"{holder} can withdraw from the contract with {company} before {{}}.",
            ),
            Fact(
                f"Who wrote to {holder} on behalf of {company}?",
                (clerk,),
                said=f"{{}} of {company} wrote to {holder}.",
            ),
            Fact(f"What does the {company} cover cost per year?", (), "absent"),
        ],
    )


def _courses(dice: Dice) -> tuple[str, str, list[Fact]]:
    school = f"{dice.town()} evening school"
    subjects = dice.random.sample(["Pottery", "Bookbinding", "Welsh", "Cello", "Weaving", "Astronomy"], 4)
    rows = [(subject, dice.person(), dice.number(1, 99), dice.number(30, 400)) for subject in subjects]
    cells = "".join(
        f"<tr><td>{subject}</td><td>{teacher}</td><td>{room}</td><td>{fee}</td></tr>"
        for subject, teacher, room, fee in rows
    )
    text = (
        f"<!doctype html><html><head><title>{school}: courses</title><style>td {{color: #333}}</style></head>"
        f"<body><nav><a href='/'>Home</a></nav><h1>Courses of the {school}</h1><p>{dice.pick(*_FILLER)}</p>"
        f"<table><tr><th>Course</th><th>Teacher</th><th>Room</th><th>Fee in crowns</th></tr>{cells}</table>"
        "</body></html>\n"
    )
    facts = []
    for subject, teacher, room, fee in rows[:2]:
        facts += [
            Fact(
                f"Who teaches {subject} at the {school}?",
                (teacher,),
                said=f"{subject} at the {school} is taught by {{}}.",
            ),
            Fact(
                f"In which room is the {subject} course of the {school}?",
                (str(room),),
                said=f"The {subject} course of the {school} is in room {{}}.",
            ),
            Fact(
                f"What is the fee for {subject} at the {school}?",
                (str(fee),),
                said=f"The fee for {subject} at the {school} is {{}} crowns.",
            ),
        ]
    facts.append(Fact(f"At what time does {subjects[2]} begin at the {school}?", (), "absent"))
    return f"{school}.html", text, facts


def _works(dice: Dice) -> tuple[str, str, list[Fact]]:
    house, lead, smith = f"{dice.town()} mill", dice.person(), dice.person()
    begin, end = dice.date(), dice.date()
    costs = [(part, dice.number(1_000, 9_000)) for part in ("roof", "windows", "wheel")]
    table = "\n".join(f"| {part} | {cost} |" for part, cost in costs)
    text = (
        f"# Repairs of the {house}\n\n{lead} leads the works. The scaffolding goes up on {begin} and must be "
        f"gone by {end}, or the town will fine us. {dice.pick(*_FILLER)}\n\n## Costs\n\n"
        f"| part | crowns |\n|---|---|\n{table}\n\n## Decisions\n\n- lime plaster, no cement\n"
        f"- the iron parts go to {smith}, who has known the wheel for twenty years\n"
    )
    return (
        f"{house} repairs.md",
        text,
        [
            Fact(
                f"Who is in charge of the repairs of the {house}?",
                (lead,),
                said=f"{{}} leads the repairs of the {house}.",
            ),
            Fact(
                f"When is the scaffolding at the {house} put up?",
                (begin,),
                said=f"The scaffolding at the {house} goes up on {{}}.",
            ),
            Fact(
                f"How much do the windows of the {house} cost?",
                (str(costs[1][1]),),
                said=f"The windows of the {house} cost {{}} crowns.",
            ),
            Fact(
                f"Who works on the iron parts of the {house}?",
                (smith,),
                said=f"The iron parts of the {house} go to {{}}.",
            ),
            Fact(f"Who pays for the repairs of the {house}?", (), "absent"),
        ],
    )


def _lease(dice: Dice) -> tuple[str, str, list[Fact]]:
    owner, tenant, flat = dice.person(), dice.person(), f"{dice.town()} Lane {dice.number(2, 98)}"
    rent, deposit, notice = dice.number(300, 990), dice.number(1_000, 3_000), dice.pick("six", "nine", "ten")
    as_digits = {"six": "6", "nine": "9", "ten": "10"}[notice]
    text = (
        f"AGREEMENT about the flat in {flat}\n\n1. {owner}, hereafter the owner, lets the flat to {tenant}, "
        f"hereafter the tenant.\n\n2. The rent is {rent} crowns, due on the third working day. Heating is "
        f"not part of it.\n\n3. As security the tenant leaves a deposit of {deposit} crowns, which is "
        f"returned without interest.\n\n4. Either side may end the agreement with {notice} weeks' notice, "
        f"in writing.\n\n5. {dice.pick(*_FILLER)}\n"
    )
    return (
        f"agreement {flat}.txt",
        text,
        [
            Fact(f"Who lets the flat in {flat}?", (owner,), said=f"The flat in {flat} is let by {{}}."),
            Fact(
                f"How high is the rent in {flat}?",
                (str(rent),),
                said=f"The rent of the flat in {flat} is {{}} crowns.",
            ),
            Fact(
                f"Which deposit did {tenant} leave?",
                (str(deposit),),
                said=f"{tenant} leaves a deposit of {{}} crowns.",
            ),
            Fact(
                f"How many weeks' notice end the agreement about {flat}?",
                (notice, as_digits),
                said=f"The agreement about {flat} ends with {{}} weeks' notice.",
            ),
            Fact(f"How large is the flat in {flat}?", (), "absent"),
        ],
    )


def _service(dice: Dice) -> tuple[str, str, list[Fact]]:
    fleet = f"{dice.town()} carpool"
    cars = dice.random.sample(
        ["grey van", "red estate", "blue hatchback", "white pickup", "green minibus"], 4
    )
    rows = [(car, dice.number(10_000, 99_000), dice.person(), dice.date()) for car in cars]
    lines = ["vehicle;kilometres;mechanic;next inspection", *(";".join(map(str, row)) for row in rows)]
    facts = []
    for car, distance, mechanic, day in rows[:2]:
        facts += [
            Fact(
                f"How far has the {car} of the {fleet} been driven?",
                (str(distance),),
                said=f"The {car} of the {fleet} has {{}} kilometres.",
            ),
            Fact(
                f"Who looks after the {car} of the {fleet}?",
                (mechanic,),
                said=f"The mechanic of the {car} of the {fleet} is {{}}.",
            ),
            Fact(
                f"When is the next inspection of the {car} of the {fleet}?",
                (day,),
                said=f"The next inspection of the {car} of the {fleet} is on {{}}.",
            ),
        ]
    facts.append(Fact(f"What did the {cars[0]} of the {fleet} cost?", (), "absent"))
    return f"{fleet}.csv", "\n".join(lines) + "\n", facts


def _talk(dice: Dice) -> tuple[str, str, list[Fact]]:
    one, other, place = dice.person(), dice.person(), dice.town()
    hall, seats, hour = dice.pick("Corn Hall", "Old Foundry", "Salt House"), dice.number(40, 400), "19:45"
    first, second = one.split()[0], other.split()[0]
    text = (
        f"Group: Concert in {place}\nMembers: {one}, {other}\n\n[18:02] {first}: did you get hold of anyone?"
        f"\n[18:04] {second}: yes! we play in the {hall}, they have {seats} seats\n"
        f"[18:05] {first}: and who does the sound\n[18:09] {second}: {dice.pick('Bo', 'Kim', 'Uma')} from "
        f"the radio, same as last year. Doors open at {hour}\n[18:11] {first}: I bring the harmonium\n"
    )
    return (
        f"chat concert {place}.txt",
        text,
        [
            Fact(
                f"Where does the concert in {place} take place?",
                (hall,),
                said=f"The concert in {place} is played in the {{}}.",
            ),
            Fact(
                f"How many seats are there for the concert in {place}?",
                (str(seats),),
                said=f"For the concert in {place} there are {{}} seats.",
            ),
            Fact(f"When do the doors open for the concert in {place}?", (hour,)),
            Fact(f"What do the tickets for the concert in {place} cost?", (), "absent"),
        ],
    )


_SHAPES: tuple[tuple[Shape, int], ...] = (
    (_policy, 2),
    (_courses, 2),
    (_works, 2),
    (_lease, 2),
    (_service, 2),
    (_talk, 2),
)


def write(folder: Path, seed: int = 1) -> list[Fact]:
    """The 20 files of `everyday` and 12 of these: 124 facts, 24 absent and 24 general questions."""
    dice = Dice(seed, _TOWNS)
    return [*everyday.fill(folder, dice, (*everyday.SHAPES, *_SHAPES)), *everyday.unknown(dice)]
