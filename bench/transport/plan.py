# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""What is asked of the transport, of whom, and what avrig is to reach."""
from runner import Contender, Question

SIZES = {"512 B": 512, "8 KiB": 8192, "VGA": 921600, "1080p": 6220800, "4K": 24883200}
RING, ICEORYX, GSTREAMER = "avrig", "iceoryx", "GStreamer shm"
QUEUE, ZEROMQ, TORCH, ROOF = "Boost message_queue", "ZeroMQ", "torch queue", "roofline"
ADAPTIVE, BLOCKING = "avrig, adaptive", "avrig, blocking"
CHAIN, CHAIN_FREE, HOP = "chain, pinned alternately", "chain, not pinned", "one hop, pinned"
CHAIN_PAIRS = "chain, pinned in pairs"
BOUND, BOUND_FREE = "bound, pinned alternately", "bound, best placed"

PROGRAM = {RING: "transport/ring_hop", ADAPTIVE: "transport/ring_hop",
           BLOCKING: "transport/ring_hop", HOP: "transport/ring_hop",
           ICEORYX: "transport/peer_iceoryx", GSTREAMER: "transport/peer_gstreamer",
           QUEUE: "transport/peer_message_queue", ZEROMQ: "transport/peer_zeromq",
           TORCH: "transport/peer_torch.py", ROOF: "transport/roofline",
           CHAIN: "transport/chain", CHAIN_FREE: "transport/chain",
           CHAIN_PAIRS: "transport/chain",
           BOUND: "transport/chain_roofline", BOUND_FREE: "transport/chain_roofline"}


def contender(label, size, **options):
    options = {"name": label.replace(" ", "-"), "size": size, "queue": 64 if size <= 8192 else 8,
               **options}
    if label == ADAPTIVE:
        options["wait"] = "adaptive"
    if label in (RING, HOP) and options.get("mode") == "flood":
        # As core/graph plans it for two stages that nothing paces. With more stages than cores, as
        # in the chain, it plans blocking.
        options.setdefault("wait", "adaptive")
    if label == CHAIN_FREE:
        options["cpus"] = "none"
    if label == CHAIN_PAIRS:
        options["cpus"] = "0,0,1,1"
    if label == BOUND_FREE:
        options["wait"] = "split"
    return Contender(label, PROGRAM[label], **options)


def spinning(seconds):
    return [Question(f"spin {text}", f"One hop at 1 kHz, both spin, {text}", "p50_us",
                     [contender(label, SIZES[text], wait="spin", rate=1000, seconds=seconds)
                      for label in (RING, ICEORYX)])
            for text in ("512 B", "8 KiB")]


def sleeping(seconds):
    who = {"512 B": (RING, ICEORYX, QUEUE, ZEROMQ), "8 KiB": (RING, ICEORYX, QUEUE, ZEROMQ),
           "VGA": (RING, ICEORYX, GSTREAMER, QUEUE, ZEROMQ, TORCH),
           "1080p": (RING, ICEORYX, GSTREAMER, QUEUE, ZEROMQ, TORCH),
           "4K": (RING, ICEORYX, GSTREAMER, QUEUE, ZEROMQ)}
    return [Question(f"paced {text}",
                     f"One hop, consumer sleeps, {text} at {1000 if size <= 8192 else 60} Hz",
                     "p50_us",
                     [contender(label, size, rate=1000 if size <= 8192 else 60, seconds=seconds)
                      for label in who[text]])
            for text, size in SIZES.items()]


def flooding(seconds):
    asked = [Question("flood 512 B", "Throughput, every byte written and read, 512 B",
                      "messages_per_s",
                      [contender(label, 512, mode="flood", seconds=seconds)
                       for label in (ADAPTIVE, BLOCKING, ICEORYX, QUEUE, ZEROMQ)])]
    for text in ("VGA", "1080p", "4K"):
        who = (ROOF, RING, ICEORYX, GSTREAMER, QUEUE, TORCH)
        asked.append(Question(
            f"flood {text}", f"Throughput, every byte written and read, {text}", "gb_per_s",
            [contender(label, SIZES[text], mode="flood",
                       seconds=max(seconds, 0.7) if label == TORCH else seconds)
             for label in who]))
    return asked


def costs(seconds):
    return [Question("cost", "CPU time a frame and side, nothing touched, nobody sleeps",
                     "sender_cpu_us",
                     [contender(label, 512, mode="flood", touch=0, wait="spin", seconds=seconds)
                      for label in (RING, ICEORYX)]),
            Question("hop code", "The code of a hop, both sides in one thread", "hop_us",
                     [Contender(RING, "transport/hop_cost", size=512)])] + [
        Question(f"first lap {text}", f"First use of each buffer against later ones, {text}",
                 "maker_ratio", [Contender(RING, "transport/first_lap", size=SIZES[text])])
        for text in ("VGA", "1080p")]


