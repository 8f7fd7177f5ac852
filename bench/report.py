# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""Results as tables: every number a median with its least and most."""
import runner

UNITS = {"p50_us": "median one way, us", "gb_per_s": "GB/s", "messages_per_s": "million frames/s",
         "sender_cpu_us": "maker's CPU, us", "maker_ratio": "maker, first lap / later"}


def figure(value):
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def spread(values, scale=1.0):
    found = runner.summary(values)
    if found is None:
        return "-"
    return (f"{figure(found['median'] * scale)} "
            f"[{figure(found['min'] * scale)}-{figure(found['max'] * scale)}]")


def judge(results, goals, state):
    """Each goal with its figures of the rounds in that state, and whether it is reached."""
    judged = []
    for goal in goals:
        own = runner.series(results, goal["question"], goal["label"], goal["metric"], state)
        if goal["other"] is None:
            values = [value for value in own if value is not None]
        else:
            values = runner.ratios(own, runner.series(results, goal["other_question"],
                                                      goal["other"], goal["other_metric"], state))
        found = runner.summary(values)
        reached = None
        if found is not None:
            reached = (found["median"] <= goal["bound"] if goal["sense"] == "<="
                       else found["median"] >= goal["bound"])
        judged.append({**goal, "values": values, "summary": found, "reached": reached})
    return judged


def answer(goal):
    if goal["reached"] is None:
        return "-"
    return (f"{'yes' if goal['reached'] else '**no**'}: {spread(goal['values'])}, "
            f"{goal['summary']['runs']}x")


def goal_table(results, goals):
    lines = ["| goal | wanted | cores near | cores far | all rounds |", "|---|---|---|---|---|"]
    columns = [judge(results, goals, state) for state in ("near", "far", None)]
    for near, far, both in zip(*columns):
        if both["reached"] is not None:
            lines.append(f"| {both['what']} | {both['sense']} {both['bound']:g} | {answer(near)} | "
                         f"{answer(far)} | {answer(both)} |")
    return lines


def question_table(question, results):
    metric = question.metric
    scale = 1e-6 if metric == "messages_per_s" else 1.0
    if metric == "maker_ratio":
        lines = ["| | maker, first lap us | later us | page faults | looker, first lap us | "
                 "later us | page faults |", "|---|---|---|---|---|---|---|"]
        keys = ("maker_first_us", "maker_steady_us", "maker_faults", "looker_first_us",
                "looker_steady_us", "looker_faults")
        for label in results[question.name]:
            cells = [spread(runner.series(results, question.name, label, key)) for key in keys]
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
        return lines
    if metric == "hop_us":
        lines = ["| | a hop, us | of it: a reading of the clock, us | others' CPU % |",
                 "|---|---|---|---|"]
        for label in results[question.name]:
            cells = [spread(runner.series(results, question.name, label, key))
                     for key in (metric, "clock_us", "foreign_percent")]
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
        return lines
    paced = metric == "p50_us"
    lines = [f"| | {UNITS[metric]} | {'p99, us | ' if paced else ''}CPU a frame, maker us | "
             "looker us | maker's sleeps a frame | others' CPU % | calm |",
             "|---|---|" + ("---|" if paced else "") + "---|---|---|---|---|"]
    for label, runs in results[question.name].items():
        good = [run for run in runs if run is not None]
        sleeps = [run["sender_sleeps"] / max(run["messages"], 1) for run in good]
        foreign = [run["foreign_percent"] for run in good]
        cells = [spread(runner.series(results, question.name, label, metric), scale)]
        if paced:
            cells.append(spread(runner.series(results, question.name, label, "p99_us")))
        cells += [spread(runner.series(results, question.name, label, "sender_cpu_us")),
                  spread(runner.series(results, question.name, label, "receiver_cpu_us")),
                  spread(sleeps) if label.startswith(("avrig", "chain", "one")) else "",
                  spread(foreign),
                  f"{sum(value < runner.CALM_PERCENT for value in foreign)}/{len(runs)}"]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def page(questions, results, goals, facts, system_calls):
    lines = [f"{facts['date']}, revision `{facts['revision']}`: {facts['cpus']} CPUs ({facts['cpu']}"
             f"{', a virtual machine' if facts['virtual'] else ''}), {facts['memory_gib']} GiB, "
             f"{facts['system']}, Linux {facts['kernel']}; {facts['rounds']} rounds.", ""]
    lines += goal_table(results, goals)
    if system_calls:
        lines += ["", system_calls]
    for question in questions:
        lines += ["", f"**{question.title}**", ""] + question_table(question, results)
    return "\n".join(lines) + "\n"
