// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "fetch.hpp"
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/sweep.hpp>

#include <algorithm>
#include <bit>
#include <utility>

namespace avrig::shm {
namespace {

void collect(std::uint64_t mask, std::size_t count, std::vector<std::uint32_t>& out) {
  for (std::uint32_t index = 0; index < count; ++index) {
    if ((mask >> index) & 1) {
      out.push_back(index);
    }
  }
}

void add_once(std::vector<std::uint32_t>& list, std::uint32_t value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) {
    list.push_back(value);
  }
}

}  // namespace

RingFollower::RingFollower(Ring& ring,
                           std::uint32_t participant,
                           std::span<Bell> bells,
                           std::span<Ring* const> pools)
    : RingFollower(ring, participant, bells, pools, 0) {}

RingFollower::RingFollower(Ring& ring,
                           std::uint32_t participant,
                           std::span<Bell> bells,
                           std::span<Ring* const> pools,
                           std::uint64_t verdict_on_jump)
    : ring_(&ring),
      page_(&ring.participant_page(participant)),
      participant_(participant),
      entry_(ring.participants()[participant]),
      bells_(bells),
      pools_(pools.begin(), pools.end()),
      verdict_on_jump_(verdict_on_jump),
      source_(&ring) {
  const auto entries = ring.participants();
  const std::uint64_t me = std::uint64_t{1} << participant;
  collect(entry_.after, entries.size(), after_);
  collect(entry_.behind, entries.size(), behind_);
  for (std::uint32_t index = 0; index < entries.size(); ++index) {
    if (((entry_.after >> index) & 1) && entries[index].part == Part::Editor) {
      editor_lines_.push_back(entries[index].editor_line);
    }
    if (entries[index].after & me) {
      wakes_on_done_.push_back(index);
    }
    if (entries[index].behind & me) {
      add_once(wakes_on_hold_, entries[index].bell);
    }
  }
  recover();
}

void RingFollower::recover() noexcept {
  AVRIG_SWEEP_WINDOW(Recover);
  (void)page_->ledger.load(ledger_);
  next_ = page_->done.load(std::memory_order_relaxed);
  hold_ = page_->hold.load(std::memory_order_relaxed);
  page_->wanted.store(0, std::memory_order_relaxed);
  if (ledger_.cursor > next_) {
    // Counted, but not yet done: a frame set aside, or a jump.
    const bool is_jump = ledger_.jump_from <= next_;
    const bool held_nothing = hold_ == next_;
    if (is_jump) {
      judge_jump(next_, ledger_.cursor);
    }
    advance(ledger_.cursor);
    if (is_jump && held_nothing) {
      release(next_);
    }
  }
  Descriptor newest;
  std::uint64_t word = 0;
  ended_ = next_ > 0 && ring_->read(next_ - 1, newest, word) && word_kind(word) == Kind::End;
}

bool RingFollower::available(std::uint64_t sequence) const noexcept {
  if (!ring_->published(sequence)) {
    return false;
  }
  for (const std::uint32_t index : after_) {
    if (ring_->participant_page(index).done.load(std::memory_order_seq_cst) <= sequence) {
      return false;
    }
  }
  for (const std::uint32_t index : behind_) {
    if (ring_->participant_page(index).hold.load(std::memory_order_seq_cst) <= sequence) {
      return false;
    }
  }
  return true;
}

bool RingFollower::ready() noexcept {
  const auto& floor = ring_->maker_page().floor;
  if (floor.load(std::memory_order_seq_cst) > next_ || available(next_)) {
    return true;
  }
  caught_up_ = true;
  settle();
  ask_for_frames();
  return floor.load(std::memory_order_seq_cst) > next_ || available(next_);
}

// --- what is passed over -----------------------------------------------------------------------

void RingFollower::advance(std::uint64_t to) noexcept {
  AVRIG_SWEEP_WINDOW(Advance);
  next_ = to;
  // begun first: done must never pass it.
  if (page_->begun.load(std::memory_order_relaxed) < to) {
    page_->begun.store(to, std::memory_order_seq_cst);
  }
  // seq_cst: release for the frame, and one half of the wake-up's Dekker pair.
  page_->done.store(to, std::memory_order_seq_cst);
  page_->since_ns.store(0, std::memory_order_relaxed);
  ring_those_behind(ended_);
}

// Written before the cursor moves, so that a successor takes what was counted as done.
void RingFollower::decide(std::uint64_t to) noexcept {
  ledger_.cursor = to;
  page_->ledger.store(ledger_);
}