def chains(seconds):
    asked = [Question("chain 512 B", "Maker, editor, gate, looker: 512 B at 1 kHz", "p50_us",
                      [contender(label, 512, rate=1000, seconds=seconds)
                       for label in (CHAIN, CHAIN_FREE, HOP)])]
    for text in ("VGA", "1080p"):
        asked.append(Question(
            f"chain {text}", f"Maker, editor, gate, looker: throughput, {text}", "gb_per_s",
            [contender(label, SIZES[text], mode="flood", seconds=seconds)
             for label in (CHAIN, CHAIN_PAIRS, CHAIN_FREE, HOP, BOUND, BOUND_FREE)]))
    return asked


def questions(quick):
    paced, flood = (0.4, 0.25) if quick else (0.6, 0.35)
    return spinning(paced) + sleeping(paced) + flooding(flood) + costs(flood) + chains(flood)


# (what, question, label, metric, against question, against label, metric, <= or >=, bound)
def goals():
    wanted = []

    def ratio(what, question, label, metric, other, sense, bound, other_question=None,
              other_metric=None):
        wanted.append(dict(what=what, question=question, label=label, metric=metric, other=other,
                           other_question=other_question or question,
                           other_metric=other_metric or metric, sense=sense, bound=bound))

    for text in ("512 B", "8 KiB"):
        ratio(f"both spin, p50, {text}: of iceoryx polling", f"spin {text}", RING, "p50_us",
              ICEORYX, "<=", 0.5)
    for text in SIZES:
        ratio(f"consumer sleeps, p50, {text}: of iceoryx's WaitSet", f"paced {text}", RING,
              "p50_us", ICEORYX, "<=", 1.1)
    ratio("consumer sleeps, p50, 4K: of VGA", "paced 4K", RING, "p50_us", RING, "<=", 1.2,
          other_question="paced VGA")
    for text in ("VGA", "1080p", "4K"):
        ratio(f"consumer sleeps, p50, {text}: of GStreamer shmsink", f"paced {text}", RING,
              "p50_us", GSTREAMER, "<=", 0.6)
    for text in ("1080p", "4K"):
        ratio(f"consumer sleeps, p50, {text}: of Boost message_queue", f"paced {text}", RING,
              "p50_us", QUEUE, "<=", 0.15)
    ratio("consumer sleeps, p50, 1080p: of the torch queue", "paced 1080p", RING, "p50_us", TORCH,
          "<=", 0.02)
    for text in ("VGA", "1080p", "4K"):
        question = f"flood {text}"
        ratio(f"throughput, {text}: of the roofline", question, RING, "gb_per_s", ROOF, ">=", 0.9)
        ratio(f"throughput, {text}: of iceoryx", question, RING, "gb_per_s", ICEORYX, ">=", 1.0)
        ratio(f"throughput, {text}: of GStreamer", question, RING, "gb_per_s", GSTREAMER, ">=", 1.4)
        ratio(f"throughput, {text}: of the torch queue", question, RING, "gb_per_s", TORCH, ">=",
              15)
        ratio(f"producer's CPU a frame, {text}: of iceoryx", question, RING, "sender_cpu_us",
              ICEORYX, "<=", 0.6)
    ratio("throughput, 512 B, adaptive: of iceoryx", "flood 512 B", ADAPTIVE, "messages_per_s",
          ICEORYX, ">=", 5)
    ratio("throughput, 512 B, blocking: of iceoryx", "flood 512 B", BLOCKING, "messages_per_s",
          ICEORYX, ">=", 1.5)
    ratio("a hop's code, both sides in one thread, us", "hop code", RING, "hop_us", None, "<=",
          0.15)
    for metric, side in (("sender_cpu_us", "maker"), ("receiver_cpu_us", "follower")):
        ratio(f"a hop's CPU between two cores, {side}, us", "cost", RING, metric, None, "<=", 0.15)
    for text in ("VGA", "1080p"):
        for side in ("maker", "looker"):
            ratio(f"first lap of later ones, {side}, {text}", f"first lap {text}", RING,
                  f"{side}_ratio", None, "<=", 1.3)
    ratio("chain, 512 B, p50, pinned: of one pinned hop", "chain 512 B", CHAIN, "p50_us", HOP,
          "<=", 3)
    ratio("chain, 512 B, p50, not pinned: of the pinned chain", "chain 512 B", CHAIN_FREE,
          "p50_us", CHAIN, "<=", 0.6)
    for text in ("VGA", "1080p"):
        # The bounds do the same work on the bytes by two spinning processes: what the machine permits.
        for label in (CHAIN, CHAIN_PAIRS, CHAIN_FREE, BOUND, BOUND_FREE):
            ratio(f"{label}, throughput, {text}: of one hop", f"chain {text}", label, "gb_per_s",
                  HOP, ">=", 0.6)
    return wanted
