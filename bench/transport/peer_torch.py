#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""Frames as Python rigs pass them: a new torch tensor a frame through torch.multiprocessing.Queue.

Same options and result line as the C++ programs.
"""
import argparse
import json
import os
import time

import torch
import torch.multiprocessing as mp

WARM_UP, MEASURED, LAST = 0, 1, 2


def parse():
    parser = argparse.ArgumentParser()
    for key, value in dict(name="torch", mode="paced", wait="block", cpus="0,1").items():
        parser.add_argument("--" + key, default=value)
    for key, value in dict(size=512, touch=1, queue=8, window=0, messages=0).items():
        parser.add_argument("--" + key, type=int, default=value)
    for key, value in dict(rate=1000, seconds=1, warm=0.1).items():
        parser.add_argument("--" + key, type=float, default=value)
    return parser.parse_args()


def pin(options, process):
    cpus = [] if options.cpus == "none" else [int(cpu) for cpu in options.cpus.split(",")]
    if cpus:
        os.sched_setaffinity(0, {cpus[process % len(cpus)]})


def machine_s():
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
    used = fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]
    return used / os.sysconf("SC_CLK_TCK")


def receive(options, queue, ready, out):
    pin(options, 1)
    torch.set_num_threads(1)
    ready.put(True)
    latencies, count, first, cpu, total = [], 0, 0, 0, 0
    while True:
        tensor, sent, phase = queue.get()
        now = time.monotonic_ns()
        if phase == LAST:
            break
        if phase == MEASURED:
            if count == 0:
                first, cpu = now, time.process_time_ns()
            else:
                latencies.append(now - sent)
            count += 1
        if options.touch:
            total += int(tensor.numpy().view("uint64").sum())
        del tensor
    out.put((count, first, now, time.process_time_ns() - cpu, latencies))
    time.sleep(0.2)


def send(options, queue):
    start = due = time.monotonic_ns()
    begin = start + int(options.warm * 1e9)
    end = begin + int(options.seconds * 1e9)
    before = None
    while True:
        if options.mode == "paced":
            due += int(1e9 / options.rate)
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
        now = time.monotonic_ns()
        if before is None and now >= begin:
            before = (time.process_time_ns(), machine_s(), now)
        if now >= end:
            break
        tensor = torch.empty(options.size, dtype=torch.uint8)
        if options.touch:
            tensor.fill_(now & 255)
        queue.put((tensor, time.monotonic_ns(), WARM_UP if before is None else MEASURED))
    cpu = time.process_time_ns() - before[0]
    used, wall = machine_s() - before[1], (time.monotonic_ns() - before[2]) / 1e9
    queue.put((torch.empty(8, dtype=torch.uint8), 0, LAST))
    return cpu, used, wall


def main():
    options = parse()
    torch.set_num_threads(1)
    queue, ready, out = mp.Queue(options.queue), mp.Queue(), mp.Queue()
    receiver = mp.Process(target=receive, args=(options, queue, ready, out))
    receiver.start()
    pin(options, 0)
    ready.get()
    cpu, used, wall = send(options, queue)
    count, first, last, receiver_cpu, latencies = out.get()
    receiver.join()
    latencies = sorted(latencies) if options.mode == "paced" else []

    def at(share):
        place = min(len(latencies) - 1, int(share * len(latencies)))
        return latencies[place] / 1e3 if latencies else 0

    seconds = (last - first) / 1e9
    rate = count / seconds if seconds else 0
    foreign = max(0, (used - (cpu + receiver_cpu) / 1e9) / wall * 100)
    print(json.dumps({
        "name": options.name, "mode": options.mode, "wait": options.wait, "size": options.size,
        "touch": options.touch, "messages": count, "seconds": round(seconds, 3),
        "messages_per_s": rate, "gb_per_s": rate * options.size / 1e9, "p50_us": at(0.5),
        "p99_us": at(0.99), "max_us": at(1), "sender_cpu_us": cpu / 1e3 / max(count, 1),
        "receiver_cpu_us": receiver_cpu / 1e3 / max(count, 1), "middle_cpu_us": 0,
        "sender_sleeps": 0, "receiver_sleeps": 0, "lost": 0,
        "foreign_percent": round(foreign, 1)}), flush=True)
    os._exit(0)


main()