void RingFollower::judge(std::uint64_t sequence, std::uint64_t verdict) noexcept {
  EditorLine& line = ring_->slot(sequence).editor[entry_.editor_line];
  line.verdict.store(verdict, std::memory_order_relaxed);
  line.tag.store(sequence + 1, std::memory_order_release);
}

// What an editor jumps over it has not edited; those behind it must not take it for edited.
void RingFollower::judge_jump(std::uint64_t from, std::uint64_t to) noexcept {
  if (entry_.part != Part::Editor) {
    return;
  }
  for (std::uint64_t sequence = std::max(from, to - std::min<std::uint64_t>(to, ring_->slots()));
       sequence < to;
       ++sequence) {
    judge(sequence, verdict_on_jump_);
  }
}

void RingFollower::lose(std::uint64_t to, std::uint64_t maker_voids, DropReason reason) noexcept {
  const std::uint64_t voids =
      std::min(maker_voids - std::min(maker_voids, ledger_.maker_voids), to - next_);
  ledger_.voids += voids;
  ledger_.maker_voids += voids;
  ledger_.dropped[static_cast<std::size_t>(reason)] += to - next_ - voids;
  ledger_.jump_from = next_;
  decide(to);
  const bool held_nothing = hold_ == next_;
  judge_jump(next_, to);
  advance(to);
  if (held_nothing) {
    release(to);
  }
}

// Give up what the maker has taken away. The frame at the floor, or the one before it where none
// is published yet, says how many of them were frames at all. Both are gone only once the floor
// has moved on.
bool RingFollower::lose_below_floor() noexcept {
  constexpr int kTries = 1000;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const std::uint64_t floor = ring_->maker_page().floor.load(std::memory_order_seq_cst);
    Descriptor at;
    std::uint64_t word = 0;
    std::uint64_t voids = 0;
    if (ring_->read(floor, at, word)) {
      voids = at.voids - (word_kind(word) == Kind::Frame ? 0 : 1);
    } else if (ring_->read(floor - 1, at, word)) {
      voids = at.voids;
    } else {
      continue;
    }
    lose(floor, voids, entry_.loss == Loss::MaySkip ? DropReason::Skipped : DropReason::Slack);
    return true;
  }
  broken_ = "its maker took away frames that it never published";
  return false;
}

void RingFollower::count_void(Kind kind) noexcept {
  ledger_.jump_from = next_ + 1;
  ++ledger_.voids;
  ledger_.maker_voids += kind == Kind::Frame ? 0 : 1;
  decide(next_ + 1);
}

// The newest frame that a lagging `may_skip` follower may jump to: never past a mark.
std::uint64_t RingFollower::newest_to_jump_to() const noexcept {
  std::uint64_t newest = next_;
  while (available(newest + 1)) {
    const std::uint64_t word = ring_->slot(newest).word.load(std::memory_order_relaxed);
    if (word_kind(word) != Kind::Frame && word_kind(word) != Kind::Empty) {
      break;
    }
    const std::uint64_t after = ring_->slot(newest + 1).word.load(std::memory_order_relaxed);
    if (word_kind(after) != Kind::Frame && word_kind(after) != Kind::Empty) {
      break;
    }
    ++newest;
  }
  return newest;
}

// --- taking ------------------------------------------------------------------------------------

bool RingFollower::resolve(Taken& taken) noexcept {
  const Ring* pool = ring_;
  taken.payload = {};
  if (taken.kind != Kind::Frame) {
    return true;
  }
  if (ring_->is_reference()) {
    taken.buffer = taken.descriptor.reference_buffer;
    if (taken.buffer == kNoBuffer) {
      return true;
    }
    const auto found = std::find_if(pools_.begin(), pools_.end(), [&](const Ring* candidate) {
      return candidate->id() == taken.descriptor.reference_ring;
    });
    if (found == pools_.end()) {
      broken_ = "a frame names a pool that this stage was not sent";
      return false;
    }
    pool = *found;
  }
  if (taken.buffer >= pool->buffers() || !fits(taken.descriptor, pool->buffer_bytes())) {
    broken_ = "a descriptor points outside its pool";
    return false;
  }
  taken.payload = pool->buffer(taken.buffer);
  source_ = pool;
  return true;
}

// A hint: have the frame's first bytes come from the maker's cache while its descriptor does.
void RingFollower::fetch(std::uint64_t sequence, std::uint64_t lines) const noexcept {
  const std::uint32_t buffer =
      word_buffer(ring_->slot(sequence).word.load(std::memory_order_relaxed));
  if (buffer < ring_->buffers()) {
    fetch_to_read(ring_->buffer(buffer).data(), lines);
  }
}

bool RingFollower::begin(std::uint64_t sequence, Taken& taken) noexcept {
  const MakerPage& maker = ring_->maker_page();
  fetch(sequence, 1);
  // Who had to wait for this frame has no next one to fetch, and would stay for the look at it.
  if (!std::exchange(caught_up_, false) && ring_->published(sequence + 1)) {
    fetch(sequence + 1, ring_->buffer_bytes() / kLineBytes);
  }
  page_->since_ns.store(monotonic_coarse_ns(), std::memory_order_relaxed);
  // seq_cst: pairs with the maker's store of floor. Either we see the raised floor here, or the
  // maker sees that the frame is in our hand and leaves its buffer alone.
  page_->begun.store(sequence + 1, std::memory_order_seq_cst);
  if (maker.floor.load(std::memory_order_seq_cst) > sequence) {
    return false;
  }
  // The buffer is ours, but its slot may be overwritten under our copy: then the floor has passed.
  std::uint64_t word = 0;
  if (!ring_->read(sequence, taken.descriptor, word)) {
    return false;
  }
  taken.sequence = sequence;
  taken.kind = word_kind(word);
  taken.buffer = word_buffer(word);
  return true;
}

bool RingFollower::passed_by_editors(Taken& taken) const noexcept {
  bool passed = true;
  for (const std::uint32_t line : editor_lines_) {
    const std::uint64_t verdict = ring_->verdict(taken.sequence, line);
    passed = passed && (verdict & kVerdictDrop) == 0;
    if ((verdict & kVerdictUnprocessed) != 0) {
      taken.descriptor.flags |= AVRIG_FRAME_UNPROCESSED;
    }
    if ((verdict & kVerdictQuarantined) != 0) {
      taken.descriptor.flags |= AVRIG_FRAME_QUARANTINED;
    }
  }
  return passed;
}

RingFollower::Next RingFollower::try_next(Taken& taken) noexcept {
  for (;;) {
    if (ring_->maker_page().floor.load(std::memory_order_seq_cst) > next_) {
      if (!lose_below_floor()) {
        return Next::Broken;
      }
      continue;
    }
    if (!available(next_)) {
      return Next::Nothing;
    }
    if (entry_.loss == Loss::MaySkip) {
      const std::uint64_t newest = newest_to_jump_to();
      Descriptor at;
      std::uint64_t word = 0;
      if (newest > next_ && ring_->read(newest, at, word)) {
        lose(newest, at.voids - (word_kind(word) == Kind::Frame ? 0 : 1), DropReason::Skipped);
      }
    }
    if (!begin(next_, taken)) {
      if (ring_->maker_page().floor.load(std::memory_order_seq_cst) > next_) {
        continue;  // overtaken
      }
      broken_ = "a descriptor carries another frame's number";
      return Next::Broken;
    }
    if (!resolve(taken)) {
      return Next::Broken;
    }
    if (entry_.part == Part::Editor && ring_->verdict(next_, entry_.editor_line) != 0) {
      judge(next_, 0);  // of a predecessor that was killed before it completed the frame
    }
    const bool passed = passed_by_editors(taken);
    if (taken.kind == Kind::Empty || (taken.kind == Kind::Frame && !passed)) {
      const bool held_nothing = hold_ == next_;
      count_void(taken.kind);
      advance(next_ + 1);
      if (held_nothing) {
        release(next_);
      }
      continue;
    }
    return Next::Taken;
  }
}

void RingFollower::complete(const Taken& taken) noexcept {
  if (taken.kind != Kind::Frame) {
    count_void(taken.kind);
    ended_ = ended_ || taken.kind == Kind::End;
  }
  taken_ns_ = taken.descriptor.published_ns;
  advance(taken.sequence + 1);
}

void RingFollower::complete_quarantined(const Taken& taken) noexcept {
  ++ledger_.quarantined;
  ledger_.jump_from = taken.sequence + 1;
  decide(taken.sequence + 1);
  advance(taken.sequence + 1);
}

void RingFollower::complete_dropped(const Taken& taken, DropReason reason) noexcept {
  ++ledger_.dropped[static_cast<std::size_t>(reason)];
  ledger_.jump_from = taken.sequence + 1;
  decide(taken.sequence + 1);
  advance(taken.sequence + 1);
}

void RingFollower::release(std::uint64_t sequence) noexcept {
  const std::uint64_t to = std::min(sequence, next_);
  if (to <= hold_) {
    return;
  }
  hold_ = to;
  page_->hold.store(to, std::memory_order_seq_cst);
  ring_all(wakes_on_hold_);
  ring_maker();
  if (ended_) {
    settle();  // there is no next frame to ask for
  }
}

void RingFollower::skip_to(std::uint64_t sequence) noexcept {
  while (next_ < sequence) {
    if (ring_->published(next_)) {
      const Kind kind = word_kind(ring_->slot(next_).word.load(std::memory_order_acquire));
      if (kind != Kind::Frame) {
        count_void(kind);
        ended_ = ended_ || kind == Kind::End;
      }
    } else if (ring_->maker_page().floor.load(std::memory_order_seq_cst) <= next_) {
      return;  // not there yet
    } else {
      // Out of the ring: all of it at once.
      advance(std::min(sequence, ring_->maker_page().floor.load(std::memory_order_seq_cst)));
      continue;
    }
    advance(next_ + 1);
  }
}

bool RingFollower::look_back(std::uint64_t sequence, Taken& taken) noexcept {
  std::uint64_t word = 0;
  if (sequence < hold_ || sequence >= next_ ||
      ring_->maker_page().floor.load(std::memory_order_seq_cst) > sequence ||
      !ring_->read(sequence, taken.descriptor, word)) {
    return false;
  }
  taken.sequence = sequence;
  taken.kind = word_kind(word);
  taken.buffer = word_buffer(word);
  return resolve(taken) && passed_by_editors(taken);
}

void RingFollower::note_latency(const Taken& taken, std::int64_t now_ns) noexcept {
  // Unsigned: the stamp is input.
  const auto since =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(now_ns) -
                                static_cast<std::uint64_t>(taken.descriptor.published_ns));
  const std::int64_t ns = std::max<std::int64_t>(since, 1);
  // Four buckets an octave from 2^10 ns (1 us).
  const auto value = static_cast<std::uint64_t>(ns);
  std::size_t bucket = 0;
  if (value >= 1024) {
    const auto octave = static_cast<std::size_t>(std::bit_width(value) - 1);
    bucket = 1 + (octave - 10) * 4 + ((value >> (octave - 2)) & 3);
  }
  auto& count = page_->latency[std::min(bucket, kLatencyBuckets - 1)];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (ns > page_->latency_max_ns.load(std::memory_order_relaxed)) {
    page_->latency_max_ns.store(ns, std::memory_order_relaxed);
  }
}

std::uint64_t undelivered(const Ledger& ledger) noexcept {
  std::uint64_t sum = ledger.quarantined + ledger.voids;
  for (const std::uint64_t dropped : ledger.dropped) {
    sum += dropped;
  }
  return sum;
}

EdgeCount count_edge(const Ring& ring, std::uint32_t participant) noexcept {
  EdgeCount count;
  const ParticipantPage& page = ring.participant_page(participant);
  Ledger ledger{};
  (void)page.ledger.load(ledger);
  const std::uint64_t done = std::max(page.done.load(std::memory_order_acquire), ledger.cursor);
  for (std::size_t reason = 0; reason < kDropReasons; ++reason) {
    count.dropped_by[reason] = ledger.dropped[reason];
    count.dropped += ledger.dropped[reason];
  }
  count.quarantined = ledger.quarantined;
  count.delivered = done - std::min(done, undelivered(ledger));
  // The newest descriptor says how many of those before it carry no frame; how many of them lie
  // below `done` the ledger knows.
  Descriptor newest;
  std::uint64_t word = 0;
  std::uint64_t head = done;
  for (int attempt = 0; attempt < 8; ++attempt) {
    head = std::max(ring.maker_page().head.load(std::memory_order_acquire), done);
    if (head == done || ring.read(head - 1, newest, word)) {
      break;
    }
    newest.voids = ledger.maker_voids;
  }
  count.in_flight = head - done;
  if (head > done) {
    const std::uint64_t ahead = newest.voids - std::min(newest.voids, ledger.maker_voids);
    count.in_flight -= std::min(ahead, count.in_flight);
  }
  count.produced = count.delivered + count.dropped + count.quarantined + count.in_flight;
  return count;
}

}  // namespace avrig::shm
